"""Every tunnel is up, as long as the document says, and carries its own host's packets only."""

from __future__ import annotations

import re
import statistics
import time

import lab
import pytest

PROBES, RTT_MS = 20, (115.0, 135.0)
NAMES = [tunnel["name"] for tunnel in lab.plan("tunnels")]


def tunnel(name: str) -> dict:
    return next(each for each in lab.plan("tunnels") if each["name"] == name)


def received(host: str) -> dict[str, int]:
    """Return interface → bytes received through its tunnel."""
    lines = [line.split() for line in lab.run(host, "wg show all transfer").splitlines()]
    return {line[0]: int(line[2]) for line in lines}


def test_all_tunnels_of_the_document_and_the_witness_are_there() -> None:
    document = {"wg-app", "wg-orch", "wg-redis", "wg-mood", "wg-persona", "wg-context", "wg-voice", "wg-shard0", "wg-etcd"}
    assert document | {"wg-witness", "wg-direct"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_tunnel_has_a_fresh_handshake_on_both_ends(name: str) -> None:
    ends = tunnel(name)
    lab.run(ends["near"], f"ping -n -q -c 1 -W 3 {ends['far_address']}")
    for end in (ends["near"], ends["far"]):
        last = int(lab.run(end, f"wg show {name} latest-handshakes").split()[1])
        assert time.time() - last < 180, f"{name} at {end}: last handshake {time.time() - last:.0f} s ago"


def test_median_rtt_of_every_tunnel() -> None:
    def median(name: str) -> float:
        ends = tunnel(name)
        said = lab.run(ends["near"], f"ping -n -c {PROBES} -i 0.2 -W 3 {ends['far_address']}")
        times = [float(value) for value in re.findall(r"time=([\d.]+)", said)]
        assert len(times) >= PROBES - 1, f"{name}: {len(times)} of {PROBES} probes came back"
        return statistics.median(times)

    medians = lab.everywhere(NAMES, median)
    wrong = {name: value for name, value in medians.items() if not RTT_MS[0] <= value <= RTT_MS[1]}
    assert not wrong, f"median RTT outside {RTT_MS} ms: {wrong}; all: {medians}"


@pytest.mark.parametrize("host", [host["name"] for host in lab.plan("hosts") if host["site"] == "local"])
def test_packets_to_helsinki_leave_by_the_hosts_own_tunnel_only(host: str) -> None:
    gateway = "helsinki-gw"
    own = next(each["name"] for each in lab.plan("tunnels") if each["near"] == host and each["far"] == gateway)
    target = next(each["address"] for each in lab.plan("hosts") if each["name"] == "monitoring")
    source = next(each["address"] for each in lab.plan("hosts") if each["name"] == host)
    route = lab.run(host, f"ip route get {target}")
    assert f"dev {own}" in route and f"src {source}" in route, route

    size, count = 1200, 100
    before = received(gateway)
    lab.run(host, f"ping -n -q -c {count} -i 0.01 -s {size} -W 3 {target}")
    after = received(gateway)
    grown = {name: after[name] - before[name] for name in after}
    assert grown[own] >= size * count, f"{own} carried {grown[own]} of {size * count} bytes"
    # Others have their own business meanwhile (etcd, replication), but not this much.
    assert all(value < size * count for name, value in grown.items() if name != own), grown
