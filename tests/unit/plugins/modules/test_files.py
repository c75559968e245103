"""The module ``unde.infra.files``, run by Ansible against this machine in a folder of its own."""

from __future__ import annotations

import grp
import json
import os
import pwd
from pathlib import Path
from typing import Any

import pytest
import yaml

import support

OK = "grep -q ok %s"  #: stands for a service's checker: refuses content without the word
TELLTALE = "sh -c 'cat %s >&2; exit 1'"  #: a checker that repeats what it refuses


READ = "cd {{ folder }}; for f in d/one d/two; do cat $f 2>/dev/null || echo none; done"


def call(name: str, files: list[dict[str, Any]], note: bool = False, packages: list[str] | None = None, **keywords: Any) -> list[dict[str, Any]]:
    """Return tasks: a call of the module, and, where wanted, a note of what then stands in the two files."""
    mine = {"owner": pwd.getpwuid(os.getuid()).pw_name, "group": grp.getgrgid(os.getgid()).gr_name}
    files = [file | mine for file in files]
    task = {"name": name, "unde.infra.files": {"files": files, "packages": packages or []}, "register": name, "failed_when": False, **keywords}
    after = {f"after_{name}": "{{ lookup('ansible.builtin.pipe', read) }}"}
    return [task, {"name": f"Note {name}", "ansible.builtin.set_fact": after}] if note else [task]


def folder_entry(**more: Any) -> dict[str, Any]:
    """Return the bundle's directory."""
    return {"dest": "{{ folder }}/d", "state": "directory", "mode": "0750", **more}


def entry(name: str, content: str, **more: Any) -> dict[str, Any]:
    """Return one file of the bundle."""
    return {"dest": "{{ folder }}/d/" + name, "content": content, "mode": "0640", "validate": OK, **more}


