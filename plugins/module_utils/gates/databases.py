# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The gates of databases: shards with their members, votes, backups and the key of user knowledge, and the databases beside the shards."""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.unde.infra.plugins.module_utils import postgresql
from ansible_collections.unde.infra.plugins.module_utils.gates.measuring import Host, NotYet, Red, read

#: Standbys that stream, whether this is one itself, and how far behind the last of them is, bytes; a base backup is no standby.
STREAMS = """SELECT count(*) FILTER (WHERE state = 'streaming'), pg_is_in_recovery(), coalesce(max(pg_wal_lsn_diff(sent_lsn, replay_lsn)), 0)
FROM pg_stat_replication WHERE application_name <> 'pg_basebackup'"""
#: Whether the tables of a database beside the shards answer: vectors, routing and tombstones.
TABLES = """SELECT (SELECT count(*) FROM unde_ai.sku_image_embeddings LIMIT 1) >= 0 AND (SELECT count(*) FROM unde.routing_table) >= 0
AND (SELECT count(*) FROM unde.tombstone_registry) >= 0"""


def primaries(host: Host, *, scope: str, members: dict[str, str]) -> str:
    """Return which member of a shard is writable; each has said ``writable``, ``standby``, or nothing where it is down or not built yet."""
    writable = [name for name, said in members.items() if said == "writable"]
    if len(writable) != 1:
        raise Red(f"{scope} has {len(writable)} writable members: {', '.join(writable) or 'none'}")
    return writable[0]


def backups(host: Host, *, stanza: str, age_h: int = 0) -> str:
    """Return how many backups a shard has that are whole; the repository is the same for whoever is the primary now.

    The last one may be ``age_h`` hours old; 0: of any age.
    """
    return f"{stanza} with {host.until(lambda: _backups(host, stanza, '--repo=1', whole=True, age_h=age_h), 20, 3)}"


def _backups(host: Host, stanza: str, *repository: str, whole: bool = False, age_h: int = 0) -> str:
    """Return how many backups a stanza has; with ``whole``, without those that pgBackRest found errors in."""
    [found, *_others] = host.ask_json(*postgresql.as_postgres("pgbackrest", f"--stanza={stanza}", *repository, "info", "--output=json")) or [{}]
    made = found.get("backup", [])
    there = [each for each in made if not (whole and each.get("error"))]
    if not there:
        why = f"pgBackRest found errors in {len(made)}" if made else found.get("status", {}).get("message", "pgBackRest knows no such stanza")
        raise NotYet(f"{stanza} has no backup{' that is whole' if whole else ''}: {why}")
    old_h = (time.time() - max(each["timestamp"]["stop"] for each in there)) / 3600 if age_h else 0.0
    if old_h > age_h:
        raise Red(f"the last backup of {stanza} is {old_h:.0f} hours old, and may be {age_h}")
    return f"{len(there)} backup(s)"


def replication(host: Host, *, version: str, standbys: int, name: str) -> str:
    """Return how far the standbys are behind; of a standby, which nobody follows, nothing."""

    def streaming() -> str:
        count, standby, behind = host.sql(version, "postgres", STREAMS).split("|")
        if (count, standby) == ("0", "t"):
            return ""
        if (count, standby) == (str(standbys), "f"):
            return f"{name} is followed by {count}, {behind} bytes behind"
        raise NotYet(f"{name} is {'a standby' if standby == 't' else 'writable'}, and followed by {count} in place of {0 if standby == 't' else standbys}")

    return host.until(streaming, 20, 3)


def master_key(host: Host, *, version: str, name: str) -> str:
    """Return the member, which opens user knowledge. Standbys too: whoever is promoted without the key can neither read nor write it."""
    if host.until(lambda: host.sql(version, "unde", "SELECT unde.user_knowledge_opens()"), 5, 2) != "t":
        raise Red(
            f"{name} cannot open user knowledge. A boot takes the master key from memory; give it back: ansible-playbook "
            f"playbooks/operate/give_master_key.yml -l {name}. Where that says the same, the vault holds another key than the one that all was sealed with."
        )
    return name


def failover(host: Host, *, members: int) -> str:
    """Return who leads a shard, and since which timeline; all its other members stream."""

    def led() -> str:
        found = host.ask_json("patronictl", "-c", "/etc/patroni/config.yml", "list", "--format", "json")
        leaders = [each for each in found if (each["Role"], each["State"]) == ("Leader", "running")]
        streaming = [each for each in found if each["Role"] != "Leader" and each["State"] == "streaming"]
        if len(leaders) != 1 or len(streaming) != members - 1:
            states = ", ".join(f"{each['Member']} ({each['Role']}, {each['State']})" for each in found)
            raise NotYet(f"not one leader that {members - 1} of the other members follow: {states or 'no member'}")
        return f"{leaders[0]['Member']} leads timeline {leaders[0]['TL']}"

    return host.until(led, 20, 3)


def votes(host: Host, *, members: int) -> str:
    """Return how many members of etcd are healthy."""

    def healthy() -> str:
        code, said, complaint = host.run("unde-etcdctl", "endpoint", "health", "--cluster", "--write-out", "json")
        if code != 0 and not said:
            raise NotYet(complaint or f"unde-etcdctl ended with status {code}")
        found: list[dict[str, Any]] = read(said, "unde-etcdctl")
        well = sum(bool(each["health"]) for each in found)
        if code != 0 or well != members:
            ill = "".join(f"; {each['endpoint']}: {each.get('error') or 'not healthy'}" for each in found if not each["health"])
            raise NotYet(f"{well} of {members} healthy{ill}")
        return f"{members} of {members} healthy"

    return host.until(healthy, 10, 3)


def databases(host: Host, *, name: str, version: str, database: str, address: str, port: int, stanza: str) -> str:
    """Return how many backups a database beside the shards has; its pooler and its tables answer."""

    def pooler() -> None:
        code, said, complaint = host.run(f"/usr/lib/postgresql/{version}/bin/pg_isready", "-h", address, "-p", str(port))
        if code != 0:
            raise NotYet(f"the pooler at {address}:{port} does not answer: {complaint or said or f'status {code}'}")

    host.until(pooler, 10, 2)
    if host.until(lambda: host.sql(version, database, TABLES), 5, 2) != "t":
        raise Red(f"the tables of {database} cannot be counted")
    return f"{name} with {host.until(lambda: _backups(host, stanza), 20, 3)}"


def drills(host: Host, *, file: str, figures: str) -> str:
    """Return what the last drill measured, as it was kept in a file of the controller's; nothing that was acknowledged may be lost after the replay."""
    if not figures:
        raise Red(f"no drill was measured: {file} is not there (playbooks/drills/lose_primary.yml writes it)")
    told: dict[str, Any] = read(figures, file)
    foretold = told["foretold_s"][-1]
    if told["lost_after_replay"] != 0 or told["outage_s"] > foretold:
        raise Red(
            f"{told['outage_s']} s without an acknowledged write, where at most {foretold} were foretold; "
            f"{told['lost_after_replay']} acknowledged writes lost after the replay"
        )
    return (
        f"{told['lost']} on {told['at']}: {told['outage_s']} s without an acknowledged write, "
        f"{told['lost_before_replay']} lost before and {told['lost_after_replay']} after the replay"
    )
