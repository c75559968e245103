"""What breaks is whole again without a hand being moved. Each test restores what it broke."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Iterator

import lab
import pytest

#: Seconds. Patroni restarts or replaces a crashed PostgreSQL within a lease; a lost host costs the lease (20) and two
#: rounds of the loop (2 x 5), plus the election of etcd and the start of the replica.
CRASH, LOSS, REJOIN = 60, 90, 180
#: So long before the end of Patroni's round a vote is told to stop, seconds: it is asked to renew the lease then, across a link of 120 ms or none.
BEFORE_RENEWAL = (0.1, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.3, 0.4)


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


def asked(member: str) -> str:
    """Return the vote that a member's Patroni asks: the one that it has most connections to.

    Raises:
        AssertionError: it has none now.

    """
    votes = {address: host for host in lab.hosts("etcd") for address in lab.run(host, "hostname -I").split()}
    ends = lab.run(member, "ss -Htn state established dport = :2379 | awk '{print $4}'").split()
    assert ends, "Patroni is between two votes"
    return votes[Counter(end.rpartition(":")[0] for end in ends).most_common(1)[0][0]]


def votes_are_well() -> bool:
    """Return whether every vote answers."""
    return lab.run(lab.hosts("etcd")[0], "unde-etcdctl endpoint health --cluster >/dev/null 2>&1 && echo well") == "well"


def test_a_vote_that_restarts_costs_no_primary(shard: dict) -> None:
    """Patroni would take for a refusal what a vote says of a lease while it stops, and demote its primary at once."""
    leader, loop_wait = lab.leader(shard), shard["settings"]["loop_wait_s"]
    started = lab.sql(leader, "SELECT pg_postmaster_start_time()")
    for early in BEFORE_RENEWAL:
        rounds = lab.run(leader, "journalctl -q -u patroni -o short-unix -n 400 | grep -F 'the leader with the lock' | tail -1 | cut -d ' ' -f 1")
        vote = lab.until("Patroni asks a vote", lambda: asked(leader), 60)
        # Whole rounds later: the next one that begins in a second or more, however long all this took.
        wait_s = (float(rounds) - early - time.time() - 1) % loop_wait + 1
        lab.run(vote, f"sleep {wait_s:.2f}; systemctl restart etcd")
        lab.until("every vote is well", votes_are_well, 60)
    assert lab.sql(leader, "SELECT pg_postmaster_start_time()") == started


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
    lab.switch_over(shard, lost)
