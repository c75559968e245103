"""Every tunnel is up, as long as the document says, and carries its own host's packets only."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable

import lab
import pytest

PROBES, RTT_MS = 20, (115.0, 135.0)
NAMES = [tunnel["name"] for tunnel in lab.plan("tunnels")]


def tunnel(name: str) -> dict:
    return next(each for each in lab.plan("tunnels") if each["name"] == name)


def test_all_tunnels_of_the_document_and_the_witness_are_there() -> None:
    document = {"wg-app", "wg-orch", "wg-redis", "wg-mood", "wg-persona", "wg-context", "wg-voice", "wg-shard0", "wg-etcd"}
    assert document | {"wg-witness", "wg-direct"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_tunnel_has_a_fresh_handshake_on_both_ends(name: str) -> None:
    ends = tunnel(name)
    lab.run(ends["near"], f"ping -n -q -c 1 -W 3 {ends['far_address']}")
    for end in (ends["near"], ends["far"]):
        last = int(lab.router(end, f"wg show {name} latest-handshakes").split()[1])
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


def echo_requests(gateway: str, source: str, send: Callable[[], str]) -> dict[str, int]:
    """Return interface → echo requests of one source that the gateway receives by it while ``send`` runs."""
    rules = [f'add rule inet probe seen ip saddr {source} icmp type echo-request iifname "{name}" counter' for name in (*NAMES, "eth0", "eth1", "ether1")]
    chain = "add table inet probe\nadd chain inet probe seen { type filter hook prerouting priority -300; }"
    lab.router(gateway, "nft -f -", stdin="\n".join([chain, *rules, ""]))
    try:
        send()
        seen = lab.router(gateway, "nft list table inet probe")
    finally:
        lab.router(gateway, "nft delete table inet probe")
    return {name: int(packets) for name, packets in re.findall(r'iifname "(\S+)" counter packets (\d+)', seen)}


@pytest.mark.parametrize("host", [host["name"] for host in lab.plan("hosts") if host["site"] == "local"])
def test_packets_to_helsinki_leave_by_the_hosts_own_tunnel_only(host: str) -> None:
    gateway, count = "helsinki-gw", 100
    own = next(each["name"] for each in lab.plan("tunnels") if each["near"] == host and each["far"] == gateway)
    target = next(each["address"] for each in lab.plan("hosts") if each["name"] == "monitoring")
    source = next(each["address"] for each in lab.plan("hosts") if each["name"] == host)
    route = lab.run(host, f"ip route get {target}")
    assert f"dev {own}" in route and f"src {source}" in route, route

    by_interface = echo_requests(gateway, source, lambda: lab.run(host, f"ping -n -q -c {count} -i 0.01 -W 3 {target}"))
    assert {name: packets for name, packets in by_interface.items() if packets} == {own: count}
