"""What a host lets in and out, what the host's program remembers of names, and which connections end with their rule."""

from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader
from ipaddress import ip_address
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import support
import unde
from unde.plan.firewall import Opening
from unde.plan.variables import host as variables

FILES = support.ROOT / "roles/firewall/files"


def loaded(name: str) -> ModuleType:
    """Return one of the role's programs as a module."""
    loader = SourceFileLoader(name.replace("-", "_").removesuffix(".py"), str(FILES / name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


# ── The plan ──


def test_an_interface_is_published_only_where_there_is_one() -> None:
    """The role takes an interface that is not there for any."""
    plain = Opening("a:b", ("10.0.0.1",), (), "tcp", (80,))
    assert "interface" not in variables._opening(plain)
    assert variables._opening(Opening("a:b", (), (), "tcp", (80,), "wg-a"))["interface"] == "wg-a"


def test_hosts_that_serve_customers_observe() -> None:
    """A host that is ours to build enforces from the first rule on."""
    plan = unde.inventory(support.estate({"hosts": {"monitoring": {"adopt": ["base", "firewall"]}}}))
    assert (plan.hosts["monitoring"]["firewall_mode"], plan.hosts["local-app"]["firewall_mode"]) == ("observe", "enforce")


def test_the_layout_says_when_a_host_enforces() -> None:
    """A host's `firewall`, and the one of a single shard's host, decide over what follows from the state."""
    replica = {"replica": {"only": {0: {"firewall": "enforce"}}}}
    plan = unde.inventory(support.estate({"hosts": {"push": {"firewall": "enforce"}, "scraper": {"firewall": "observe"}}, "shards": replica}))
    assert {name: plan.hosts[name]["firewall_mode"] for name in ("push", "scraper", "monitoring", "shard-replica-0")} == {
        "push": "enforce", "scraper": "observe", "monitoring": "observe", "shard-replica-0": "enforce",
    }


def test_egress_by_name() -> None:
    """What the layout knows by name is let through by name alone."""
    plan = unde.inventory(support.estate())
    egress = {each["name"]: each for each in plan.hosts["local-shard-0"]["firewall_outbound"]}
    assert (egress["database-backups:object-storage"]["peers"], egress["database-backups:object-storage"]["names"][0]) == ([], "hel1.your-objectstorage.com")


# ── Names ──


def test_names_are_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A former address has its time, counted from when it went; silence forgets nothing, however long."""
    program, answers, clock = loaded("unde-firewall"), {"a.test": {"10.0.0.1"}}, [1000.0]
    monkeypatch.setattr(program, "KNOWN", tmp_path / "names.json")
    monkeypatch.setattr(program, "answer", lambda name: answers.get(name, set()))
    monkeypatch.setattr(program.time, "time", lambda: clock[0])

    def after(seconds: int, *addresses: str) -> dict[str, int]:
        clock[0] += seconds
        answers["a.test"] = set(addresses)
        program.look_up(["a.test", "never.test"])
        found: dict[str, int] = program.known().get("a.test", {})
        return found

    day = program.REMEMBERED_S
    assert set(after(0, "10.0.0.1")) == {"10.0.0.1"}
    assert set(after(30 * day)) == {"10.0.0.1"}
    assert set(after(60, "10.0.0.2")) == {"10.0.0.1", "10.0.0.2"}
    assert set(after(day - 1, "10.0.0.2")) == {"10.0.0.1", "10.0.0.2"}
    assert set(after(1, "10.0.0.2")) == {"10.0.0.2"}
    assert "never.test" not in program.known()
    assert program.filled(["a.test", "never.test"]).splitlines()[1] == "add element inet unde_firewall dns.a.test { 10.0.0.2 }"


# ── Connections ──


def match(left: dict[str, Any], right: Any, op: str = "==") -> dict[str, Any]:
    """Return a match as nft lists it."""
    return {"match": {"op": op, "left": left, "right": right}}


def field(protocol: str, name: str) -> dict[str, Any]:
    """Return a field of a packet as nft lists it."""
    return {"payload": {"protocol": protocol, "field": name}}


ACCEPT, REFUSE = {"accept": None}, {"goto": {"target": "refuse"}}
RULES: dict[str, list[list[dict[str, Any]]]] = {
    "input": [
        [match({"ct": {"key": "state"}}, ["established", "related"], "in"), ACCEPT],
        [match({"meta": {"key": "iif"}}, "lo"), ACCEPT],
        [match(field("udp", "sport"), 67), ACCEPT],
        [match(field("ip", "saddr"), {"set": ["10.0.0.1", {"prefix": {"addr": "10.1.0.0", "len": 16}}]}), match(field("tcp", "dport"), 5432), ACCEPT],
        [match({"meta": {"key": "iifname"}}, "wg-a"), match(field("tcp", "dport"), {"set": [{"range": [9100, 9110]}]}), ACCEPT],
        [{"counter": {}}, REFUSE],
    ],
    "output": [
        [match(field("ip", "daddr"), "@dns.a.test"), match(field("tcp", "dport"), 443), ACCEPT],
        [match(field("ip", "daddr"), {"prefix": {"addr": "10.0.0.0", "len": 8}}, "!="), match(field("udp", "dport"), 53), ACCEPT],
        [match({"meta": {"key": "nfproto"}}, "ipv6"), {"reject": None}],
        [REFUSE],
    ],
    "refuse": [[{"limit": {}}, {"log": {}}], [{"drop": None}]],
}


@pytest.mark.parametrize(
    ("hook", "protocol", "source", "target", "port", "passes"),
    [
        ("input", "tcp", "10.0.0.1", "10.9.0.9", 5432, True),
        ("input", "tcp", "10.1.2.3", "10.9.0.9", 5432, True),
        ("input", "tcp", "10.2.0.1", "10.9.0.9", 5432, False),
        ("input", "udp", "10.0.0.1", "10.9.0.9", 5432, False),
        ("input", "tcp", "10.2.0.1", "10.9.0.9", 9105, True),    # the interface cannot be told: it may have come in by that one
        ("input", "tcp", "10.2.0.1", "10.9.0.9", 9111, False),
        ("input", "tcp", "fd00::1", "fd00::2", 5432, False),
        ("output", "tcp", "10.9.0.9", "192.0.2.1", 443, True),
        ("output", "tcp", "10.9.0.9", "192.0.2.2", 443, False),
        ("output", "udp", "10.9.0.9", "192.0.2.2", 53, True),
        ("output", "udp", "10.9.0.9", "10.0.0.53", 53, False),
        ("forward", "tcp", "172.17.0.2", "192.0.2.2", 443, True),  # not this table's business
    ],
)
def test_a_connection_is_held_against_the_rules(hook: str, protocol: str, source: str, target: str, port: int, passes: bool) -> None:
    """As its first packet would be, either way round."""
    program = loaded("end_connections.py")
    hooks = [{"chain": {"name": name, "type": "filter", "hook": name, "prio": 0, "policy": "drop"}} for name in ("input", "output")]
    rules = [{"rule": {"chain": chain, "expr": expr}} for chain, some in RULES.items() for expr in some]
    table = program.Table([*hooks, {"chain": {"name": "refuse"}}, {"set": {"name": "dns.a.test", "elem": ["192.0.2.1"]}}, *rules])
    packet = program.Packet(hook, protocol, ip_address(source), 40000, ip_address(target), port)
    assert table.may_pass(packet) is passes
    assert table.may_pass(program.turned(program.turned(packet))) is passes
