"""Failures of the scenario's shard, each measured from the fault to the first row that is written again.

Called as `drill.py NAME`; speaks to the containers through the engine. Prints one JSON object, ends with status 1 when a promise is broken.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

MEMBERS = ("pg-a", "pg-b")
ADDRESSES = {"pg-a": "198.18.23.11", "pg-b": "198.18.23.12"}
PORT = 5432
#: A client that waits for an answer, and says how its wait ended.
CLIENT = """
import socket, sys
session = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 100)):
    session.setsockopt(socket.IPPROTO_TCP, option, value)
session.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
session.settimeout(90)
print("open", flush=True)
try:
    print("ended" if session.recv(1) == b"" else "answered")
except ConnectionResetError:
    print("reset")
except TimeoutError:
    print("still waits")
"""
LIMITS_S = {"crash": 45, "loss": 75, "frozen": 75, "return": 150}


def run(argv: list[str], timeout: float = 20) -> subprocess.CompletedProcess:
    """Run a command; one that hangs counts as failed."""
    try:
        return subprocess.run(argv, text=True, capture_output=True, check=False, timeout=timeout)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(argv, 124, "", "timeout")


def inside(member: str, command: str, timeout: float = 20) -> subprocess.CompletedProcess:
    """Run a shell command in a member's container."""
    return run(["docker", "exec", f"unde-patroni-{member}", "sh", "-c", command], timeout)


def sql(member: str, text: str) -> subprocess.CompletedProcess:
    """Run SQL on a member over its socket."""
    return inside(member, f'cd / && timeout 5 runuser -u postgres -- /usr/lib/postgresql/17/bin/psql -h /run/postgresql -XqAt -d unde -c "{text}"')


def cluster() -> dict[str, dict]:
    """Return what Patroni says of each member, asked on whichever answers."""
    for member in MEMBERS:
        done = inside(member, "patronictl list -f json")
        if done.returncode == 0 and done.stdout.strip():
            return {entry["Member"]: entry for entry in json.loads(done.stdout)}
    return {}


def leader() -> str:
    """Return the leader's name."""
    return next((name for name, entry in cluster().items() if entry["Role"] == "Leader" and entry["State"] == "running"), "")


def healthy() -> bool:
    """Tell whether there are a leader and a streaming replica of the same timeline."""
    entries = cluster().values()
    roles = sorted((entry["Role"], entry["State"]) for entry in entries)
    return roles == [("Leader", "running"), ("Replica", "streaming")] and len({entry["TL"] for entry in entries}) == 1


def until(what: str, true: object, limit: float) -> float:
    """Wait for something and return how long it took; end the drill when it takes too long."""
    begun = time.monotonic()
    while not true():
        if time.monotonic() - begun > limit:
            sys.exit(f"{what}: not within {limit} s; {json.dumps(cluster())}")
        time.sleep(0.2)
    return round(time.monotonic() - begun, 1)


def written(members: tuple[str, ...], note: str) -> str:
    """Write a row wherever it is taken; return where, or nothing."""
    for member in members:
        if sql(member, f"INSERT INTO public.drill (note) VALUES ('{note} ' || clock_timestamp())").returncode == 0:
            return member
    return ""


def rows(member: str, note: str) -> int:
    """Count the rows whose note begins like this."""
    done = sql(member, f"SELECT count(*) FROM public.drill WHERE note LIKE '{note}%'")
    return int(done.stdout) if done.returncode == 0 else -1


def failed_units(member: str) -> str:
    """Return the units that systemd calls failed."""
    return inside(member, "systemctl list-units --state=failed --plain --no-legend patroni* postgresql* pgbouncer*").stdout.strip()


def crash() -> dict:
    """Kill the leader's postmaster: PostgreSQL comes back without a hand."""
    until("a healthy shard before the drill", healthy, 60)
    victim = leader()
    before = f"before the crash {time.time()}"
    written((victim,), before)
    inside(victim, "kill -9 $(head -1 /var/lib/postgresql/17/main/postmaster.pid)")
    took = until("a written row", lambda: written(MEMBERS, "after the crash"), LIMITS_S["crash"])
    until("a healthy shard", healthy, LIMITS_S["return"])
    if any(rows(member, before) != 1 for member in MEMBERS):
        sys.exit("a row acknowledged before the crash is lost")
    if broken := failed_units(victim):
        sys.exit(f"failed units on {victim}: {broken}")
    return {"killed": victim, "writable_after_s": took, "leader": leader()}


