"""The module ``unde.infra.chr_network``: firewall, bridge, boot and forwarding are brought to what is written, in this order, and nothing else is touched."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import chr_network
from ansible_collections.unde.infra.plugins.modules import chr_network as module

#: When networkd was started, in seconds since 1970.
STARTED = 1_000_000
FIREWALL, NETWORKD, ONLINE = chr_network.FIREWALL, chr_network.NETWORKD, chr_network.ONLINE


class Host:
    """A host on which everything is as it is written; each test changes what it is about."""

    def __init__(self, programs: Any, root: Path) -> None:
        self.programs, self.root = programs, root
        self.asked = programs.asked
        self.unit(FIREWALL)
        self.unit(NETWORKD)
        self.unit(ONLINE, enabled="disabled")
        programs.say("--timestamp=unix", f"ActiveEnterTimestamp=@{STARTED}\n")
        self.rules("r1")
        self.has()
        self.links(chr0="configured", eth0="unmanaged")
        for words in ("systemctl enable", "systemctl disable", "systemctl start", "systemctl stop", "systemctl reload", "systemctl restart",
                      "systemctl daemon-reload", "networkctl reload", "networkctl reconfigure", "nft delete", "ip link delete"):  # fmt: skip
            programs.say(words)

    def unit(self, name: str, enabled: str = "enabled", active: str = "active", reload: str = "no") -> None:
        self.programs.say(f"systemctl show {name}", f"UnitFileState={enabled}\nActiveState={active}\nNeedDaemonReload={reload}\n")

    def rules(self, identity: str) -> None:
        text = f'table inet unde_chr {{\n\tcomment "rules {identity}"\n}}\n' if identity else ""
        self.programs.say("nft -t list table inet unde_chr", text, code=0 if identity else 1)

    def has(self, address: str = "192.0.2.1", **routes: str) -> None:
        led = routes or {"10.2.0.0/24": "192.0.2.2", "10.9.9.9": "192.0.2.2"}
        self.programs.say("-4 address", [{"addr_info": [{"local": address, "prefixlen": 29}]}])
        self.programs.say("-4 route", [{"dst": "192.0.2.0/29"}, *({"dst": network, "gateway": via} for network, via in led.items())])

    def links(self, **states: str) -> None:
        self.programs.say("networkctl list", {"Interfaces": [{"Name": name, "AdministrativeState": state} for name, state in states.items()]})

    @property
    def done(self) -> list[str]:
        """Return the programs that changed something."""
        looks = ("systemctl show", "networkctl list", "networkctl status", "nft -t list", "ip -j", "ip link show", "journalctl")
        return [line for line in self.asked if not line.startswith(looks)]


@pytest.fixture
def host(programs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    for name, place in (("FORWARDING", "ip_forward"), ("SETTINGS", "60-unde-chr.conf"), ("TOLD", "told"), ("NETWORK", "network")):
        monkeypatch.setattr(chr_network, name, tmp_path / place)
    monkeypatch.setattr(chr_network, "TIMEOUT_S", 0)
    (tmp_path / "network").mkdir()
    for file in ("ip_forward", "60-unde-chr.conf", "network/10-unde-chr.network", "network/20-other.network"):
        (tmp_path / file).write_text("1\n")
        os.utime(tmp_path / file, (STARTED - 10, STARTED - 10))
    os.utime(tmp_path / "network/20-other.network")
    return Host(programs, tmp_path)


def run(called: Callable[..., dict[str, Any]], check_mode: bool = False, **parameters: Any) -> dict[str, Any]:
    given = {"bridge": "chr0", "address": "192.0.2.1/29", "routes": ["10.2.0.0/24", "10.9.9.9/32"], "gateway": "192.0.2.2", "rules_id": "r1"}
    return called(module, check_mode, **{**given, **parameters})


def test_what_is_as_it_is_written_is_left_alone(host: Host, called: Callable[..., dict[str, Any]]) -> None:
    result = run(called)
    assert (result["changed"], result["actions"], host.done) == (False, [], [])
    assert (host.root / "told").exists()


@pytest.mark.parametrize("check_mode", [True, False])
def test_other_rules_are_loaded_before_anything_else(
    check_mode: bool, host: Host, called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    host.rules("older")
    host.has(address="192.0.2.9")
    answer = host.programs.run

    def act(words: list[str], **more: Any) -> Any:
        if words[:2] == ["systemctl", "reload"]:
            host.rules("r1")
        if words[:2] == ["networkctl", "reconfigure"]:
            host.has()
        return answer(words, **more)

    monkeypatch.setattr(host.programs, "run", act)
    result = run(called, check_mode)
    assert result["actions"] == [f"systemctl reload {FIREWALL}", "networkctl reconfigure chr0"]
    assert result["diff"]["prepared"] == f"systemctl reload {FIREWALL}\nnetworkctl reconfigure chr0\n"
    assert host.done == ([] if check_mode else result["actions"])


def test_a_new_host(host: Host, called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Check mode tells what the run then does; programs that are not installed are no failure."""
    host.programs.answers = [each for each in host.programs.answers if "nft" not in each[0]]
    for name in (FIREWALL, NETWORKD, ONLINE):
        host.unit(name, enabled="disabled", active="inactive")
    host.programs.say("networkctl list", code=1)
    (host.root / "ip_forward").write_text("0\n")
    (host.root / "60-unde-chr.conf").unlink()
    host.has(address="192.0.2.9")
    answer = host.programs.run

    def act(words: list[str], **more: Any) -> Any:
        line = " ".join(words)
        if words[0] == "nft" and not any("nft" in each[0] for each in host.programs.answers):
            raise FileNotFoundError("nft")
        if line == f"systemctl start {FIREWALL}":
            host.rules("r1")
        if line == f"systemctl enable {NETWORKD}":
            host.unit(ONLINE)
        if line == f"systemctl start {NETWORKD}":
            host.has()
            host.links(chr0="configured", eth0="unmanaged")
        return answer(words, **more)

    monkeypatch.setattr(host.programs, "run", act)
    written = [str(chr_network.SETTINGS), str(chr_network.NETWORK / "10-unde-chr.network")]
    rehearsed = run(called, True, written=written)["actions"]
    assert host.done == []
    (host.root / "60-unde-chr.conf").write_text("")
    assert (
        run(called, written=written)["actions"]
        == rehearsed
        == [
            f"systemctl enable {FIREWALL}",
            f"systemctl start {FIREWALL}",
            f"systemctl enable {NETWORKD}",
            f"systemctl start {NETWORKD}",
            f"systemctl disable {ONLINE}",
            "ip_forward = 1",
        ]
    )
    assert (host.root / "ip_forward").read_text() == "1"


