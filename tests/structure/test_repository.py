"""What no file of the repository may hold."""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

import support

#: Words in pieces, so that this file does not hold them.
MACHINE = re.compile("/" + r"work/|/opt/" + "unde" + "venv|/tmp/" + "brief")
WORKPLACE = re.compile(r"\bshared" + r"/(?:design|facts|seed|prototypes|hooks)")
REGISTRIES = re.compile(
    "pypi" + r"\.org|files\.python" + r"hosted\.org|deb\.debian" + r"\.org|registry-1\.docker" + r"\.io|galaxy\.ansible" + r"\.com"
)
CARELESS = {
    "errors are looked away from": re.compile(r"^\s*ignore_" + "errors:", re.MULTILINE),
    "a certificate is not checked": re.compile(r"validate_" + r"certs:\s*(?:false|no)\b|--insec" + r"ure\b|curl [^\n]*-k\b", re.IGNORECASE),
}
#: What a merge leaves where two sides have changed the same lines; a rule of seven signs under a heading is something else.
CONFLICT = re.compile(r"^(?:<{7}|>{7}|\|{7})(?: .*)?$", re.MULTILINE)
BUILD = ("roles", "playbooks", "molecule", "scripts", ".ci", "Makefile")


def files() -> list[Path]:
    """Return the text files that are, or will be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=support.ROOT, capture_output=True, text=True, check=True
    )
    paths = [support.ROOT / name for name in listed.stdout.splitlines()]
    return [path for path in paths if path.is_file() and not path.is_symlink() and b"\0" not in path.read_bytes()[:1000]]


TEXTS = {path.relative_to(support.ROOT): path.read_text(encoding="utf-8") for path in files()}
YAML_FILES = [path for path in TEXTS if path.suffix in (".yml", ".yaml") and path.parts[:2] != ("tests", "golden")]


def found(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    """Return where a pattern occurs."""
    hits = ((path, match) for path in paths for match in pattern.finditer(TEXTS[path]))
    return [f"{path}:{TEXTS[path].count(chr(10), 0, match.start()) + 1}: {match[0].strip()}" for path, match in hits]


def test_no_machine_is_named() -> None:
    """No path of the machine that this was written on."""
    assert found(MACHINE, list(TEXTS)) == []
    assert found(WORKPLACE, list(TEXTS)) == []


def test_no_registry_is_named() -> None:
    """Packages come through the machine's own configuration, never from a host that is named here."""
    assert found(REGISTRIES, list(TEXTS)) == []


def test_no_merge_was_left_in_the_middle() -> None:
    """Nor did half of one pass for the text."""
    assert found(CONFLICT, list(TEXTS)) == []


@pytest.mark.parametrize("what", CARELESS)
def test_nothing_is_careless(what: str) -> None:
    """No error is looked away from, no certificate unchecked."""
    assert found(CARELESS[what], [path for path in TEXTS if path.parts[0] in BUILD]) == []


def test_the_gates_can_fail() -> None:
    """What the Makefile and CI run decides: nothing says yes in its place."""
    pattern = re.compile(r"\|\|\s*(?:true|:|echo)\b|^\t-", re.MULTILINE)
    assert found(pattern, [path for path in TEXTS if path.parts[0] in (".ci", "Makefile")]) == []


def test_every_yaml_file_can_be_read() -> None:
    """And begins with its mark, where it is Ansible's."""
    for path in YAML_FILES:
        if path.parts[0] in ("roles", "playbooks"):
            assert TEXTS[path].startswith("---\n"), path
        if "templates" not in path.parts:
            try:
                list(yaml.compose_all(TEXTS[path], Loader=yaml.CSafeLoader))
            except yaml.YAMLError as error:
                pytest.fail(f"{path}: {error}")


def test_names_of_test_files() -> None:
    """Every Python file below tests that holds tests is one that pytest collects."""
    for path in TEXTS:
        if path.parts[0] == "tests" and path.suffix == ".py" and re.search(r"^def test_", TEXTS[path], re.MULTILINE):
            assert path.name.startswith("test_"), path


def test_what_sanity_lets_through_has_its_reason() -> None:
    """For the release of ansible-core that is installed; `ansible-test` itself refuses a line that nothing needs."""
    [file] = (support.ROOT / "tests/sanity").glob("ignore-*.txt")
    assert file.name == f"ignore-{'.'.join(version('ansible-core').split('.')[:2])}.txt"
    for line in file.read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"\S+ [\w-]+(:[\w-]+)? # \S.{10,}", line), line


def test_every_line_of_a_shell_script_can_fail() -> None:
    """``set -e`` looks away where a command is negated by ``!``: a scenario asks with ``if …; then exit 1; fi``."""
    files = [*(support.ROOT / "molecule").rglob("*.yml"), *(support.ROOT / "molecule").rglob("*.sh")]
    assert len(files) > 50
    found = [f"{file.relative_to(support.ROOT)}: {line.strip()}" for file in files for line in file.read_text(encoding="utf-8").splitlines()
             if line.lstrip().startswith("! ") and "||" not in line]
    assert not found
