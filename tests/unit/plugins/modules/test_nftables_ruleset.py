"""The module ``unde.infra.nftables_ruleset``: which rules are loaded decides, and what a unit does not load is told."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import nftables
from ansible_collections.unde.infra.plugins.modules import nftables_ruleset

UNIT = "example-firewall.service"
PLACE = {"table": "inet example", "rules_id": "abc123", "file": "/etc/example.nft", "unit": UNIT}


def table(rules_id: str, more: str = "") -> str:
    """Return a table as nft lists it."""
    return f'table inet example {{\n\tcomment "rules {rules_id}{more}"\n}}\n'


@pytest.fixture
def host(programs: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Return the programs of a host that has the wanted rules loaded, and does not forward."""
    monkeypatch.setattr(nftables.shutil, "which", lambda name: f"/usr/sbin/{name}")
    monkeypatch.setattr(nftables, "FORWARDING", tmp_path / "ip_forward")
    (tmp_path / "ip_forward").write_text("0\n")
    programs.say("systemctl show", "UnitFileState=enabled\nActiveState=active\nNeedDaemonReload=no\n")
    programs.say("nft -t list table inet example", table("abc123"))
    for verb in ("daemon-reload", "enable", "start", "reload"):
        programs.say(f"systemctl {verb}")
    return programs


def answering(host: Any, monkeypatch: pytest.MonkeyPatch, *tables: str) -> None:
    """Have nft list one table after the other, the last one for ever."""
    left = list(tables)
    plain = host.run

    def run(words: list[str], **more: Any) -> tuple[int, str, str]:
        if words[0] == "nft":
            return 0, left.pop(0) if len(left) > 1 else left[0], ""
        return plain(words, **more)

    monkeypatch.setattr(host, "run", run)


@pytest.mark.parametrize("more", ["", " enforce"])
def test_rules_that_are_loaded_stay(more: str, host: Any, called: Callable[..., dict[str, Any]]) -> None:
    """Whatever else the comment says."""
    host.say("nft -t list table inet example", table("abc123", more))
    result = called(nftables_ruleset, **PLACE)
    assert (result["changed"], result["actions"]) == (False, [])
    assert (nftables.FORWARDING).read_text() == "0\n"


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("loaded", [table("fff999"), "", "table inet example {\n}\n"])
def test_other_rules_are_replaced(check_mode: bool, loaded: str, host: Any, monkeypatch: pytest.MonkeyPatch, called: Callable[..., dict[str, Any]]) -> None:
    """Also where somebody flushed them."""
    answering(host, monkeypatch, *([loaded] if check_mode else [loaded, table("abc123")]))
    result = called(nftables_ruleset, check_mode, **PLACE)
    assert result["actions"] == [f"systemctl reload {UNIT}"]
    assert result["changed"]
    assert result["diff"] == {"prepared": f"systemctl reload {UNIT}\n"}
    assert (f"systemctl reload {UNIT}" in host.asked) is not check_mode


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_new_unit_is_enabled_and_started(check_mode: bool, host: Any, called: Callable[..., dict[str, Any]]) -> None:
    host.say("systemctl show", "UnitFileState=\nActiveState=inactive\nNeedDaemonReload=no\n")
    commands = ["systemctl daemon-reload", f"systemctl enable {UNIT}", f"systemctl start {UNIT}"]
    assert called(nftables_ruleset, check_mode, **PLACE, daemon_reload=True)["actions"] == commands
    assert [line for line in host.asked if line in commands] == ([] if check_mode else commands)


def test_a_unit_that_is_newer_than_what_systemd_knows_is_read(host: Any, called: Callable[..., dict[str, Any]]) -> None:
    host.say("systemctl show", "UnitFileState=enabled\nActiveState=active\nNeedDaemonReload=yes\n")
    assert called(nftables_ruleset, **PLACE)["actions"] == ["systemctl daemon-reload"]


def test_check_mode_before_nftables_is_installed(host: Any, monkeypatch: pytest.MonkeyPatch, called: Callable[..., dict[str, Any]]) -> None:
    monkeypatch.setattr(nftables.shutil, "which", lambda name: None)
    assert called(nftables_ruleset, True, **PLACE)["actions"] == [f"systemctl reload {UNIT}"]
    assert not [line for line in host.asked if line.startswith("nft")]