def test_a_table_that_is_still_another_after_loading_is_an_error(host: Host, called: Callable[..., dict[str, Any]]) -> None:
    host.rules("older")
    result = run(called)
    assert result["failed"]
    assert result["msg"] == f"the table inet unde_chr that is loaded is not the one that was written, although {FIREWALL} was loaded"
    assert host.done == [f"systemctl reload {FIREWALL}"], "and nothing is forwarded without it"


def test_what_systemd_has_of_a_firewall_that_does_not_load_is_told(host: Host, called: Callable[..., dict[str, Any]]) -> None:
    host.unit(FIREWALL, active="failed", reload="yes")
    host.programs.say("systemctl start", code=1, complaint="Job failed.\n")
    host.programs.say("journalctl", "chr.nft:7: syntax error\n")
    result = run(called)
    assert result["msg"] == f"systemctl start {FIREWALL}: Job failed.\nchr.nft:7: syntax error"
    assert host.done[0] == "systemctl daemon-reload"


@pytest.mark.parametrize("routes", [
    {"10.2.0.0/24": "192.0.2.3", "10.9.9.9": "192.0.2.2"},
    {"10.2.0.0/24": "192.0.2.2"},
    {"10.2.0.0/24": "192.0.2.2", "10.9.9.9": "192.0.2.2", "10.8.0.0/16": "192.0.2.2"},
], ids=["another guest", "one missing", "one too many"])  # fmt: skip
def test_routes_that_are_not_as_written(routes: dict[str, str], host: Host, called: Callable[..., dict[str, Any]]) -> None:
    host.has(**routes)
    assert run(called, check_mode=True)["actions"] == ["networkctl reconfigure chr0"]
    assert "networkd did not give chr0 its " in run(called)["msg"]
    assert not (host.root / "told").exists()


