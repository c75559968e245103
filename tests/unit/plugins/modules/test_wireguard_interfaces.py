"""The module ``unde.infra.wireguard_interfaces``: running interfaces are changed where they differ, and none is taken down for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import wireguard
from ansible_collections.unde.infra.plugins.modules import wireguard_interfaces

WANTED: dict[str, Any] = {
    "name": "wg-a", "address": "10.3.0.1/32", "mtu": 1420, "listen_port": 51820, "far_address": "10.3.0.100", "routes": ["10.1.0.0/16"],
    "source": "10.2.0.2", "public_key": "far=", "allowed_ips": ["10.1.0.0/16", "10.3.0.100/32"], "endpoint": "203.0.113.2:51820",
    "persistent_keepalive": 25,
}  # fmt: skip
LINK = {"ifname": "wg-a", "mtu": 1420, "addr_info": [{"local": "10.3.0.1", "prefixlen": 32, "scope": "global"}]}
ROUTES = [
    {"dst": "10.1.0.0/16", "dev": "wg-a", "prefsrc": "10.2.0.2"}, {"dst": "10.3.0.100", "dev": "wg-a"}, {"dst": "default", "dev": "eth0"},
    {"dst": "192.0.2.0/24", "dev": "wg-a", "protocol": "kernel"},
]  # fmt: skip
PEER = ["far=", "(none)", "203.0.113.2:51820", "10.3.0.100/32,10.1.0.0/16", "0", "0", "0", "25"]
UP = {"UnitFileState": "enabled", "ActiveState": "active", "NeedDaemonReload": "no"}


class Host:
    """A host on which wg-a runs as it is wanted."""

    def __init__(self, folder: Path, programs: Any, called: Callable[..., dict[str, Any]]) -> None:
        """Fill the folders, and answer for the programs."""
        self.folder, self.programs, self.called = folder, programs, called
        for scope in ("all", "default", "wg-a"):
            self.reverse_path_check(scope, 2)
        (folder / "wg-a.pub").write_text("own=\n")
        self.links(LINK)
        self.routes(*ROUTES)
        self.running("own=", 51820, PEER)
        self.unit(**UP)
        for words in ("systemctl daemon-reload", "systemctl enable", "systemctl start", "systemctl restart", "systemctl disable", "systemctl reset-failed",
                      "wg set", "ip address add", "ip address del", "ip link set", "ip link del", "ip route replace", "ip route del", "sysctl"):  # fmt: skip
            programs.say(words)

    def links(self, *links: dict[str, Any]) -> None:
        """Have these interfaces."""
        self.programs.say("ip -j address show", list(links))

    def routes(self, *routes: dict[str, Any]) -> None:
        """Have these routes."""
        self.programs.say("route show table main", list(routes))

    def running(self, public: str, port: int, *peers: list[str]) -> None:
        """Run wg-a with this key, port and peers."""
        lines = [["wg-a", "PRIVATE", public, str(port), "off"], *(["wg-a", *peer] for peer in peers)]
        self.programs.say("wg show all dump", "".join("\t".join(line) + "\n" for line in lines))

    def unit(self, **properties: str) -> None:
        """Have the unit in this state."""
        self.programs.say("systemctl show", "".join(f"{key}={value}\n" for key, value in properties.items()))

    def reverse_path_check(self, scope: str, value: int) -> None:
        """Set the kernel's check."""
        (self.folder / "kernel" / scope).mkdir(parents=True, exist_ok=True)
        (self.folder / "kernel" / scope / "rp_filter").write_text(f"{value}\n")

    def run(self, *, check_mode: bool = False, absent: tuple[str, ...] = (), daemon_reload: bool = False, **changed: Any) -> dict[str, Any]:
        """Run the module for wg-a, or for nothing where its name is empty."""
        wanted = [{**WANTED, **changed}] if changed.get("name") != "" else []
        self.programs.asked.clear()
        return self.called(wireguard_interfaces, check_mode, interfaces=wanted, absent=list(absent), directory=str(self.folder), daemon_reload=daemon_reload)

    def did(self) -> list[str]:
        """Return the commands of the last run that are no questions."""
        questions = ("show", "reset-failed", "journalctl")
        return [line for line in self.programs.asked if not any(word in line for word in questions)]


