"""The module ``unde.infra.libvirt_domain``: what it does to a domain, what waits, and what it leaves alone, in whatever language virsh speaks."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import libvirt
from ansible_collections.unde.infra.plugins.modules import libvirt_domain

DEFINITION = "<domain><name>chr-a</name><description/></domain>"
IDENTITY = hashlib.sha256(DEFINITION.encode()).hexdigest()
#: What virsh says of a domain that runs, in the language of who asks it.
VIRSH = """#!/bin/sh
shift 3
german=no
case "${LC_ALL:-$LANG}" in de_*|ru_*) german=yes ;; C) ;; *) [ -z "$LANGUAGE" ] || german=yes ;; esac
case "$1" in
  domstate) [ $german = yes ] && echo laufend || echo running ;;
  dominfo) [ $german = yes ] && echo 'Automatischer Start: Aktivieren' || echo 'Autostart:      enable' ;;
  desc) echo "$DESCRIPTION" ;;
  *) echo "$@" >> "$CALLED" ;;
esac
"""


class Virsh:
    """A hypervisor with one domain; asked through the programs that stand in."""

    def __init__(self, programs: Any) -> None:
        self.programs = programs
        self.has()
        for words in ("define", "autostart", "start", "resume", "shutdown"):
            programs.say(f"qemu:///system {words}")

    def has(self, state: str = "running", defined: str = IDENTITY, running: str = IDENTITY, autostart: str = "enable") -> None:
        """Let the domain be like that; an empty state: there is none."""
        missing = {"code": 1, "complaint": "error: failed to get domain"} if not state else {}
        self.programs.say("domstate", f"{state}\n", **missing)
        self.programs.say("desc chr-a --config", f"{defined}\n", **missing)
        self.programs.say("desc chr-a --live", f"{running}\n", **missing)
        self.programs.say("dominfo", f"Id: 1\nAutostart:      {autostart}\n", **missing)

    @property
    def done(self) -> list[str]:
        """Return what it was told to change."""
        asked = [line.split("qemu:///system ")[1] for line in self.programs.asked]
        return [line for line in asked if line.split()[0] not in ("domstate", "desc", "dominfo")]


@pytest.fixture
def virsh(programs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Virsh:
    monkeypatch.setattr(libvirt, "VIRSH", tmp_path)
    monkeypatch.setattr(libvirt.time, "sleep", lambda seconds: None)
    return Virsh(programs)


def run(called: Callable[..., dict[str, Any]], check_mode: bool = False, **parameters: Any) -> dict[str, Any]:
    return called(libvirt_domain, check_mode, **{"name": "chr-a", "definition": DEFINITION, "timeout": 0, **parameters})


def test_a_domain_that_runs_as_it_is_wanted_is_left_alone(virsh: Virsh, called: Callable[..., dict[str, Any]]) -> None:
    result = run(called)
    assert (result["changed"], result["actions"], result["restart_pending"]) == (False, [], False)
    assert virsh.done == []


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_new_domain_is_defined_and_started(check_mode: bool, virsh: Virsh, called: Callable[..., dict[str, Any]]) -> None:
    virsh.has(state="")
    result = run(called, check_mode)
    assert result["actions"] == ["virsh define chr-a", "virsh autostart chr-a", "virsh start chr-a"]
    assert result["diff"]["prepared"] == "virsh define chr-a\nvirsh autostart chr-a\nvirsh start chr-a\n"
    assert [line.split()[0] for line in virsh.done] == ([] if check_mode else ["define", "autostart", "start"])


def test_before_the_package_is_there_check_mode_tells_the_same(
    virsh: Virsh, called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(libvirt, "VIRSH", tmp_path / "none")
    assert run(called, check_mode=True)["actions"] == ["virsh define chr-a", "virsh autostart chr-a", "virsh start chr-a"]
    assert virsh.programs.asked == []


def test_the_definition_carries_its_identity(virsh: Virsh, called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    virsh.has(defined="another")
    written: list[str] = []
    answer = virsh.programs.run

    def read(words: list[str], **more: Any) -> tuple[int, str, str]:
        if "define" in words:
            assert words[-2] == "--validate"
            written.append(Path(words[-1]).read_text())
        return tuple(answer(words, **more))  # type: ignore[return-value]

    monkeypatch.setattr(virsh.programs, "run", read)
    assert run(called)["actions"] == ["virsh define chr-a"]
    assert written == [DEFINITION.replace("<description/>", f"<description>{IDENTITY}</description>")]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_domain_that_runs_by_an_older_definition_is_restarted(
    check_mode: bool, virsh: Virsh, called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    virsh.has(running="older")
    answer = virsh.programs.run

    def shut_down(words: list[str], **more: Any) -> Any:
        if "shutdown" in words:
            virsh.has(state="shut off", running="older")
        return answer(words, **more)

    monkeypatch.setattr(virsh.programs, "run", shut_down)
    assert run(called, check_mode)["actions"] == ["virsh shutdown chr-a", "virsh start chr-a"]
    assert virsh.done == ([] if check_mode else ["shutdown chr-a", "start chr-a"])


def test_where_nothing_may_be_restarted_it_waits(virsh: Virsh, called: Callable[..., dict[str, Any]]) -> None:
    virsh.has(running="older")
    result = run(called, may_restart=False)
    assert (result["changed"], result["restart_pending"]) == (False, True)
    assert virsh.done == []


def test_a_domain_that_does_not_shut_down_runs_on(virsh: Virsh, called: Callable[..., dict[str, Any]]) -> None:
    virsh.has(running="older")
    result = run(called)
    assert result["failed"]
    assert result["msg"] == "chr-a did not shut down within 0 s; it runs on as it was"
    assert "start chr-a" not in virsh.done


@pytest.mark.parametrize(("state", "action"), [("paused", "virsh resume chr-a"), ("shut off", "virsh start chr-a"), ("crashed", "virsh start chr-a")])
def test_a_domain_that_does_not_run_is_brought_to_run(state: str, action: str, virsh: Virsh, called: Callable[..., dict[str, Any]]) -> None:
    virsh.has(state=state)
    assert run(called)["actions"] == [action]


def test_what_virsh_complains_of_is_told(virsh: Virsh, called: Callable[..., dict[str, Any]]) -> None:
    virsh.has(state="shut off")
    virsh.programs.say("qemu:///system start", code=1, complaint="error: no such disk\n")
    assert run(called)["msg"] == "virsh start chr-a: error: no such disk"


def test_a_definition_without_room_for_its_identity_is_refused(virsh: Virsh, called: Callable[..., dict[str, Any]]) -> None:
    assert "<description/>" in run(called, definition="<domain/>")["msg"]
    assert virsh.done == []


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_domain_that_is_wanted_no_more_is_shut_down(check_mode: bool, virsh: Virsh, called: Callable[..., dict[str, Any]]) -> None:
    result = run(called, check_mode, state="stopped", definition=None)
    assert result["actions"] == ["virsh autostart --disable chr-a", "virsh shutdown chr-a"]
    assert virsh.done == ([] if check_mode else ["autostart --disable chr-a", "shutdown chr-a"])


@pytest.mark.parametrize("state", ["", "shut off"])
def test_one_that_there_is_not_or_that_is_off_is_left_alone(state: str, virsh: Virsh, called: Callable[..., dict[str, Any]]) -> None:
    virsh.has(state=state, autostart="disable")
    assert not run(called, state="stopped", definition=None)["changed"]


@pytest.mark.parametrize(
    "speaks", [{"LC_ALL": "de_DE.UTF-8"}, {"LANG": "ru_RU.UTF-8"}, {"LANG": "C.UTF-8", "LANGUAGE": "de"}], ids=["LC_ALL", "LANG", "LANGUAGE"]
)
def test_a_guest_that_runs_is_left_running_whatever_the_language(
    speaks: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, called: Callable[..., dict[str, Any]]
) -> None:
    virsh, done = tmp_path / "virsh", tmp_path / "called"
    virsh.write_text(VIRSH)
    virsh.chmod(0o755)
    for name in ("LC_ALL", "LANG", "LANGUAGE", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**speaks, "PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLED": str(done), "DESCRIPTION": IDENTITY}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(libvirt, "VIRSH", virsh)
    result = run(called)
    assert (result["changed"], result["restart_pending"]) == (False, False)
    assert not done.exists()
