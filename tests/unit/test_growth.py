"""Growth never renumbers: what is added, removed or moved in the file changes nothing of anything else."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import support
import unde
from unde.model import Estate
from unde.reports import listings

#: Hosts that nothing else names, and that may therefore go: every host of the shipped layout is named by what it does.
SPARE = [(191, "helsinki"), (192, "helsinki")]
FREE = [f"{site}-new-{number}" for number, site in SPARE]
added = st.lists(st.tuples(st.integers(140, 190), st.sampled_from(["local", "helsinki"])), max_size=5, unique=True)


def with_hosts(data: dict[str, Any], new: list[tuple[int, str]]) -> dict[str, Any]:
    """Return the layout with new hosts in front of the others, those of the local site with a tunnel each."""
    networks = {"local": "10.2.0", "helsinki": "10.1.3"}
    hosts = {
        f"{site}-new-{number}": data["hosts"]["local-mood"]
        | {"label": f"N{number}{site}", "site": site, "roles": ["app_service"], "address": f"{networks[site]}.{number}"}
        for number, site in new
    }
    peers = {
        f"wg-new{number}": {"near": f"local-new-{number}", "far": "helsinki-gw", "slot": number} for number, site in new if site == "local"
    }
    return data | {"hosts": hosts | data["hosts"], "tunnels": data["tunnels"] | {"peers": peers | data["tunnels"]["peers"]}}


def shipped() -> dict[str, Any]:
    """Return the shipped layout with hosts to spare."""
    return with_hosts(support.shipped(), SPARE)


def reordered(data: dict[str, Any], random: Any) -> dict[str, Any]:
    """Return the layout with its hosts, tunnels, services and flows in another order."""
    def shuffled(mapping: dict[str, Any]) -> dict[str, Any]:
        keys = list(mapping)
        random.shuffle(keys)
        return {key: mapping[key] for key in keys}

    peers = shuffled(data["tunnels"]["peers"])
    return data | {"hosts": shuffled(data["hosts"]), "sites": shuffled(data["sites"]), "services": shuffled(data["services"]),
                   "flows": shuffled(data["flows"]), "pools": shuffled(data["pools"]), "tunnels": data["tunnels"] | {"peers": peers}}


def lasting(estate: Estate) -> dict[str, Any]:
    """Return what must never change: of every host its address, names and groups; of every tunnel and shard everything."""
    rows: dict[str, Any] = {
        row["name"]: {key: row[key] for key in ("address", "public_address", "site", "groups", "roles", "day", "label")}
        for row in listings.hosts(estate)
    }
    rows |= {f"tunnel {row['name']}": row for row in listings.tunnels(estate)}
    rows |= {f"scope {row['name']}": row for row in listings.every_cluster(estate) if row["kind"] == "patroni"}
    return rows


def kept(before: Estate, after: Estate) -> None:
    """Assert that everything that is in both is the same in both."""
    old, new = lasting(before), lasting(after)
    assert {name: new[name] for name in old if name in new} == {name: old[name] for name in old if name in new}


BASE = support.estate_of(shipped())


@settings(max_examples=30)
@given(st.integers(1, 30), added, st.sets(st.sampled_from(FREE)), st.randoms(use_true_random=False))
def test_growth_changes_nothing_else(count: int, new: list[tuple[int, str]], gone: set[str], random: Any) -> None:
    """Hosts added and removed, shards added, everything in another order: no other address, slot, port, name or group changes."""
    data = with_hosts(shipped(), new)
    data["hosts"] = {name: host for name, host in data["hosts"].items() if name not in gone}
    data["shards"] = data["shards"] | {"count": count}
    estate = support.estate_of(reordered(data, random))
    kept(BASE, estate)
    assert {host.shard for host in estate.hosts.values() if host.shard is not None} == set(range(count))
    assert not gone & estate.hosts.keys()


#: One change of the file: its kind, and what it takes.
step = st.one_of(
    st.tuples(st.just("grow"), st.integers(1, 30)),
    st.tuples(st.just("add"), st.tuples(st.integers(140, 190), st.sampled_from(["local", "helsinki"]))),
    st.tuples(st.just("remove"), st.sampled_from(FREE)),
    st.tuples(st.just("reorder"), st.randoms(use_true_random=False)),
)


def changed(data: dict[str, Any], kind: str, what: Any) -> dict[str, Any]:
    """Return the layout after one change."""
    if kind == "grow":
        return data | {"shards": data["shards"] | {"count": what}}
    if kind == "add":
        return with_hosts(data, [what])
    if kind == "remove":
        return data | {"hosts": {name: host for name, host in data["hosts"].items() if name != what}}
    return reordered(data, what)


@settings(max_examples=15)
@given(st.lists(step, min_size=2, max_size=6))
def test_a_sequence_of_changes(steps: list[tuple[str, Any]]) -> None:
    """From each state of the file to the next, whatever comes, goes or moves: what stays is the same."""
    data, before = shipped(), BASE
    for kind, what in steps:
        data = changed(data, kind, what)
        after = support.estate_of(data)
        kept(before, after)
        before = after


@settings(max_examples=10)
@given(st.integers(1, 75), st.integers(1, 75))
def test_shards_come_and_go(one: int, other: int) -> None:
    """Between any two numbers of shards, the shards that both have are the same."""
    kept(support.estate({"shards": {"count": one}}), support.estate({"shards": {"count": other}}))


def test_as_many_shards_as_decided() -> None:
    """Row 14: 150 shards beside the first have room, and none meets another host."""
    estate = support.estate({"shards": {"count": 151}})
    assert len(estate.by_role["postgres_shard"]) == 302


def test_the_document_s_shard_addresses() -> None:
    """Shard 0 as the document has it, from 1 on in rows of their own."""
    estate = support.estate({"shards": {"count": 3}})
    addresses = [(str(estate.hosts[f"local-shard-{n}"].address), str(estate.hosts[f"shard-replica-{n}"].address)) for n in range(3)]
    assert addresses == [("10.2.0.10", "10.1.1.10"), ("10.2.0.101", "10.1.2.1"), ("10.2.0.102", "10.1.2.2")]
    assert [estate.tunnels[f"wg-shard{n}"].slot for n in range(3)] == [10, 101, 102]


def everything(estate: Estate) -> str:
    """Return all that the plan says, as bytes would be."""
    return json.dumps([asdict(unde.inventory(estate)), {name: rows(estate) for name, rows in listings.LISTINGS.items()}])


def test_the_same_layout_gives_the_same_bytes() -> None:
    """Read twice, in one process and in two with different hash seeds: the same bytes."""
    assert everything(support.estate()) == everything(support.estate())
    assert len({support.unde("plan", "flows", "--format", "json", PYTHONHASHSEED=seed).stdout for seed in ("1", "2")}) == 1


def test_an_assignment_and_an_overlay_say_the_same() -> None:
    """``--set`` reaches numbered keys and lists, and equals an overlay."""
    text = "shards.count=2,shards.replica.only.0.vcpu=2,hosts.scraper.roles=[app_service, docker],sites.helsinki.gateway.engine=linux"
    assigned = unde.load(support.LAYOUT, None, text)
    wanted = {
        "shards": {"count": 2, "replica": {"only": {0: {"vcpu": 2}}}}, "hosts": {"scraper": {"roles": ["app_service", "docker"]}},
        "sites": {"helsinki": {"gateway": {"engine": "linux"}}},
    }
    assert everything(support.estate_of(assigned.data)) == everything(support.estate(wanted))
    assert unde.estate(unde.load(support.LAYOUT, None, text)).layout.shards.count == 2