@pytest.fixture
def host(tmp_path: Path, programs: Any, called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Host:
    """Return the host."""
    monkeypatch.setattr(wireguard, "RECORDS", tmp_path / "records")
    monkeypatch.setattr(wireguard, "KERNEL", tmp_path / "kernel")
    monkeypatch.setattr(wireguard.shutil, "which", lambda name: f"/usr/bin/{name}")
    return Host(tmp_path, programs, called)


def test_an_interface_that_runs_as_it_is_wanted_is_left_alone(host: Host) -> None:
    result = host.run()
    assert (result["changed"], result["actions"], host.did()) == (False, [], [])
    assert "PRIVATE" not in json.dumps(result)


SET = "wg set wg-a peer far= "
CHANGES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "address": ({"address": "10.3.0.9/32"}, ["ip address add 10.3.0.9/32 dev wg-a", "ip address del 10.3.0.1/32 dev wg-a"]),
    "mtu": ({"mtu": 1400}, ["ip link set dev wg-a mtu 1400"]),
    "port": ({"listen_port": 51999}, ["wg set wg-a listen-port 51999"]),
    "any port": ({"listen_port": None}, []),
    "networks": ({"allowed_ips": ["10.1.0.0/16"]}, [f"{SET}allowed-ips 10.1.0.0/16"]),
    "networks in another order": ({"allowed_ips": ["10.3.0.100/32", "10.1.0.0/16"]}, []),
    "keepalive": ({"persistent_keepalive": 20}, [f"{SET}persistent-keepalive 20"]),
    "no keepalive": ({"persistent_keepalive": None}, [f"{SET}persistent-keepalive off"]),
    "endpoint": ({"endpoint": "203.0.113.9:51820"}, [f"{SET}endpoint 203.0.113.9:51820"]),
    "the other end calls": ({"endpoint": None}, []),
    "several": ({"persistent_keepalive": 20, "allowed_ips": ["10.1.0.0/16"]}, [f"{SET}allowed-ips 10.1.0.0/16 persistent-keepalive 20"]),
    "another far end": ({"public_key": "new="}, [
        "wg set wg-a peer far= remove",
        "wg set wg-a peer new= allowed-ips 10.1.0.0/16,10.3.0.100/32 persistent-keepalive 25 endpoint 203.0.113.2:51820",
    ]),
    "a far end that is not known yet": ({"public_key": None, "allowed_ips": []}, []),
    "routes": ({"routes": ["192.0.2.0/24"]}, ["ip route replace 192.0.2.0/24 dev wg-a src 10.2.0.2", "ip route del 10.1.0.0/16 dev wg-a"]),
    "source": ({"source": None}, ["ip route replace 10.1.0.0/16 dev wg-a"]),
}  # fmt: skip


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_made_on_the_running_interface(check_mode: bool, change: str, host: Host) -> None:
    changed, commands = CHANGES[change]
    result = host.run(check_mode=check_mode, **changed)
    assert result["actions"] == commands
    assert result["changed"] is bool(commands)
    assert result["diff"] == {"prepared": "".join(f"{line}\n" for line in commands)}
    assert host.did() == ([] if check_mode else commands)


def test_a_new_private_key_is_read_by_wg_from_its_file(host: Host) -> None:
    (host.folder / "wg-a.pub").write_text("renewed=\n")
    assert host.run()["actions"] == [f"wg set wg-a private-key {host.folder}/wg-a.key"]


def test_a_peer_may_roam(host: Host) -> None:
    """Its endpoint is set when the layout changes it, and not because it calls from elsewhere."""
    assert not host.run()["changed"]
    host.running("own=", 51820, ["far=", "(none)", "198.51.100.7:4711", *PEER[3:]])
    assert not host.run()["changed"]
    assert host.run(endpoint="203.0.113.9:51820")["actions"] == [f"{SET}endpoint 203.0.113.9:51820"]


def test_an_endpoint_that_the_interface_lacks_is_set(host: Host) -> None:
    host.run()
    host.running("own=", 51820, ["far=", "(none)", "(none)", *PEER[3:]])
    assert host.run()["actions"] == [f"{SET}endpoint 203.0.113.2:51820"]


def test_check_mode_remembers_no_endpoint(host: Host) -> None:
    host.run(check_mode=True)
    assert not (host.folder / "records").exists()


@pytest.mark.parametrize(("own", "all_", "loosened"), [(1, 0, True), (1, 1, True), (0, 1, True), (2, 1, False), (0, 0, False)])
def test_the_reverse_path_check_is_loose(own: int, all_: int, loosened: bool, host: Host) -> None:
    host.reverse_path_check("wg-a", own)
    host.reverse_path_check("all", all_)
    assert host.run()["actions"] == (["sysctl -q -w net.ipv4.conf.wg-a.rp_filter=2"] if loosened else [])


def test_routes_that_move_between_tunnels_are_never_away(host: Host) -> None:
    """The new tunnel has them before the old one loses them; that the kernel has moved them by then is no failure."""
    host.links(LINK, {**LINK, "ifname": "wg-b"})
    host.reverse_path_check("wg-b", 2)
    host.programs.say("systemctl show", "UnitFileState=enabled\nActiveState=active\n\nUnitFileState=enabled\nActiveState=active\n")
    host.programs.say("ip route del", code=2, complaint="RTNETLINK answers: No such process")
    moved = [{**WANTED, "routes": []}, {**WANTED, "name": "wg-b"}]
    result = host.called(wireguard_interfaces, interfaces=moved, directory=str(host.folder))
    assert "failed" not in result
    assert result["actions"] == [
        "ip route replace 10.1.0.0/16 dev wg-b src 10.2.0.2", "ip route replace 10.3.0.100/32 dev wg-b", "ip route del 10.1.0.0/16 dev wg-a",
    ]  # fmt: skip


