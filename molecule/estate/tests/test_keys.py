"""A tunnel gets new keys while it is in use."""

from __future__ import annotations

import itertools
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import lab
import pytest

#: Without an answer for so long a WireGuard host begins handshakes of its own (KEEPALIVE_TIMEOUT + REKEY_TIMEOUT of its paper,
#: section 6.1), seconds: a shorter gap costs one handshake at the most.
ONE_HANDSHAKE_S = 15
ROTATED = "wg-app"


def keys() -> dict[str, set[str]]:
    """Return tunnel → the public keys of its two ends, as each end has its own."""
    return {
        tunnel["name"]: {lab.router(tunnel[end], f"wg show {tunnel['name']} public-key") for end in ("near", "far")} for tunnel in lab.plan("tunnels")
    }


def rotate(tunnel: str) -> subprocess.CompletedProcess[str]:
    """Run the playbook."""
    return subprocess.run(
        ["scripts/lab-playbook", "playbooks/operate/rotate_tunnel_keys.yml", "-e", f"tunnel={tunnel}"],
        cwd=lab.ROOT, text=True, capture_output=True, check=False, timeout=300,
    )


def test_both_ends_change_and_what_is_under_way_waits_for_one_handshake() -> None:
    ends = next(tunnel for tunnel in lab.plan("tunnels") if tunnel["name"] == ROTATED)
    before = keys()
    with ThreadPoolExecutor() as pool:
        pinging = pool.submit(lab.run, ends["near"], f"ping -n -D -i 0.2 -w 60 -W 2 {ends['far_address']}", check=False, timeout=90)
        done = rotate(ROTATED)
        answered = [float(at) for at in re.findall(r"\[([\d.]+)\] \d+ bytes from", pinging.result())]
    assert done.returncode == 0, done.stdout[-3000:]
    after = keys()
    assert not before[ROTATED] & after[ROTATED]
    assert {name for name in before if before[name] != after[name]} == {ROTATED}
    assert max(later - earlier for earlier, later in itertools.pairwise(answered)) < ONE_HANDSHAKE_S
    assert answered[-1] - answered[0] > 45, "the tunnel did not come back"
    for end in ("near", "far"):
        assert lab.run(ends[end], "ls /etc/wireguard | grep former || true") == ""


@pytest.mark.parametrize("tunnel", ["wg-none", ""])
def test_a_tunnel_that_is_none_is_refused(tunnel: str) -> None:
    done = rotate(tunnel)
    assert done.returncode != 0
    assert "Say which: -e tunnel=<interface> or -e tunnel=all" in done.stdout