def test_rules_that_do_not_load_are_told_with_the_journal(host: Any, called: Callable[..., dict[str, Any]]) -> None:
    host.say("nft -t list table inet example", table("fff999"))
    host.say(f"systemctl reload {UNIT}", code=1, complaint="Job failed.\n")
    host.say("journalctl", "/etc/example.nft:3: syntax error\n")
    result = called(nftables_ruleset, **PLACE, forward=True)
    assert result["msg"] == f"systemctl reload {UNIT}: Job failed.\n/etc/example.nft:3: syntax error\n"
    assert nftables.FORWARDING.read_text() == "0\n"


def test_a_file_with_other_rules_is_told(host: Any, called: Callable[..., dict[str, Any]]) -> None:
    host.say("nft -t list table inet example", table("fff999"))
    message = called(nftables_ruleset, **PLACE, forward=True)["msg"]
    assert message == f"the table inet example that is loaded is not the one of /etc/example.nft, although {UNIT} was loaded"
    assert nftables.FORWARDING.read_text() == "0\n"


@pytest.mark.parametrize("check_mode", [True, False])
def test_the_kernel_forwards_when_the_rules_are_loaded(check_mode: bool, host: Any, called: Callable[..., dict[str, Any]]) -> None:
    assert called(nftables_ruleset, check_mode, **PLACE, forward=True)["actions"] == ["ip_forward = 1"]
    assert nftables.FORWARDING.read_text() == ("0\n" if check_mode else "1")
    if not check_mode:
        assert not called(nftables_ruleset, **PLACE, forward=True)["changed"]


def test_a_container_that_must_not_forward_is_told_how(host: Any, monkeypatch: pytest.MonkeyPatch, called: Callable[..., dict[str, Any]]) -> None:
    monkeypatch.setattr(Path, "write_text", lambda self, text: (_ for _ in ()).throw(OSError(errno.EROFS, "read-only")))
    message = called(nftables_ruleset, **PLACE, forward=True)["msg"]
    assert "cannot be written (Read-only file system): start the container with --sysctl net.ipv4.ip_forward=1" in message


REMOVAL = [f"systemctl disable {UNIT}", f"systemctl stop {UNIT}", "nft delete table inet example"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_rules_are_removed(check_mode: bool, host: Any, called: Callable[..., dict[str, Any]]) -> None:
    for words in REMOVAL:
        host.say(words)
    result = called(nftables_ruleset, check_mode, state="absent", table="inet example", unit=UNIT)
    assert (result["changed"], result["actions"]) == (True, REMOVAL)
    assert [line for line in host.asked if line in REMOVAL] == ([] if check_mode else REMOVAL)


def test_what_an_interrupted_removal_left_goes_too(host: Any, called: Callable[..., dict[str, Any]]) -> None:
    """The unit's file is gone already."""
    host.say("systemctl show", "UnitFileState=\nActiveState=inactive\n")
    host.say("nft delete table inet example")
    assert called(nftables_ruleset, state="absent", table="inet example", unit=UNIT)["actions"] == REMOVAL[2:]
    host.say("nft -t list table inet example", code=1, complaint="No such file or directory")
    assert not called(nftables_ruleset, state="absent", table="inet example", unit=UNIT)["changed"]


def test_a_table_that_stays_is_told(host: Any, called: Callable[..., dict[str, Any]]) -> None:
    for words in REMOVAL[:2]:
        host.say(words)
    host.say(REMOVAL[2], code=1, complaint="Device or resource busy\n")
    result = called(nftables_ruleset, state="absent", table="inet example", unit=UNIT)
    assert "nft delete table inet example: Device or resource busy" in result["msg"]
    assert result["actions"] == REMOVAL


def test_rules_without_an_identity_are_not_loaded(host: Any, called: Callable[..., dict[str, Any]]) -> None:
    assert "missing: rules_id, file" in called(nftables_ruleset, table="inet example", unit=UNIT)["msg"]
