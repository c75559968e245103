"""What breaks is whole again without a hand being moved. Each test restores what it broke."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import lab
import pytest

#: Seconds. Patroni restarts or replaces a crashed PostgreSQL within a lease; a lost host costs the lease (20) and two
#: rounds of the loop (2 x 5), plus the election of etcd and the start of the replica.
CRASH, LOSS, REJOIN = 60, 90, 180


@pytest.fixture
def shard() -> Iterator[dict]:
    """Give the first shard, healthy before and after."""
    first = lab.shards()[0]
    lab.until("the shard is healthy", lambda: whole(first), REJOIN)
    yield first
    lab.until("the shard is healthy again", lambda: whole(first), REJOIN, 2)


def whole(shard: dict) -> bool:
    """Return whether there is one leader and every other member streams."""
    asked = lab.leader(shard)
    if asked is None:
        return False
    view = lab.patroni(asked)
    return sorted((member["Role"], member["State"]) for member in view) == sorted(
        [("Leader", "running"), *[("Replica", "streaming")] * (len(shard["members"]) - 1)]
    )


def writable(shard: dict) -> str | None:
    """Return a member that takes a write."""
    member = lab.leader(shard)
    if member:
        lab.sql(member, "CREATE TABLE IF NOT EXISTS public.lab_faults (at timestamptz DEFAULT now()); INSERT INTO public.lab_faults DEFAULT VALUES")
    return member


def test_kill_9_of_postgresql_ends_with_a_writable_shard(shard: dict, record_property) -> None:
    leader = lab.leader(shard)
    postmaster = int(lab.run(leader, "head -1 /var/lib/postgresql/17/main/postmaster.pid"))
    lab.run(leader, f"kill -9 {postmaster}")
    began = time.monotonic()
    member = lab.until("the shard takes writes", lambda: writable(shard), CRASH)
    seconds = time.monotonic() - began
    print(f"kill -9 of PostgreSQL on {leader}: {member} takes writes after {seconds:.1f} s")
    record_property("seconds", seconds)


def test_loss_of_the_primarys_host_ends_with_a_writable_shard(shard: dict, record_property) -> None:
    lost = lab.leader(shard)
    subprocess.run(["docker", "kill", lab.PREFIX + lost], check=True, capture_output=True)
    try:
        began = time.monotonic()
        member = lab.until("another member takes writes", lambda: writable(shard), LOSS)
        seconds = time.monotonic() - began
        assert member != lost
        print(f"{lost} lost: {member} takes writes after {seconds:.1f} s")
        record_property("seconds", seconds)
    finally:
        subprocess.run(["docker", "start", lab.PREFIX + lost], check=True, capture_output=True)
    began = time.monotonic()
    lab.until(f"{lost} is back as a standby", lambda: whole(shard), REJOIN, 2)
    print(f"{lost} streams again {time.monotonic() - began:.1f} s after its start")
    opens = "SELECT unde.user_knowledge_opens()"
    assert lab.sql(lost, opens) == "f", "a boot takes the key from memory: this has proved nothing"
    subprocess.run(["scripts/lab-playbook", "playbooks/operate/give_master_key.yml", "-l", lost], cwd=lab.ROOT, check=True, timeout=120)
    assert lab.sql(lost, opens) == "t"
    # Back to where the layout wants the primary: near the users.
    lab.run(member, f"patronictl -c /etc/patroni/config.yml switchover --leader {member} --candidate {lost} --force", timeout=120)
    lab.until(f"{lost} leads again", lambda: lab.leader(shard) == lost, 60)
