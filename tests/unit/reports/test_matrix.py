"""Who reaches whom: the plan's cells against the rules of every host, and what was seen against the plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from netaddr import IPAddress, IPNetwork

import support
from unde.model import Estate
from unde.plan import firewall, reachability
from unde.plan.flows import Flows
from unde.plan.reachability import Cell
from unde.reports import matrix


@pytest.fixture(scope="module")
def cells(estate: Estate) -> list[Cell]:
    """Return the shipped estate's cells."""
    return reachability.cells(estate)


def passes(openings: list[firewall.Opening], address: str, port: int, *, anywhere: bool) -> bool:
    """Tell whether rules let a TCP connection through; what has no peers means anywhere, towards a private address nothing."""
    return any(
        opening.protocol == "tcp" and port in opening.ports
        and (address in opening.peers if opening.peers else anywhere and not opening.names) for opening in openings
    )


def test_a_cell_is_open_where_both_ends_and_the_gateway_let_it_through(estate: Estate, cells: list[Cell]) -> None:
    """The three lists of rules are made separately; together they say what the flows say, for every cell."""
    flows = Flows(estate)
    into = {name: firewall.inbound(flows, host) for name, host in estate.hosts.items()}
    out_of = {name: firewall.outbound(flows, host) for name, host in estate.hosts.items()}
    forwarded = flows.forwarded_by("helsinki-gw")
    direct = {frozenset((tunnel.near, tunnel.far)) for tunnel in estate.tunnels.values()}

    def carried(cell: Cell) -> bool:
        one, other = estate.hosts[cell.source], estate.hosts[cell.target]
        if one.site == other.site or frozenset((one.name, other.name)) in direct or "helsinki-gw" in (one.name, other.name):
            return True
        ends: dict[str, Any] = {"sources": one.address, "destinations": other.address}
        return any(
            rule["protocol"] == "tcp" and cell.port in rule["ports"]  # type: ignore[operator]
            and all(any(address in IPNetwork(each) for each in rule[key]) for key, address in ends.items())  # type: ignore[attr-defined]
            for rule in forwarded
        )

    for cell in cells:
        source = str(estate.hosts[cell.source].address)
        let_through = (
            passes(out_of[cell.source], cell.address, cell.port, anywhere=False)
            and passes(into[cell.target], source, cell.port, anywhere=True) and carried(cell)
        )
        assert let_through == cell.open, cell


def test_every_member_of_a_shard_is_open_to_its_callers(cells: list[Cell]) -> None:
    """So that a failover is not blocked."""
    callers = {
        target: {cell.source for cell in cells if cell.target == target and cell.port == 6432 and cell.open}
        for target in ("local-shard-0", "shard-replica-0")
    }
    assert callers["local-shard-0"] == callers["shard-replica-0"] != set()


def test_every_declared_port_and_a_sample_of_others(estate: Estate, cells: list[Cell]) -> None:
    """From every host to every other."""
    pairs = {(cell.source, cell.target) for cell in cells}
    assert len(pairs) == len(estate.hosts) * (len(estate.hosts) - 1)
    assert all(IPAddress(cell.address) == estate.hosts[cell.target].address for cell in cells)
    for source, target in pairs:
        undeclared = [cell for cell in cells if (cell.source, cell.target) == (source, target) and not cell.declared]
        assert len(undeclared) == reachability.SAMPLE
        assert not any(cell.open for cell in undeclared)
        break
    assert sum(not cell.declared for cell in cells) == reachability.SAMPLE * len(pairs)


def seen_as_planned(cells: list[Cell]) -> dict[str, dict[str, dict[str, str]]]:
    """Return what an estate would say that is as planned."""
    seen: dict[str, dict[str, dict[str, str]]] = {}
    for cell in cells:
        seen.setdefault(cell.source, {}).setdefault(cell.target, {})[str(cell.port)] = "refused" if cell.open else "silent"
    return seen


def test_what_differs_is_named(cells: list[Cell], tmp_path: Path) -> None:
    """A cell that is open, one that is closed, and one that nobody asked."""
    seen = seen_as_planned(cells)
    file, page = tmp_path / "seen.json", tmp_path / "matrix.html"
    file.write_text(json.dumps(seen), encoding="utf-8")
    done = support.unde("matrix", "--observed", file)
    assert (done.returncode, done.stdout) == (0, "")
    seen["local-mood"]["production-db"]["6432"] = "open"
    seen["local-orchestrator"]["production-db"]["6432"] = "silent"
    del seen["monitoring"]["posthog"]["9100"]
    file.write_text(json.dumps(seen), encoding="utf-8")
    done = support.unde("matrix", "--observed", file, "--html", page, "--format", "json")
    told = [(row["from"], row["to"], row["port"], row["what"]) for row in json.loads(done.stdout)]
    assert told == [
        ("local-orchestrator", "production-db", 6432, "declared, but closed"), ("local-mood", "production-db", 6432, "open, but undeclared"),
        ("monitoring", "posthog", 9100, "not asked"),
    ]
    assert done.returncode == 1
    assert page.read_text(encoding="utf-8").count("<td class=wrong") == 3
    assert matrix.differences(cells, {}) != []


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": {"b": 2}}'])
def test_a_record_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    """With one line, and nothing written."""
    file = tmp_path / "seen.json"
    file.write_text(text, encoding="utf-8")
    done = support.unde("matrix", "--observed", file, "--html", tmp_path / "page.html")
    assert done.returncode == 2
    assert done.stderr.startswith("ERROR ")
    assert not (tmp_path / "page.html").exists()
