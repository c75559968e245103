"""What the words name is there: paths, links with their headings, make's targets, commands; and the README's picture has its stages in their order."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from test_imports import ROOMS

import support
from unde import cli

LISTED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=support.ROOT, capture_output=True, text=True, check=True
).stdout.splitlines()
#: Folders at the top; a word that begins with one of them, and a slash, is a path.
TOPS = sorted({name.partition("/")[0] for name in LISTED if "/" in name})
CITED = re.compile(rf"(?<![\w./~}}>*$-])(?:{'|'.join(map(re.escape, TOPS))})/[\w./*<>-]*[\w/*>]")
LINK = re.compile(r"\]\((?!\w+://)([^)\s#]*)(?:#([^)\s]+))?\)")
#: What a reader calls: an example between fences, or words between backticks.
CODE = re.compile(r"^```\w*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
#: Files that are there after somebody has followed the words that name them.
MADE_BY_USERS = {"inventory/group_vars/all/vault.yml", "inventory/group_vars/all/vault.sops.yml"}
#: What looks like a path, and is the name of an image.
IMAGES = {"molecule/standin", "molecule/tiny"}


@cache
def text(name: str) -> str:
    """Return a file's text; nothing for a link, or for what is no text."""
    path = support.ROOT / name
    content = b"" if path.is_symlink() or not path.is_file() else path.read_bytes()
    return "" if b"\0" in content[:1000] else content.decode("utf-8")


#: The tests make up names, golden files hold others' words.
TEXTS = [name for name in LISTED if name.partition("/")[0] != "tests" and text(name)]
MARKDOWN = [name for name in LISTED if name.endswith(".md")]


def there(cited: str, where: str = "") -> bool:
    """Tell whether a path exists: from the top, beside the file that cites it, in its role, or in some role; a program may be named without its suffix."""
    pattern = re.sub(r"<[^>]*>", "*", cited).rstrip("/.")
    own = "/".join(where.split("/")[:2])
    places = ["", f"{Path(where).parent}/", "roles/*/", *([f"{own}/"] if where.startswith(("roles/", "molecule/")) else [])]
    return any(any(support.ROOT.glob(f"{place}{pattern}{suffix}")) for place in places for suffix in ("", ".*"))


def missing(name: str, words: str) -> list[str]:
    """Return the paths that a text cites and that do not exist; what goes on with a bracket is a pattern."""
    found = {match[0].rstrip(".") for match in CITED.finditer(words) if words[match.end() : match.end() + 1] != "["}
    cited = found - MADE_BY_USERS - IMAGES
    return sorted(f"{name}: {each}" for each in cited if not there(each, name))


def test_every_path_that_is_cited_exists() -> None:
    assert [each for name in TEXTS for each in missing(name, text(name))] == []


def test_a_path_that_does_not_exist_is_found() -> None:
    said = "See `docs/nothing.md`, roles/<role>/meta/effects.yml, playbooks/days/day_*.yml, ``scripts/lint`` and /etc/docs/x.md; meta/main.yml of a role."
    assert missing("README.md", said) == ["README.md: docs/nothing.md"]
    assert missing("roles/etcd/README.md", "`tests/unit/test_nothing.py`, bench/speed.") == ["roles/etcd/README.md: tests/unit/test_nothing.py"]


def headings(name: str) -> set[str]:
    """Return the anchors of a Markdown file's headings."""
    found = re.findall(r"^#+ (.+)$", text(name), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in found}


@pytest.mark.parametrize("name", MARKDOWN)
def test_every_link_leads_somewhere(name: str) -> None:
    for target, anchor in LINK.findall(text(name)):
        path = (support.ROOT / name).parent / target if target else support.ROOT / name
        assert path.exists(), target
        if anchor:
            assert anchor in headings(str(path.resolve().relative_to(support.ROOT))), f"{target}#{anchor}"


def called(program: str, words: str) -> set[str]:
    """Return the first words with which a text calls a program."""
    code = "\n".join(fenced or inline for fenced, inline in CODE.findall(words))
    return set(re.findall(rf"^(?:\$ )?{program} ([a-z][\w-]*)", code, re.MULTILINE))


@pytest.mark.parametrize("name", MARKDOWN)
def test_every_target_and_command_that_is_cited_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", text("Makefile"), re.MULTILINE))
    assert called("make", text(name)) <= targets
    commands = {each.name or (each.callback.__name__ if each.callback else "") for each in cli.app.registered_commands}
    commands |= {each.name or "" for each in cli.app.registered_groups}
    assert called("unde", text(name)) <= commands


def test_what_is_called_is_found() -> None:
    assert called("make", "`make nothing`, or\n```sh\nmake lab    # all\n$ make test\n```\nmake a cup of tea, `let make be`") == {"nothing", "lab", "test"}


def test_all_targets_are_phony() -> None:
    """A folder of the same name would hide one."""
    [phony] = re.findall(r"^\.PHONY: (.*)$", text("Makefile"), re.MULTILINE)
    assert sorted(phony.split()) == sorted(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))


def test_the_picture_says_the_stages_in_their_order() -> None:
    """And what stands below a stage in the README's picture is of that stage."""
    lines = text("README.md").partition("```\n")[2].partition("```")[0].splitlines()
    stages = {match[1]: (match.start(1), match.end(1)) for match in re.finditer(r"─▶ ([a-z ]+?)(?= ─▶|$)", lines[0])}
    rooms = [room for room in ROOMS if room in stages]
    assert rooms == [stage for stage in stages if stage in ROOMS] == ["model", "plan", "checks"]
    for stage, word in {"model": "(typed)", "checks": "(refuse)"}.items():
        start, end = stages[stage]
        assert lines[1].find(word) < (start + end) / 2 < lines[1].find(word) + len(word), f"{word} does not stand below {stage}"
