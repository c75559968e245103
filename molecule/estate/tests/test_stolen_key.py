"""Who steals a local server's key gets what that server may open in Helsinki, and nothing else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import lab
import pytest
from test_tunnels import echo_requests

ROBBED, THIEF = "local-orchestrator", "thief"
#: A neighbour's own address and the address of its tunnel: what the thief claims to be.
OTHERS = [next(host["address"] for host in lab.plan("hosts") if host["name"] == "local-redis"), "10.3.2.1"]
TUNNEL = next(tunnel for tunnel in lab.plan("tunnels") if tunnel["near"] == ROBBED)
TARGET = next(host["address"] for host in lab.plan("hosts") if host["name"] == "monitoring")
#: Knocks at many doors at once; prints those that a packet gets through to, be it answered or refused by the host itself.
KNOCK = """
import asyncio, json, sys
async def knock(door):
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(*door), 4)
        writer.close()
    except ConnectionRefusedError:
        pass
    except (OSError, asyncio.TimeoutError):
        return None
    return door
async def main():
    return [door for door in await asyncio.gather(*map(knock, json.load(sys.stdin))) if door]
print(json.dumps(asyncio.run(main())))
"""


@pytest.fixture(scope="module")
def thief() -> Iterator[str]:
    """Give a machine of somebody's on the WAN that has the key; the robbed host's own tunnel is down meanwhile."""
    name = TUNNEL["name"]
    own = next(host["address"] for host in lab.plan("hosts") if host["name"] == ROBBED)
    container = lab.PREFIX + THIEF
    # The key goes from one to the other and nowhere else.
    steal = f"docker exec {lab.PREFIX}{ROBBED} cat /etc/wireguard/{name}.$1 | docker exec -i {container} sh -c 'umask 077; cat > /etc/wireguard/{name}.'$1"
    lab.run(ROBBED, f"systemctl stop wg-quick@{name}")
    try:
        subprocess.run(
            ["docker", "run", "--detach", "--name", container, "--label", "unde.scenario=estate", "--network", "unde-lab-wan", "--dns", "127.0.0.1",
             "--cap-add", "NET_ADMIN", "--device", "/dev/net/tun", "--pull", "never", "unde/debian:trixie", "sleep", "900"],
            check=True, capture_output=True,
        )  # fmt: skip
        lab.run(THIEF, "apt-get -qq update && apt-get -qq install --no-install-recommends wireguard-tools wireguard-go")
        for end in ("conf", "key"):
            subprocess.run(["bash", "-o", "pipefail", "-ec", steal, "steal", end], check=True, capture_output=True)
        # It sends what it likes through the tunnel, whatever the robbed host would.
        lab.run(THIEF, f"sed -i 's#^AllowedIPs.*#AllowedIPs = 10.0.0.0/8#; /^PostUp = ip route/d' /etc/wireguard/{name}.conf")
        lab.run(THIEF, f"wg-quick up {name}; ip address add {own}/32 dev lo; ip route replace 10.0.0.0/8 dev {name} src {own}")
        lab.until("the stolen key opens the tunnel", lambda: lab.run(THIEF, f"ping -n -q -c 1 -W 2 {TUNNEL['far_address']}"), 30)
        yield THIEF
    finally:
        subprocess.run(["docker", "rm", "--force", container], check=True, capture_output=True)
        lab.run(ROBBED, f"systemctl start wg-quick@{name}")
        lab.until("the real host is back", lambda: lab.run(ROBBED, f"ping -n -q -c 1 -W 2 {TUNNEL['far_address']}"), 60)


def claiming(thief: str, source: str) -> str:
    """Send five pings to Helsinki from an address of the thief's choice; return what ping says."""
    lab.run(thief, f"ip address replace {source}/32 dev lo")
    return lab.run(thief, f"ping -n -q -c 5 -i 0.2 -W 1 -I {source} {TARGET}", check=False)


def test_it_opens_what_its_host_may_open_and_nothing_else(thief: str) -> None:
    """Every declared port of every host, and some that nobody declared; neighbours at the local site are none of the gateway's business."""
    said = subprocess.run(["unde", "matrix", "--format", "json"], cwd=lab.ROOT, check=True, capture_output=True, text=True).stdout
    cells = [cell for cell in json.loads(said) if cell["source"] == ROBBED]
    local = {host["name"] for host in lab.plan("hosts") if host["site"] == "local"}
    doors = [[cell["address"], cell["port"]] for cell in cells]
    through = json.loads(lab.run(thief, f"python3 -c '{KNOCK}'", stdin=json.dumps(doors)))
    allowed = [[cell["address"], cell["port"]] for cell in cells if cell["open"] and cell["target"] not in local]
    assert len(allowed) >= 3
    assert sorted(through) == sorted(allowed)


@pytest.mark.parametrize("source", OTHERS)
def test_it_cannot_speak_for_another(thief: str, source: str) -> None:
    """WireGuard takes its packets, and lets out none whose source is not the key's."""
    gateway, name = TUNNEL["far"], TUNNEL["name"]
    before = int(lab.router(gateway, f"wg show {name} transfer").split()[1])
    assert not any(echo_requests(gateway, source, lambda: claiming(thief, source)).values())
    assert int(lab.router(gateway, f"wg show {name} transfer").split()[1]) - before >= 5 * 84, "nothing came in at all"
    own = next(host["address"] for host in lab.plan("hosts") if host["name"] == ROBBED)
    assert echo_requests(gateway, own, lambda: claiming(thief, own))[name] == 5, "the probe would not see one"


def test_a_second_barrier_stands_behind_wireguards(thief: str) -> None:
    """Where WireGuard let another's address in, the gateway's own rule drops and counts it."""
    gateway, name, source = TUNNEL["far"], TUNNEL["name"], OTHERS[0]
    peer, allowed = lab.router(gateway, f"wg show {name} allowed-ips").split(None, 1)
    allowed = ",".join(allowed.split())
    before = lab.spoofed(gateway, name)
    lab.router(gateway, f"wg set {name} peer {peer} allowed-ips {allowed},{source}/32")
    try:
        assert "100% packet loss" in claiming(thief, source)
    finally:
        lab.router(gateway, f"wg set {name} peer {peer} allowed-ips {allowed}")
    assert lab.spoofed(gateway, name) - before == 5