def loss() -> dict:
    """Lose the leader's host with a row that its standby has not: the standby takes over, the host comes back through pg_rewind."""
    until("a healthy shard before the drill", healthy, 60)
    victim = leader()
    heir = next(member for member in MEMBERS if member != victim)
    only_here = f"only here {time.time()}"
    # The standby looks elsewhere for a moment, and its Patroni is held so that it does not mend that: a row comes to exist on one side only.
    inside(heir, "systemctl kill --signal=STOP patroni.service --kill-whom=main")
    sql(heir, "ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=1'")
    sql(heir, "SELECT pg_reload_conf()")
    until("a standby that receives nothing", lambda: sql(heir, "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'").stdout.strip() == "0", 10)  # noqa: E501
    if not written((victim,), only_here):
        sys.exit(f"{victim} did not take the row")
    run(["docker", "kill", f"unde-patroni-{victim}"])
    begun = time.monotonic()
    sql(heir, "ALTER SYSTEM RESET primary_conninfo")
    inside(heir, "systemctl kill --signal=CONT patroni.service --kill-whom=main")
    until("a written row", lambda: written((heir,), "after the loss"), LIMITS_S["loss"])
    took = round(time.monotonic() - begun, 1)
    run(["docker", "start", f"unde-patroni-{victim}"])
    back = until("the lost host as a streaming replica", healthy, LIMITS_S["return"])
    rewound = inside(victim, "journalctl -b -u patroni -o cat --no-pager | grep -c 'pg_rewind exit code=0'").stdout.strip()
    if rewound in ("", "0") or rows(victim, only_here) != 0:
        sys.exit(f"{victim} came back without pg_rewind ({rewound} in its journal, {rows(victim, only_here)} rows of its own)")
    if leader() != heir or rows(victim, "after the loss") < 1:
        sys.exit(f"{victim} does not follow {heir}")
    if broken := failed_units(victim):
        sys.exit(f"failed units on {victim}: {broken}")
    return {"killed": victim, "promoted": heir, "writable_after_s": took, "back_as_replica_after_s": back}


def reached(member: str, other: str) -> str:
    """Return what a member says of a connection to the server of another one: nothing where it stands."""
    connect = f"import socket; socket.create_connection(('{ADDRESSES[other]}', {PORT}), 5)"
    done = inside(member, f'python3 -c "{connect}"')
    return "" if done.returncode == 0 else (done.stderr.splitlines() or ["?"])[-1]


def frozen() -> dict:
    """Freeze the leader's processes: before another one leads, its clients are reset and its port is closed; thawed, it follows, and is open again."""
    until("a healthy shard before the drill", healthy, 60)
    victim = leader()
    heir = next(member for member in MEMBERS if member != victim)
    argv = ["docker", "exec", f"unde-patroni-{heir}", "python3", "-c", CLIENT, ADDRESSES[victim], str(PORT)]
    with subprocess.Popen(argv, text=True, stdout=subprocess.PIPE) as client:
        if client.stdout is None or client.stdout.readline() != "open\n":
            sys.exit(f"{heir} does not reach {victim}")
        inside(victim, "systemctl kill --signal=STOP patroni.service")
        begun = time.monotonic()
        try:
            until("a written row", lambda: written((heir,), "after the freeze"), LIMITS_S["frozen"])
            took = round(time.monotonic() - begun, 1)
            refused = reached(heir, victim)
            # It has ended by now, if the kernel ended it.
            if (ended := client.stdout.readline() if client.poll() is not None else "it waits") != "reset\n":
                sys.exit(f"a client of {victim}, which is frozen while {heir} leads, was not reset: {ended}")
            if "refused" not in refused:
                sys.exit(f"{victim} is frozen while {heir} leads, and lets clients in: {refused or 'connected'}")
        finally:
            inside(victim, "systemctl kill --signal=CONT patroni.service")
    until("the thawed member as a streaming replica", healthy, LIMITS_S["return"])
    if leader() != heir:
        sys.exit(f"{victim} does not follow {heir}")
    until(f"{victim} open for clients", lambda: not reached(heir, victim), 30)
    return {"frozen": victim, "promoted": heir, "writable_after_s": took}


def restore() -> dict:
    """Give the leadership back to the first member."""
    until("a healthy shard", healthy, LIMITS_S["return"])
    if leader() != MEMBERS[0]:
        done = inside(MEMBERS[0], f"patronictl switchover --force --leader {leader()} --candidate {MEMBERS[0]} shard0", 60)
        until(f"{MEMBERS[0]} as the leader", lambda: leader() == MEMBERS[0] and healthy(), LIMITS_S["return"])
        return {"switched": done.stdout.splitlines()[-1:]}
    return {"switched": False}


if __name__ == "__main__":
    print(json.dumps({"crash": crash, "loss": loss, "frozen": frozen, "restore": restore}[sys.argv[1]]()))
