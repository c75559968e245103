"""The gates of shards, votes, backups and databases."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils.gates import databases
from ansible_collections.unde.infra.plugins.module_utils.gates.measuring import Host, Red

SHARD = {"version": "17", "standbys": 1, "name": "local-shard-0"}
DATABASE = {"name": "production", "version": "17", "database": "unde", "address": "10.1.1.2", "port": 6432, "stanza": "production"}
FIGURES = {
    "lost": "local-shard-0", "at": "2026-11-30T12:00:00Z", "outage_s": 21.5, "foretold_s": [10, 30], "lost_before_replay": 3, "lost_after_replay": 0,
}  # fmt: skip


def member(name: str, role: str = "Replica", state: str = "streaming", **more: Any) -> dict[str, Any]:
    """Return a member as patronictl lists it."""
    return {"Member": name, "Role": role, "State": state, **more}


LEADS = member("local-shard-0", "Leader", "running", TL=3)


def info(*errors: bool, message: str = "ok") -> list[dict[str, Any]]:
    """Return what pgBackRest tells of backups, each with an error or without."""
    return [{"backup": [{"error": error} for error in errors], "status": {"message": message}}]


def votes(*well: bool) -> list[dict[str, Any]]:
    """Return what etcdctl tells of its members."""
    return [{"endpoint": f"https://10.0.0.{n}:2379", "health": each, **({} if each else {"error": "context deadline exceeded"})} for n, each in enumerate(well)]


def why(gate: Callable[..., str], host: Host, **parameters: Any) -> str:
    """Return why a gate is red."""
    with pytest.raises(Red) as raised:
        gate(host, **parameters)
    return str(raised.value)


def test_one_member_is_writable(host: Host) -> None:
    members = {"a": "standby", "b": "writable", "c": ""}
    assert databases.primaries(host, scope="shard0", members=members) == "b"
    assert why(databases.primaries, host, scope="shard0", members={**members, "c": "writable"}) == "shard0 has 2 writable members: b, c"
    assert why(databases.primaries, host, scope="shard0", members={"a": "standby"}) == "shard0 has 0 writable members: none"


def test_a_shards_backups(host: Host, programs: Any, pause: Any) -> None:
    """As soon as one is whole."""
    programs.say("pgbackrest --stanza=shard0 --repo=1 info --output=json", info(True))
    pause.meanwhile = lambda: programs.say("pgbackrest --stanza=shard0 --repo=1 info --output=json", info(True, False, False))
    assert databases.backups(host, stanza="shard0") == "shard0 with 2 backup(s)"
    assert pause.slept == [3]
    assert all(line.startswith("setpriv --reuid=postgres ") for line in programs.asked)


@pytest.mark.parametrize(("told", "reason"), [
    (info(True), "pgBackRest found errors in 1"), (info(message="no valid backups"), "no valid backups"), ([], "pgBackRest knows no such stanza"),
])  # fmt: skip
def test_a_shard_without_a_backup(host: Host, programs: Any, told: Any, reason: str) -> None:
    programs.say("pgbackrest", told)
    assert why(databases.backups, host, stanza="shard0") == f"shard0 has no backup that is whole: {reason}"


def test_a_backup_may_be_too_old(host: Host, programs: Any) -> None:
    def made(hours: float) -> dict[str, Any]:
        return {"error": False, "timestamp": {"start": 0, "stop": int(time.time() - hours * 3600)}}

    programs.say("pgbackrest", [{"backup": [made(60), made(30)], "status": {"message": "ok"}}])
    assert databases.backups(host, stanza="shard0") == "shard0 with 2 backup(s)"
    assert databases.backups(host, stanza="shard0", age_h=31) == "shard0 with 2 backup(s)"
    assert why(databases.backups, host, stanza="shard0", age_h=26) == "the last backup of shard0 is 30 hours old, and may be 26"


@pytest.mark.parametrize(("row", "says"), [("1|f|512\n", "local-shard-0 is followed by 1, 512 bytes behind"), ("0|t|0\n", "")])
def test_who_is_followed(host: Host, programs: Any, row: str, says: str) -> None:
    programs.say("pg_stat_replication", row)
    assert databases.replication(host, **SHARD) == says


@pytest.mark.parametrize(("row", "reason"), [
    ("0|f|0\n", "local-shard-0 is writable, and followed by 0 in place of 1"), ("2|f|0\n", "local-shard-0 is writable, and followed by 2 in place of 1"),
    ("1|t|0\n", "local-shard-0 is a standby, and followed by 1 in place of 0"),
])  # fmt: skip
def test_who_is_followed_otherwise(host: Host, programs: Any, pause: Any, row: str, reason: str) -> None:
    programs.say("pg_stat_replication", row)
    assert why(databases.replication, host, **SHARD) == reason
    pause.slept.clear()
    pause.meanwhile = lambda: programs.say("pg_stat_replication", "1|f|0\n")
    assert databases.replication(host, **SHARD)
    assert pause.slept == [3]


def test_a_member_with_the_key(host: Host, programs: Any, pause: Any) -> None:
    programs.say("user_knowledge_opens", code=2, complaint="the database system is starting up")
    pause.meanwhile = lambda: programs.say("user_knowledge_opens", "t\n")
    assert databases.master_key(host, version="17", name="a") == "a"
    assert pause.slept == [2]


def test_a_member_without_the_key(host: Host, programs: Any, pause: Any) -> None:
    """It will not have it by waiting."""
    programs.say("user_knowledge_opens", "f\n")
    assert why(databases.master_key, host, version="17", name="a").startswith("a cannot open user knowledge.")
    assert "playbooks/operate/give_master_key.yml -l a" in why(databases.master_key, host, version="17", name="a")
    assert pause.slept == []


def test_a_shard_that_is_led(host: Host, programs: Any, pause: Any) -> None:
    programs.say("patronictl -c /etc/patroni/config.yml list --format json", [member("shard-replica-0", state="starting"), LEADS])
    pause.meanwhile = lambda: programs.say("patronictl -c /etc/patroni/config.yml list --format json", [member("shard-replica-0"), LEADS])
    assert databases.failover(host, members=2) == "local-shard-0 leads timeline 3"
    assert pause.slept == [3]


@pytest.mark.parametrize(("members", "states"), [
    ([LEADS, member("b", state="starting")], "local-shard-0 (Leader, running), b (Replica, starting)"),
    ([member("a"), member("b")], "a (Replica, streaming), b (Replica, streaming)"),
    ([LEADS], "local-shard-0 (Leader, running)"),
    ([], "no member"),
])  # fmt: skip
def test_a_shard_that_is_not_whole(host: Host, programs: Any, members: Any, states: str) -> None:
    programs.say("patronictl", members)
    assert why(databases.failover, host, members=2) == f"not one leader that 1 of the other members follow: {states}"


def test_votes_that_are_healthy(host: Host, programs: Any, pause: Any) -> None:
    programs.say("unde-etcdctl endpoint health --cluster --write-out json", votes(True, True, False), code=1, complaint="Error: unhealthy cluster")
    pause.meanwhile = lambda: programs.say("unde-etcdctl endpoint health --cluster --write-out json", votes(True, True, True))
    assert databases.votes(host, members=3) == "3 of 3 healthy"
    assert pause.slept == [3]


@pytest.mark.parametrize(("answer", "reason"), [
    ({"output": votes(True, False), "code": 1}, "1 of 3 healthy; https://10.0.0.1:2379: context deadline exceeded"),
    ({"output": votes(True, True)}, "2 of 3 healthy"),
    ({"output": votes(True, True, True), "code": 1}, "3 of 3 healthy"),
    ({"code": 1, "complaint": "connection refused"}, "connection refused"),
])  # fmt: skip
def test_votes_that_are_not(host: Host, programs: Any, answer: Any, reason: str) -> None:
    programs.say("unde-etcdctl", **answer)
    assert why(databases.votes, host, members=3) == reason


@pytest.fixture
def database(programs: Any) -> Any:
    """Return the programs of a database that answers and has backups."""
    programs.say("pg_isready -h 10.1.1.2 -p 6432", "10.1.1.2:6432 - accepting connections")
    programs.say("-d unde -c SELECT (SELECT count(*) FROM unde_ai.sku_image_embeddings", "t\n")
    programs.say("pgbackrest --stanza=production info --output=json", info(False, True))
    return programs


def test_a_database(host: Host, database: Any) -> None:
    assert databases.databases(host, **DATABASE) == "production with 2 backup(s)"


@pytest.mark.parametrize(("program", "answer", "reason", "waited"), [
    ("pg_isready", {"code": 2, "output": "10.1.1.2:6432 - no response"}, "the pooler at 10.1.1.2:6432 does not answer: 10.1.1.2:6432 - no response", [2] * 10),
    ("sku_image_embeddings", {"code": 1, "complaint": "relation does not exist"}, "relation does not exist", [2] * 5),
    ("sku_image_embeddings", {"output": "f\n"}, "the tables of unde cannot be counted", []),
    ("pgbackrest", {"output": info(message="no valid backups")}, "production has no backup: no valid backups", [3] * 20),
])  # fmt: skip
def test_what_a_database_lacks(host: Host, database: Any, pause: Any, program: str, answer: Any, reason: str, waited: list[int]) -> None:
    database.answers = [each for each in database.answers if program not in each[0]]
    database.say(program, **answer)
    assert why(databases.databases, host, **DATABASE) == reason
    assert pause.slept == waited


def test_a_drill_that_cost_nothing(host: Host) -> None:
    assert databases.drills(host, file="f.json", figures=json.dumps(FIGURES)) == (
        "local-shard-0 on 2026-11-30T12:00:00Z: 21.5 s without an acknowledged write, 3 lost before and 0 after the replay"
    )


@pytest.mark.parametrize(("figures", "reason"), [
    ("", "no drill was measured: f.json is not there (playbooks/drills/lose_primary.yml writes it)"),
    ({**FIGURES, "outage_s": 31}, "31 s without an acknowledged write, where at most 30 were foretold; 0 acknowledged writes lost after the replay"),
    ({**FIGURES, "lost_after_replay": 1}, "21.5 s without an acknowledged write, where at most 30 were foretold; 1 acknowledged writes lost after the replay"),
])  # fmt: skip
def test_a_drill_that_cost_something(host: Host, figures: Any, reason: str) -> None:
    assert why(databases.drills, host, file="f.json", figures=figures and json.dumps(figures)) == reason