STEPS = [
    *call("foreseen", [folder_entry(), entry("one", "ok 1\n")], check_mode=True, note=True),
    *call("made", [folder_entry(), entry("one", "ok 1\n"), entry("two", "ok 2\n")], note=True),
    *call("again", [folder_entry(), entry("one", "ok 1\n"), entry("two", "ok 2\n")]),
    *call("refused", [entry("one", "ok 1 new\n"), entry("two", "bad hunter2\n", secret=True, validate=TELLTALE)], note=True),
    *call("checked", [entry("one", "ok 1 new\n"), entry("two", "ok 2\n")], check_mode=True, diff=True),
    *call("checked_and_refused", [entry("one", "bad\n")], check_mode=True, note=True),
    *call("part", [entry("one", "ok 1 new\n"), entry("two", "ok 2\n")], diff=True, note=True),
    *call("hidden", [entry("one", "ok hunter2\n", secret=True)], diff=True, note=True),
    *call("mode_only", [entry("one", "ok hunter2\n", mode="0600")]),
    *call("not_a_file", [entry("two", "ok 2 new\n"), {"dest": "{{ folder }}/d", "content": "ok\n"}], note=True),
    *call("no_content", [{"dest": "{{ folder }}/d/one"}]),
    *call("kept", [folder_entry(mode="0711", keep_attributes=True), {**folder_entry(mode="1777", keep_attributes=True), "dest": "{{ folder }}/d/e"}]),
    *call("kept_again", [{**folder_entry(mode="0711", keep_attributes=True), "dest": "{{ folder }}/d/e"}]),
    {
        "name": "Note kept",
        "ansible.builtin.set_fact": {"modes": "{{ lookup('ansible.builtin.pipe', 'stat --format %a ' ~ folder ~ '/d ' ~ folder ~ '/d/e') }}"},
    },
    *call("awaited", [entry("one", "bad\n"), {"dest": "{{ folder }}/d/two", "state": "absent"}], note=True, packages=["dpkg", "no-such-package", "dpkg=0"]),
    *call("awaited_in_check", [entry("one", "bad\n")], check_mode=True, packages=["no-such-package"]),
    *call("no_more_awaited", [entry("two", "ok 3\n")], packages=["dpkg"]),
    *call("two_back", [entry("two", "ok 2\n")]),
    *call("gone_in_check", [{"dest": "{{ folder }}/d", "state": "absent"}], check_mode=True),
    *call("file_gone", [{"dest": "{{ folder }}/d/one", "state": "absent"}], note=True),
    *call("gone", [{"dest": "{{ folder }}/d", "state": "absent"}]),
    *call("gone_again", [{"dest": "{{ folder }}/d", "state": "absent"}]),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run all steps in one play and return what each registered and left behind, with the play's output as ``stdout``."""
    folder = tmp_path_factory.mktemp("files")
    names = [step["name"] for step in STEPS if not step["name"].startswith("Note")]
    names += [name for step in STEPS for name in step.get("ansible.builtin.set_fact", [])]
    report = "{{ {" + ", ".join(f"'{name}': {name}" for name in names) + "} | to_json }}"
    tasks = [*STEPS, {"name": "Report", "ansible.builtin.copy": {"content": report, "dest": "{{ folder }}/report.json", "mode": "0600"}}]
    play = {
        "name": "Try the module",
        "hosts": "localhost",
        "gather_facts": False,
        "tasks": tasks,
        "vars": {"folder": str(folder), "read": READ, "ansible_python_interpreter": "{{ ansible_playbook_python }}"},
    }
    (folder / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    done = support.run("ansible-playbook", "-i", "localhost,", "-c", "local", folder / "play.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "report.json").read_text(encoding="utf-8")) | {"stdout": done.stdout, "folder": str(folder)}


def changed(result: dict[str, Any]) -> list[str]:
    """Return the names of what was changed; the two ways to say so agree."""
    names = [Path(path).name for path in result["changed_paths"]]
    assert result["changed"] is bool(names)
    return names


def test_a_bundle_is_made_once(results: dict[str, Any]) -> None:
    """The directory and its files are made, in order; a second run changes nothing."""
    assert changed(results["made"]) == ["d", "one", "two"]
    assert results["after_made"] == "ok 1\nok 2"
    assert changed(results["again"]) == []


def test_a_refused_file_leaves_all_as_they_were(results: dict[str, Any]) -> None:
    """The second file's checker refuses it: the first is not written either, and a secret is not repeated."""
    assert "two: the new content is refused by its checker, nothing was written" in results["refused"]["msg"]
    assert results["after_refused"] == "ok 1\nok 2"
    assert "hunter2" not in json.dumps(results["refused"] | {"invocation": None})


def test_only_what_differs_is_written(results: dict[str, Any]) -> None:
    """Of two files the one that differs is changed, and its difference shown."""
    assert changed(results["part"]) == ["one"]
    assert results["after_part"] == "ok 1 new\nok 2"
    [difference] = results["part"]["diff"]
    assert (difference["before"], difference["after"]) == ("ok 1\n", "ok 1 new\n")


def test_check_mode(results: dict[str, Any]) -> None:
    """It says what would change, even inside a directory that is not there yet, validates, and writes nothing."""
    assert changed(results["foreseen"]) == ["d", "one"]
    assert results["after_foreseen"] == "none\nnone"
    assert changed(results["checked"]) == ["one"]
    assert results["checked"]["diff"][0]["after"] == "ok 1 new\n"
    assert "refused by its checker" in results["checked_and_refused"]["msg"]
    assert changed(results["gone_in_check"]) == ["d"]
    assert results["after_checked_and_refused"] == "ok 1\nok 2"


def test_a_secret_is_not_in_the_diff(results: dict[str, Any]) -> None:
    """The file is written, its content shown nowhere."""
    assert changed(results["hidden"]) == ["one"]
    assert results["after_hidden"] == "ok hunter2\nok 2"
    assert "hunter2" not in json.dumps(results["hidden"]["diff"])
    assert "hunter2" not in results["stdout"]


def test_mode_alone(results: dict[str, Any]) -> None:
    """A file whose mode alone differs is changed."""
    assert changed(results["mode_only"]) == ["one"]


def test_attributes_of_what_is_there_are_kept(results: dict[str, Any]) -> None:
    """Where it is asked for; what is made has them."""
    assert changed(results["kept"]) == ["e"]
    assert changed(results["kept_again"]) == []
    assert results["modes"] == "750\n1777"


def test_wrong_calls(results: dict[str, Any]) -> None:
    """A directory is not overwritten by a file, and a file needs content; nothing of the bundle is written."""
    assert "is a directory where a file is wanted" in results["not_a_file"]["msg"]
    assert results["after_not_a_file"] == "ok hunter2\nok 2"
    assert "content" in results["no_content"]["msg"]


def test_without_its_packages_nothing_is_written(results: dict[str, Any]) -> None:
    """Nor validated, since the checker may come with them; what they are missing for is said."""
    assert changed(results["awaited"]) == []
    assert results["awaited"]["missing_packages"] == ["no-such-package", "dpkg=0"]
    assert results["after_awaited"] == "ok hunter2\nok 2"
    assert results["awaited_in_check"]["missing_packages"] == ["no-such-package"]
    assert results["no_more_awaited"]["missing_packages"] == []
    assert changed(results["no_more_awaited"]) == ["two"]


def test_absent(results: dict[str, Any]) -> None:
    """A file and a directory go, once."""
    assert changed(results["file_gone"]) == ["one"]
    assert results["after_file_gone"] == "none\nok 2"
    assert changed(results["gone"]) == ["d"]
    assert changed(results["gone_again"]) == []
    assert not (Path(results["folder"]) / "d").exists()
