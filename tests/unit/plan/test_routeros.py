"""The gateway as RouterOS: the script against RouterOS's own command database, and against the plan."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from pathlib import Path

import pytest

import support
import unde
from unde.model import Estate
from unde.plan import routeros
from unde.plan.flows import Flows
from unde.plan.routeros import Entry

GATEWAY = "helsinki-gw"
KEY = base64.b64encode(bytes(range(32))).decode()


def script(*words: str) -> str:
    """Return the script that the command prints."""
    done = support.unde("routeros", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def findings(text: str) -> str:
    """Return what a linter with RouterOS's command database says of a script; empty if it is fine."""
    tool = Path(sys.executable).parent / "routeros-lsp"
    done = subprocess.run([tool, "check", "--strict", "-"], input=text, text=True, capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout if done.returncode else ""


def entries(estate: Estate, path: str) -> list[Entry]:
    """Return what is added to a menu."""
    keys = {tunnel.name: KEY for tunnel in estate.tunnels.values()}
    return next(menu for menu in routeros.with_keys(routeros.configuration(estate, GATEWAY), keys) if menu.path == path).entries


@pytest.mark.parametrize("words", [(), ("--key", f"wg-app={KEY}"), ("--set", "shards.count=16"), ("--set", "services.operators.networks=[192.0.2.0/24]")])
def test_routeros_knows_every_menu_and_parameter(words: tuple[str, ...]) -> None:
    """And the linter would say if it did not."""
    text = script(*words)
    assert findings(text) == ""
    assert findings(text.replace("listen-port", "listen-prot", 1)) != ""
    assert findings(text.replace("/ip firewall filter", "/ip firewall filer", 1)) != ""


def test_one_interface_address_peer_and_route_for_each_tunnel(estate: Estate) -> None:
    """With the document's ports and addresses."""
    mine = [tunnel for tunnel in estate.tunnels.values() if tunnel.far == GATEWAY]
    interfaces = {entry["name"]: int(entry["listen-port"]) for entry in entries(estate, "interface wireguard")}
    assert interfaces == {tunnel.name: tunnel.port for tunnel in mine}
    assert {(entry["interface"], entry["address"]) for entry in entries(estate, "ip address")} == {(each.name, f"{each.far_address}/32") for each in mine}
    assert {(entry["gateway"], entry["dst-address"]) for entry in entries(estate, "ip route")} == {
        (each.name, f"{estate.hosts[each.near].address}/32") for each in mine
    }
    peers = entries(estate, "interface wireguard peers")
    assert {entry["interface"] for entry in peers} == set(interfaces)
    assert all(entry["responder"] is True for entry in peers)


def test_the_filter_says_what_the_flows_say(estate: Estate) -> None:
    """Each forwarded connection once, by its name; everything else is dropped, by the last rule of each chain."""
    rules = entries(estate, "ip firewall filter")
    lists = entries(estate, "ip firewall address-list")

    def addresses(rule: Entry, side: str) -> set[str]:
        if f"{side}-address" in rule:
            return {rule[f"{side}-address"]}
        return {entry["address"] for entry in lists if entry["list"] == rule[f"{side}-address-list"]}

    said = {
        (rule["comment"], frozenset(addresses(rule, "src")), frozenset(addresses(rule, "dst")), rule["protocol"], rule["dst-port"])
        for rule in rules if rule["chain"] == "forward" and "dst-port" in rule
    }
    wanted = {
        (f"unde: {rule['name']}", *(frozenset(re.sub("/32$", "", each) for each in rule[side]) for side in ("sources", "destinations")),  # type: ignore[attr-defined]
         rule["protocol"], ",".join(map(str, rule["ports"])))  # type: ignore[call-overload]
        for rule in Flows(estate).forwarded_by(GATEWAY)
    }
    assert said == wanted
    for chain in ("input", "forward"):
        last = [rule for rule in rules if rule["chain"] == chain][-1]
        assert last == {"chain": chain, "action": "drop", "comment": "unde: no flow"}


def test_management_is_for_the_operators(estate: Estate) -> None:
    """Where the layout names their networks; where it does not, the command says what that means."""
    open_to_all = support.unde("routeros")
    assert "open to every network" in open_to_all.stderr
    assert "src-address-list=unde-management" not in open_to_all.stdout
    closed = support.unde("routeros", "--set", "services.operators.networks=[192.0.2.0/24]")
    assert "open to every network" not in closed.stderr
    assert "add list=unde-management address=192.0.2.0/24" in closed.stdout
    assert "set [find name=winbox] disabled=no port=8291 address=192.0.2.0/24" in closed.stdout


def test_a_guest_s_host_is_among_the_managers_and_a_server_that_is_the_router_has_none() -> None:
    """The host configures its guests by the same API."""
    operators = {"services": {"operators": {"networks": ["192.0.2.0/24"]}}}
    guest = support.estate(operators)
    assert routeros.management(guest, GATEWAY) == ["192.0.2.0/24", "192.168.254.1/32"]
    bare = support.estate(operators | {"sites": {"helsinki": {"gateway": {"placement": "bare"}}}, "hosts": {GATEWAY: {"adopt": ["gateway"]}}})
    assert routeros.management(bare, GATEWAY) == ["192.0.2.0/24"]
    assert bare.hosts[GATEWAY].roles == ("gateway", "mikrotik_chr")


def test_no_rule_has_more_ports_than_the_router_takes() -> None:
    """However many tunnels there are; all their ports are let in."""
    estate = support.estate({"shards": {"count": 150}})
    rules = [rule for rule in entries(estate, "ip firewall filter") if rule["comment"] == "unde: tunnels"]
    assert all(str(rule["dst-port"]).count(",") < 15 for rule in rules)
    opened = {
        port for rule in rules for each in str(rule["dst-port"]).split(",")
        for first, _, last in [each.partition("-")] for port in range(int(first), int(last or first) + 1)
    }
    assert opened == {tunnel.port for tunnel in estate.tunnels.values() if tunnel.far == GATEWAY}
    assert routeros._ports(range(1, 80, 2)) == [
        ",".join(map(str, range(1, 31, 2))), ",".join(map(str, range(31, 61, 2))), ",".join(map(str, range(61, 80, 2))),
    ]


def test_nothing_comes_from_where_it_cannot_come_from(estate: Estate) -> None:
    """By each tunnel its far end's addresses alone, and theirs by no other way."""
    rules = entries(estate, "ip firewall raw")
    lists = entries(estate, "ip firewall address-list")
    for tunnel in estate.tunnels.values():
        if tunnel.far == GATEWAY:
            name = f"unde-from-{tunnel.name}"
            assert {entry["address"] for entry in lists if entry["list"] == name} == {str(estate.hosts[tunnel.near].address), str(tunnel.near_address)}
            rule = next(rule for rule in rules if rule.get("in-interface") == tunnel.name)
            assert (rule["src-address-list"], rule["action"]) == (f"!{name}", "drop")
    assert rules[-1]["in-interface-list"] == "!unde-tunnels"
    behind = {entry["address"] for entry in lists if entry["list"] == rules[-1]["src-address-list"]}
    assert behind == {"10.2.0.0/24", "10.4.0.0/24", "10.3.0.0/16"}


def test_guests_stand_in_their_network_for_ever() -> None:
    """A standby moves nobody; addresses of cards follow from those of the network."""
    one, two = (
        unde.inventory(support.estate({"sites": {"helsinki": {"gateway": {"standby": standby}}}})).hosts[GATEWAY]["mikrotik_chr_guests"]
        for standby in (False, True)
    )
    assert one == two[:1] == [{"name": "a", "address": "192.168.254.2", "mac": "52:54:00:a8:fe:02"}]
    assert two[1] == {"name": "b", "address": "192.168.254.3", "mac": "52:54:00:a8:fe:03"}


@pytest.mark.parametrize(("words", "said"), [
    (["--key", "wg-ap=x"], "did you mean 'wg-app'"), (["--key", "wg-app=short"], "not the 32 bytes"), (["inventory/none.yml"], "cannot be read"),
])
def test_wrong_calls(words: list[str], said: str) -> None:
    """One readable line, exit code 2, nothing on stdout."""
    done = support.unde("routeros", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
