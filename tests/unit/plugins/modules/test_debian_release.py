"""What every role begins with: the host's release is asked for once in a run, one that is not supported is refused before anything, and the guard holds."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.unde.infra.plugins.module_utils import debian

import support

MODULE = support.ROOT / "plugins" / "modules" / "debian_release.py"
_spec = importlib.util.spec_from_file_location("unde_debian_release", MODULE)
assert _spec is not None
assert _spec.loader is not None
module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(module)

TWELVE = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n'
TESTING = 'PRETTY_NAME="Debian GNU/Linux forky/sid"\nVERSION_CODENAME=forky\nID=debian\n'
UBUNTU = "PRETTY_NAME='Ubuntu 24.04.1 LTS'\nVERSION_ID=\"24.04\"\nVERSION_CODENAME=noble\nID=ubuntu\nID_LIKE=debian\n"
DERIVED = 'PRETTY_NAME="Raspbian GNU/Linux 12"\nVERSION_CODENAME=bookworm\nID=raspbian\n'


@pytest.mark.parametrize(
    ("text", "supported", "refused"),
    [
        (TWELVE, ["bookworm", "trixie"], False),
        (TWELVE, ["trixie"], True),
        (TWELVE, [], False),
        (UBUNTU, [], False),
        (TESTING, ["bookworm", "trixie"], True),
        (UBUNTU, ["bookworm", "trixie"], True),
        (DERIVED, ["bookworm", "trixie"], True),
        ("", ["bookworm", "trixie"], True),
        ("\ufffd=\n", ["trixie"], True),
    ],
)
def test_refusal(text: str, supported: list[str], refused: bool) -> None:
    """What is no supported release of Debian itself is refused."""
    assert (module.refusal(debian.read(text), supported, "redis", "push") is not None) == refused


def test_what_is_said() -> None:
    """The host, what it runs, the role, and what can be done."""
    said = module.refusal(debian.read(TWELVE), ["trixie"], "redis", "push")
    for wanted in (
        "push runs Debian GNU/Linux 12 (bookworm)",
        "the role redis works on trixie alone",
        "Nothing was done",
        "Upgrade the host to trixie",
        "another host",
        "`adopt`",
        "docs/reference/releases.md",
    ):
        assert wanted in said


def test_what_is_read() -> None:
    """With quotes of either kind, or none; what is not there is empty."""
    assert debian.read(TWELVE) == ("debian", "bookworm", "12", "Debian GNU/Linux 12 (bookworm)")
    assert debian.read(TESTING) == ("debian", "forky", "", "Debian GNU/Linux forky/sid")
    assert debian.read("") == ("linux", "", "", "linux")


#: The host's own release, so that the roles below find it supported or not on whatever Debian the tests run.
OWN = debian.own_release().release


def role(folder: Path, name: str, releases: list[str]) -> None:
    """Make a role that begins as all do, and then leaves a file with its host's name."""
    ours = (support.ROOT / "roles" / "redis" / "tasks" / "main.yml").read_text(encoding="utf-8")
    begins = ours[: ours.index("\n\n- name: Gather the state of the host")].replace("'redis'", f"'{name}'").replace("role: redis", f"role: {name}")
    text = re.sub(r"supported: \[.*\]", f"supported: {json.dumps(releases)}", begins)
    act = {"name": "Act", "ansible.builtin.copy": {"content": "", "dest": f"{folder}/{{{{ inventory_hostname }}}}-{name}", "mode": "0600"}}
    (folder / "roles" / name / "tasks").mkdir(parents=True)
    (folder / "roles" / name / "tasks" / "main.yml").write_text(f"{text}\n\n{yaml.safe_dump([act])}", encoding="utf-8")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run three roles on four hosts, in two plays; return what each host left, the exit code, and what was said."""
    folder = tmp_path_factory.mktemp("release")
    role(folder, "works", [OWN])
    role(folder, "too", ["potato", OWN])
    role(folder, "newer", ["potato"])
    common: dict[str, Any] = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    hosts = {
        "ours": {"unde_state": "create"},
        "alone": {},
        "adopting": {"unde_state": "running", "unde_adopt": ["works", "newer"]},
        "theirs": {"unde_state": "running", "unde_adopt": ["too"]},
    }
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": common, "hosts": hosts}}), encoding="utf-8")
    plays = [
        {"name": "First", "hosts": "all", "gather_facts": False, "roles": ["works", "too"]},
        {"name": "Second", "hosts": "all", "gather_facts": False, "tasks": [{"name": "Again", "ansible.builtin.include_role": {"name": "newer"}}]},
    ]
    (folder / "play.yml").write_text(yaml.safe_dump(plays), encoding="utf-8")
    surroundings = {
        "ANSIBLE_ROLES_PATH": str(folder / "roles"),
        "ANSIBLE_INVENTORY_ENABLED": "ansible.builtin.yaml",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
        "ANSIBLE_STRATEGY": "linear",
    }
    done = support.run("ansible-playbook", "-i", folder / "hosts.yml", folder / "play.yml", **surroundings)
    return {"left": sorted(path.name for path in folder.glob("*-*")), "code": done.returncode, "said": done.stdout}


def test_the_guard_holds_behind_it(ran: dict[str, Any]) -> None:
    """Where a role may not act it does nothing, not even what stands after the imported role's end; where it may, it acts."""
    assert ran["left"] == ["adopting-works", "alone-too", "alone-works", "ours-too", "ours-works", "theirs-too"]


def test_who_is_refused(ran: dict[str, Any]) -> None:
    """Whoever a role may act on, by name, and nobody else."""
    assert ran["code"] == 2
    told = re.sub(r"\s+", " ", ran["said"])
    for host in ("ours", "alone", "adopting"):
        assert f"{host} runs " in told
        assert re.search(rf"{host} +: ok=\d+ +changed=\d+ +unreachable=0 +failed=1", told)
    assert "the role newer works on potato alone" in told
    assert "theirs runs " not in told
    assert re.search(r"theirs +: ok=\d+ +changed=\d+ +unreachable=0 +failed=0", told)


def test_a_host_is_asked_once(ran: dict[str, Any]) -> None:
    """In all that a run did on a host there is one question, and no result for what the answer already settles: asked, each role's own task, the include."""
    done = {host: (int(ok), int(skipped)) for host, ok, skipped in re.findall(r"^(\w+) +: ok=(\d+) .*skipped=(\d+)", ran["said"], re.MULTILINE)}
    assert done == {"ours": (4, 0), "alone": (4, 0), "adopting": (3, 0), "theirs": (3, 0)}
