"""The gateway restarts while the shards are written to: nobody fails over, and failover is not left switched off."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lab
import pytest

PLAYBOOK = "playbooks/operate/gateway_maintenance.yml"
RESTART = "molecule/estate/tasks/restart_gateway.yml"
#: No write may be refused or wait for longer, seconds: the primary and two of the votes are where the writer is or are reached without the gateway.
GAP_S = 2.0
#: Writes until its input ends; prints how often, and the longest time from one write that was acknowledged to the next.
WRITER = """
import json, select, sys, time, psycopg2
connection, writes, refused, longest, last = None, 0, 0, 0.0, time.monotonic()
while not select.select([sys.stdin], [], [], 0.05)[0]:
    try:
        if connection is None:
            connection = psycopg2.connect(dbname="unde", host="/var/run/postgresql", connect_timeout=2)
            connection.autocommit = True
        connection.cursor().execute("INSERT INTO public.lab_maintenance DEFAULT VALUES")
        writes += 1
    except psycopg2.Error:
        connection, refused = None, refused + 1
        continue
    longest, last = max(longest, time.monotonic() - last), time.monotonic()
print(json.dumps({"writes": writes, "refused": refused, "longest_s": max(longest, time.monotonic() - last)}))
"""
#: A change that kills the gateway and fails.
DEAD = """
- name: Kill the gateway
  ansible.builtin.shell: docker kill {gateway}; false
  delegate_to: localhost
  become: false
  vars: {{ansible_connection: local}}
"""


def command(change: str) -> list[str]:
    """Return the command that maintains the gateway with a change."""
    return ["scripts/lab-playbook", PLAYBOOK, "-e", f"change={change}"]


def maintain(change: str) -> subprocess.CompletedProcess[str]:
    """Maintain the gateway."""
    return subprocess.run(command(change), cwd=lab.ROOT, text=True, capture_output=True, check=False, timeout=600)


def members() -> list[tuple[str, str, int]]:
    """Return name, role and timeline of the first shard's members."""
    first = lab.shards()[0]["members"][0]
    return sorted((member["Member"], member["Role"], member["TL"]) for member in lab.patroni(first))


def paused() -> bool:
    """Return whether failover of the first shard is off."""
    return "Maintenance mode: on" in lab.run(lab.shards()[0]["members"][0], "patronictl list")


def tunnels() -> bool:
    """Return whether every tunnel carries packets."""
    pings = {tunnel["name"]: (tunnel["near"], f"ping -n -q -c 1 -W 2 {tunnel['far_address']} > /dev/null && echo yes") for tunnel in lab.plan("tunnels")}
    return set(lab.everywhere(pings, lambda name: lab.run(*pings[name], check=False)).values()) == {"yes"}


def streaming() -> bool:
    """Return whether the first shard has its leader and every other member streams."""
    states = [member["State"] for member in lab.patroni(lab.shards()[0]["members"][0])]
    return states.count("running") == 1 and states.count("streaming") == len(lab.shards()[0]["members"]) - 1


@pytest.fixture
def nothing(tmp_path: Path) -> str:
    """Return a change that changes nothing."""
    file = tmp_path / "nothing.yml"
    file.write_text("- name: Reach the gateway\n  ansible.builtin.ping:\n")
    return str(file)


@pytest.fixture(autouse=True)
def whole() -> Iterator[None]:
    """See that failover is on and nobody failed over, before and after."""
    before = members()
    assert not paused()
    yield
    assert not paused(), "failover was left switched off"
    assert "unde_maintenance" not in lab.run(lab.shards()[0]["members"][0], "patronictl show-config")
    assert members() == before


