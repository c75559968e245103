"""The two sites' Redis know nothing of each other."""

from __future__ import annotations

import lab


def test_no_redis_speaks_to_the_other_site() -> None:
    addresses = {host["name"]: host["address"] for host in lab.plan("hosts")}
    ports = {cluster["members"][0]: cluster["settings"]["port"] for cluster in lab.plan("clusters") if cluster["kind"] == "redis"}
    assert len(ports) == 2, "one host with Redis on each site"
    for host in ports:
        established = lab.run(host, "ss -Htn state established '( sport = :6379 or sport = :6380 or dport = :6379 or dport = :6380 )'")
        network = addresses[host].rsplit(".", 2)[0]
        foreign = [line for line in established.splitlines() if network not in line.split()[3] and "127.0.0.1" not in line.split()[3]]
        assert not foreign, f"{host}: {foreign}"


def test_the_gateway_does_not_carry_redis() -> None:
    """From the hot path to the broker: the packet must find nothing."""
    push = next(host["address"] for host in lab.plan("hosts") if host["name"] == "push")
    said = lab.run("local-redis", f"timeout 3 redis-cli -h {push} -p 6379 ping || echo nothing")
    assert "PONG" not in said and "NOAUTH" not in said