def test_files_that_networkd_has_not_read(host: Host, called: Callable[..., dict[str, Any]]) -> None:
    """Written by this run, or by one that was killed; others' files are no concern."""
    assert run(called, check_mode=True)["actions"] == []
    assert run(called, check_mode=True, written=[str(chr_network.NETWORK / "10-unde-chr.network")])["actions"] == ["networkctl reload"]
    os.utime(host.root / "network/10-unde-chr.network")
    assert run(called)["actions"] == ["networkctl reload"]
    assert run(called)["actions"] == [], "it was told, and that is noted"


def test_networkd_is_restarted_once_before_it_leaves_others_routes_alone(host: Host, called: Callable[..., dict[str, Any]]) -> None:
    os.utime(host.root / "60-unde-chr.conf")
    refused = run(called, may_restart=False)
    assert refused["failed"]
    assert refused["msg"].endswith("which needs an explicit yes: -e unde_may_restart=true")
    assert host.done == []
    assert run(called)["actions"] == [f"systemctl restart {NETWORKD}"]


def test_a_host_whose_interfaces_networkd_manages_waits_for_them_at_boot(host: Host, called: Callable[..., dict[str, Any]]) -> None:
    host.unit(ONLINE)
    host.links(chr0="configured", eth0="configured")
    assert run(called)["actions"] == []
    host.links(chr0="configured", eth0="unmanaged")
    assert run(called)["actions"] == [f"systemctl disable {ONLINE}"]


def test_a_kernel_that_cannot_be_told_to_forward(host: Host, called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    (host.root / "ip_forward").write_text("0\n")
    assert run(called, check_mode=True)["actions"] == ["ip_forward = 1"]
    assert (host.root / "ip_forward").read_text() == "0\n"

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "write_text", refuse)
    assert "cannot be written (Read-only file system): start the container with --sysctl net.ipv4.ip_forward=1" in run(called)["msg"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_all_of_it_is_taken_away(check_mode: bool, host: Host, called: Callable[..., dict[str, Any]]) -> None:
    host.programs.say("ip link show chr0", "3: chr0: <BROADCAST>\n")
    result = called(module, check_mode, state="absent", bridge="chr0")
    assert result["actions"] == [f"systemctl disable {FIREWALL}", f"systemctl stop {FIREWALL}", "nft delete table inet unde_chr", "ip link delete chr0"]
    assert host.done == ([] if check_mode else result["actions"])


def test_what_is_away_is_not_taken_away(host: Host, called: Callable[..., dict[str, Any]]) -> None:
    host.unit(FIREWALL, enabled="", active="inactive")
    host.rules("")
    host.programs.say("ip link show chr0", code=1)
    assert not called(module, state="absent", bridge="chr0")["changed"]


def test_a_program_that_is_not_installed_is_no_failure(host: Host, called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    answer = host.programs.run

    def act(words: list[str], **more: Any) -> Any:
        if words[0] == "nft":
            assert more["handle_exceptions"] is False
            raise FileNotFoundError("nft")
        return answer(words, **more)

    monkeypatch.setattr(host.programs, "run", act)
    assert run(called, check_mode=True)["actions"] == [f"systemctl reload {FIREWALL}"]