# ── Units ──
@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(("state", "commands"), [
    ({"UnitFileState": "disabled", "ActiveState": "inactive", "NeedDaemonReload": "yes"},
     ["systemctl daemon-reload", "systemctl enable wg-quick@wg-a.service", "systemctl start wg-quick@wg-a.service"]),
    ({"UnitFileState": "enabled", "ActiveState": "failed", "NeedDaemonReload": "no"}, ["systemctl start wg-quick@wg-a.service"]),
    ({"UnitFileState": "enabled", "ActiveState": "active", "NeedDaemonReload": "no"}, ["systemctl restart wg-quick@wg-a.service"]),
])  # fmt: skip
def test_an_interface_that_is_gone_is_started(check_mode: bool, state: dict[str, str], commands: list[str], host: Host) -> None:
    """Also where its unit believes that it is up: a user-space WireGuard has crashed."""
    host.unit(**state)
    host.links()
    host.programs.say("wg show all dump")
    result = host.run(check_mode=check_mode)
    assert result["actions"] == commands
    assert host.did() == ([] if check_mode else commands)
    assert ("systemctl reset-failed wg-quick@wg-a.service" in host.programs.asked) is not check_mode
    if not check_mode:
        assert (host.folder / "records/wg-a.endpoint").read_text() == WANTED["endpoint"]


def test_units_that_are_down_start_together(host: Host) -> None:
    """Anew where one of them believes that it is up."""
    host.links()
    host.programs.say("wg show all dump")
    host.programs.say("systemctl show", "UnitFileState=enabled\nActiveState=active\n\nUnitFileState=enabled\nActiveState=failed\n")
    result = host.called(wireguard_interfaces, interfaces=[WANTED, {**WANTED, "name": "wg-b"}], directory=str(host.folder))
    assert result["actions"] == ["systemctl restart wg-quick@wg-a.service wg-quick@wg-b.service"]


def test_a_new_drop_in_is_read_first(host: Host) -> None:
    assert host.run(daemon_reload=True)["actions"] == ["systemctl daemon-reload"]


def test_an_interface_that_does_not_come_up_is_told_with_its_journal(host: Host) -> None:
    host.links()
    host.unit(**{**UP, "ActiveState": "failed"})
    host.programs.say("systemctl start", code=1)
    host.programs.say("journalctl", "wg-quick: the firewall is not loaded\n")
    result = host.run()
    assert result["failed"]
    assert result["msg"] == "wg-a did not come up; the journal says:\nwg-quick: the firewall is not loaded\n"
    assert not (host.folder / "records").exists()


def test_check_mode_on_a_new_host(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no wg yet; an interface begins with the kernel's default check."""
    monkeypatch.setattr(wireguard.shutil, "which", lambda name: None)
    host.links()
    for scope in ("wg-a", "default", "all"):
        (host.folder / "kernel" / scope / "rp_filter").unlink()
    (host.folder / "kernel/wg-a").rmdir()
    host.reverse_path_check("default", 1)
    host.reverse_path_check("all", 0)
    result = host.run(check_mode=True)
    assert result["actions"] == ["systemctl enable --now wg-quick@wg-a.service", "sysctl -q -w net.ipv4.conf.wg-a.rp_filter=2"]


def test_a_command_that_fails_is_told_with_what_was_done(host: Host) -> None:
    host.programs.say("wg set", code=1, complaint="Unable to modify interface: Operation not permitted\n")
    result = host.run(mtu=1400, listen_port=1)
    assert result["msg"] == "wg set wg-a listen-port 1: Unable to modify interface: Operation not permitted"
    assert result["actions"] == ["ip link set dev wg-a mtu 1400", "wg set wg-a listen-port 1"]


# ── What goes ──
@pytest.mark.parametrize("check_mode", [True, False])
def test_a_tunnel_that_goes_takes_its_key_along(check_mode: bool, host: Host) -> None:
    """Its configuration goes last: by it the next run knows what a killed one left."""
    for name in ("wg-old.conf", "wg-old.key", "wg-old.pub"):
        (host.folder / name).touch()
    result = host.run(check_mode=check_mode, absent=("wg-old",), name="")
    assert result["actions"] == ["systemctl disable --now wg-quick@wg-old.service", *(f"remove {host.folder}/wg-old.{end}" for end in ("key", "pub", "conf"))]
    assert bool(list(host.folder.glob("wg-old*"))) is check_mode


def test_an_interface_that_its_unit_left_behind_goes_too(host: Host) -> None:
    assert host.run(absent=("wg-a",), name="")["actions"][:2] == ["systemctl disable --now wg-quick@wg-a.service", "ip link del wg-a"]