@pytest.fixture
def writer() -> Iterator[subprocess.Popen[str]]:
    """Write to the first shard, on its primary's own host."""
    host = lab.leader(lab.shards()[0])
    assert host
    lab.sql(host, "CREATE TABLE IF NOT EXISTS public.lab_maintenance (at timestamptz DEFAULT now())")
    words = ["docker", "exec", "-i", "-u", "postgres", lab.PREFIX + host, "python3", "-c", WRITER]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
    lab.sql(host, "DROP TABLE public.lab_maintenance")


def watched(change: str) -> tuple[subprocess.CompletedProcess[str], bool]:
    """Make a change; return how the run ended, and whether failover was seen paused meanwhile."""
    seen = False
    with ThreadPoolExecutor() as pool:
        running = pool.submit(maintain, change)
        while not running.done():
            seen = seen or paused()
    return running.result(), seen


def test_the_gateway_restarts_and_no_shard_fails_over(writer: subprocess.Popen[str], record_property) -> None:
    gateway = lab.hosts("gateway")[0]
    before = lab.run(gateway, "stat -c %Z /proc/1")
    done, seen = watched(RESTART)
    said = json.loads(writer.communicate(timeout=30)[0])
    assert done.returncode == 0, done.stdout[-4000:]
    assert lab.run(gateway, "stat -c %Z /proc/1") != before, "the gateway did not restart"
    assert seen, "failover was never paused"
    print(said)
    record_property("writer", said)
    assert said["writes"] > 100
    assert said["longest_s"] < GAP_S


def test_a_change_that_fails_and_leaves_the_gateway_dead_ends_with_failover_on(tmp_path: Path) -> None:
    """The primary's site and the witness are two votes of three: it is taken back there."""
    gateway, file = lab.PREFIX + lab.hosts("gateway")[0], tmp_path / "fails.yml"
    file.write_text(DEAD.format(gateway=gateway))
    try:
        done, seen = watched(str(file))
        assert done.returncode != 0
        assert seen, "failover was never paused"
        assert not paused()
    finally:
        subprocess.run(["docker", "start", gateway], check=True, capture_output=True)
        lab.until("every tunnel and every standby is back", lambda: tunnels() and streaming(), 120, 2)


def test_a_pause_that_a_killed_run_left_behind_is_taken_back(tmp_path: Path, nothing: str) -> None:
    file = tmp_path / "waits.yml"
    file.write_text("- name: Wait\n  ansible.builtin.command: sleep 60\n")
    with subprocess.Popen(command(str(file)), cwd=lab.ROOT, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        lab.until("failover is paused", paused, 90)
        os.killpg(process.pid, signal.SIGKILL)
    assert paused()
    done = maintain(nothing)
    assert done.returncode == 0, done.stdout[-4000:]
    assert f"by a maintenance that was interrupted ({file}, begun" in " ".join(done.stdout.split())


def test_somebody_elses_pause_is_left_alone(nothing: str) -> None:
    host = lab.shards()[0]["members"][0]
    lab.run(host, "patronictl pause --wait")
    try:
        done = maintain(nothing)
        assert done.returncode == 0, done.stdout[-4000:]
        assert "not by this playbook; it stays paused" in " ".join(done.stdout.split())
        assert paused()
    finally:
        lab.run(host, "patronictl resume --wait")


def test_it_does_not_begin_while_a_shard_is_not_whole(nothing: str) -> None:
    shard = lab.shards()[0]
    standby = next(member for member in shard["members"] if member != lab.leader(shard))
    lab.run(standby, "systemctl stop patroni")
    try:
        done = maintain(nothing)
        assert done.returncode != 0
        assert "Nothing was begun" in done.stdout and "Reach the gateway" not in done.stdout
    finally:
        lab.run(standby, "systemctl start patroni")
        lab.until("the standby streams", streaming, 60)


@pytest.mark.parametrize("change", ["", "no/such/file.yml"])
def test_an_unknown_change_is_refused_with_those_that_there_are(change: str) -> None:
    done = maintain(change)
    assert done.returncode != 0
    assert "gateway_apply, gateway_reboot" in " ".join(done.stdout.split())
