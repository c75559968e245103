"""Bring a data directory into being, once: by initdb on the first primary, by base backup everywhere else.

Never touches a data directory that it does not know. What it knows: one whose system identifier is recorded in the state
directory, or equals that of another member. A run that was killed half way leaves the mark `initializing`, and only what
such a run left behind is ever removed.
"""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import common
from common import (
    INITIALIZING,
    STATE_DIRECTORY,
    alone,
    in_recovery,
    patroni_manages,
    program,
    psql,
    read_order,
    refuse,
    replication_conninfo,
    report,
    run,
    start,
)
from home import IDENTIFIER, Cluster, begin, create, finish, integrate


@dataclass(frozen=True)
class Upstream:
    """Another member that answers."""

    name: str
    address: str
    identifier: str
    standby: bool


def ask(member: dict) -> Upstream | None:
    """Ask another member who it is; None when nobody answers there."""
    sql = "IDENTIFY_SYSTEM;\nSHOW in_hot_standby;\n"
    conninfo = replication_conninfo(member["address"], replication="true")
    deadline, ready = time.monotonic() + 60, None
    while True:
        done = run([program("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", conninfo, "-f", "-"], as_postgres=True, text=sql, check=False)
        if done.returncode == 0:
            break
        # Not by the words of its refusal: they are in the language of its lc_messages. 0: it takes connections, 1: not yet, 2: nobody is there.
        ready, before = run([program("pg_isready"), "-q", "-h", member["address"], "-p", str(common.PORT), "-t", "10"], check=False).returncode, ready
        # One that is just starting is there: taking it for absent could make a second system.
        if ready not in (0, 1) or ready == before == 0 or time.monotonic() > deadline:
            break
        time.sleep(1)
    lines = done.stdout.split()
    if done.returncode == 0 and len(lines) == 2:
        return Upstream(member["name"], member["address"], lines[0].split("|")[0], lines[1] == "on")
    if ready == 2:
        return None
    refuse(f"{member['name']} ({member['address']}) has PostgreSQL but does not let the user replicator in: {done.stderr.strip()}")


def others(order: dict) -> list[Upstream]:
    """Return the other members that answer."""
    found = [ask(member) for member in order["members"] if member["name"] != order["name"]]
    return [upstream for upstream in found if upstream]


def join(order: dict, cluster: Cluster) -> None:
    """Copy the primary into an empty data directory and follow it through a slot of this host's own."""
    deadline = time.monotonic() + 60
    while not (primaries := [upstream for upstream in others(order) if not upstream.standby]):
        if time.monotonic() > deadline:
            names = ", ".join(member["name"] for member in order["members"] if member["name"] != order["name"])
            refuse(f"no primary to copy from: none of {names} answered as one within 60 s; run the role on the primary first")
        time.sleep(1)
    if len(primaries) > 1:
        refuse(f"two members say that they are primary: {primaries[0].name} and {primaries[1].name}; settle that first")
    primary = primaries[0]
    check_record(primary.identifier, primary.name)
    begin(order, cluster)
    slot = order["name"].lower().replace("-", "_")
    # A killed run may have made the slot already; it is ours by its name, and Patroni will use the same name.
    if not remote(primary, f"READ_REPLICATION_SLOT {slot};").startswith("physical"):
        remote(primary, f"CREATE_REPLICATION_SLOT {slot} PHYSICAL RESERVE_WAL;")
    conninfo = replication_conninfo(primary.address, application_name=order["name"])
    backup = [program("pg_basebackup"), "--pgdata", str(cluster.incoming), "--dbname", conninfo]
    run([*backup, "--slot", slot, "--wal-method=stream", "--checkpoint=fast", "--write-recovery-conf", "--no-password"], as_postgres=True)
    sample = Path("/usr/share/postgresql") / cluster.version
    shutil.copy(sample / "postgresql.conf.sample", cluster.incoming / "postgresql.conf")
    for name in ("pg_hba.conf", "pg_ident.conf"):
        (cluster.incoming / name).touch()
    cluster.incoming.rename(cluster.data)
    integrate(cluster)
    finish(cluster)
    start(cluster.unit)
    if not in_recovery():
        run(["systemctl", "stop", cluster.unit])
        refuse(f"the copy on {order['name']} came up as a primary of its own, and was stopped")


def remote(primary: Upstream, command: str) -> str:
    """Run one replication command on the primary."""
    conninfo = replication_conninfo(primary.address, replication="true")
    return run([program("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", conninfo, "-c", command], as_postgres=True).stdout


def check_record(identifier: str, whose: str) -> None:
    """Refuse to mix two systems: what was here before must be the system that is to come."""
    recorded = IDENTIFIER.read_text().strip() if IDENTIFIER.exists() else identifier
    if recorded != identifier:
        refuse(
            f"{whose} belongs to system {identifier}, but this host held system {recorded} before; "
            f"if that one is given up, remove {IDENTIFIER} and run again"
        )


def recognize(order: dict, cluster: Cluster) -> bool:
    """Accept a data directory that is ours; refuse any other. Return whether it had to be recorded first."""
    found = cluster.identifier()
    if not found or not (cluster.config / "postgresql.conf").exists():
        refuse(
            f"{cluster.data} holds data that this role did not make (system {found or 'unreadable'}). "
            "Nothing was touched. Move it away, or empty it, and run again."
        )
    if IDENTIFIER.exists():
        if IDENTIFIER.read_text().strip() != found:
            refuse(
                f"{cluster.data} holds system {found}, but this shard's system here is {IDENTIFIER.read_text().strip()}. "
                f"Nothing was touched. Move the foreign data away; or, if the shard really was replaced, remove {IDENTIFIER} and run again."
            )
        return False
    same = any(upstream.identifier == found for upstream in others(order))
    applied = psql("SELECT to_regclass('unde.schema_version') IS NOT NULL", database="unde", check=False)
    if not same and applied != "t":
        refuse(
            f"{cluster.data} holds system {found}, which no other member shares and which has no schema of ours. Nothing was touched. "
            f"If it is to become this shard, write {found} into {IDENTIFIER} and run again."
        )
    if not order["check"]:
        STATE_DIRECTORY.mkdir(parents=True, exist_ok=True)
        IDENTIFIER.write_text(found + "\n")
    return True


def main() -> None:
    """Run the command: `cluster.py` for all but joining, `cluster.py --join` to copy a primary."""
    order = read_order()
    alone()
    cluster = Cluster(order["version"])
    if patroni_manages():
        report(False, state="patroni")
    if not cluster.empty() and not INITIALIZING.exists():
        report(recognize(order, cluster), state="ready")
    if "--join" in sys.argv[1:]:
        if not order["check"]:
            join(order, cluster)
        report(True, state="joined")
    # A first primary whose machine was lost comes back as a copy of whoever took over, not as a second system.
    if order["initial_role"] != "primary" or others(order):
        report(False, state="absent")
    if IDENTIFIER.exists() and not INITIALIZING.exists():
        refuse(
            f"{cluster.data} is empty, but system {IDENTIFIER.read_text().strip()} lived here and no other member answers: "
            f"starting anew would lose it. Restore it from the backup; or, if it is given up, remove {IDENTIFIER} and run again."
        )
    if not order["check"]:
        create(order, cluster)
    report(True, state="created")


if __name__ == "__main__":
    main()
