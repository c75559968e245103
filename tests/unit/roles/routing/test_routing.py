"""Who leads a shard, in a site's Redis: what the reconciler writes, and that whoever is late writes nothing."""

from __future__ import annotations

import importlib.util
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import Any

import pytest

import support
import unde

FILE = support.ROOT / "roles/routing/files/unde-routing"


def loaded() -> ModuleType:
    """Return the role's program as a module."""
    loader = SourceFileLoader("unde_routing", str(FILE))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for what their annotations name
    loader.exec_module(module)
    return module


program = loaded()
Record, Leader = program.Record, program.Leader

NEAR = {"name": "near", "address": "10.2.0.10", "port": 6432, "site": "local"}
FAR = {"name": "far", "address": "10.1.1.10", "port": 6432, "site": "helsinki"}
MEMBERS = {"near": NEAR, "far": FAR}
KEY = "routing:shard:0"


def record(member: str = "near", epoch: int = 10, *, since: str = "then", revision: int | None = None, stale: bool = False) -> Any:
    place = MEMBERS[member]
    return Record(member, place["address"], place["port"], place["site"], since, epoch, epoch if revision is None else revision, stale)


# ── The plan ──


def test_each_site_s_reconciler_is_told_of_its_own_etcd_and_its_own_redis() -> None:
    told = unde.inventory(support.estate({"shards": {"count": 2}}))
    assert [name for name, groups in told.members.items() if "role_routing" in groups] == ["local-etcd-1", "etcd-2"]
    assert told.hosts["local-etcd-1"]["routing_redis"] == {
        "instance": "limits", "address": "10.2.0.4", "port": 6380, "user": "shards", "prefix": "routing:shard:",
    }
    assert told.hosts["etcd-2"]["routing_redis"]["instance"] == "broker"
    assert told.hosts["etcd-2"]["routing_etcd"] == {"address": "10.1.0.17", "port": 2379}
    assert told.groups["role_routing"]["routing_shards"][1] == {
        "number": 1, "scope": "shard1",
        "members": [
            {"name": "local-shard-1", "address": "10.2.0.101", "site": "local"}, {"name": "shard-replica-1", "address": "10.1.2.1", "site": "helsinki"},
        ],
    }
    assert (told.groups["role_routing"]["routing_port"], told.groups["role_routing"]["routing_lease_s"]) == (6432, 20)


# ── What Redis shall hold ──


@pytest.mark.parametrize(
    ("kept", "leader", "expected"),
    [
        (None, None, None),
        (None, Leader("near", 7), record("near", 7, since="now")),
        (record("near", 7), Leader("near", 7), record("near", 7)),
        (record("near", 7, stale=True), Leader("near", 7), record("near", 7)),
        (record("near", 7), None, record("near", 7, stale=True)),
        (record("near", 7), Leader("far", 12), record("far", 12, since="now")),
        (record("near", 7), Leader("near", 12), record("near", 12, since="now")),
        (record("near", 7), Leader("stranger", 12), record("near", 7, stale=True)),
        (None, Leader("stranger", 12), None),
        # etcd began anew: its revisions are small again, the epoch goes on.
        (record("near", 700), Leader("far", 3), record("far", 701, since="now", revision=3)),
        (record("far", 701, revision=3), Leader("far", 3), record("far", 701, revision=3)),
        (record("far", 701, revision=3), Leader("near", 9), record("near", 702, since="now", revision=9)),
        (record("near", 702, revision=9), Leader("far", 1000), record("far", 1000, since="now")),
    ],
    ids=str,
)
def test_wanted(kept: Any, leader: Any, expected: Any) -> None:
    assert program.wanted(kept, leader, MEMBERS.get(leader.member) if leader else None, "now") == expected


WRONG_TYPE = json.dumps(asdict(record()) | {"epoch": "1"}).encode()


@pytest.mark.parametrize("raw", [None, b"", b"nonsense", b"[]", b"{}", b'{"member": "near"}', b'"x"', b"\xff", WRONG_TYPE])
def test_what_cannot_be_read_counts_as_nothing(raw: bytes | None) -> None:
    assert program.parsed(raw) is None


def test_what_was_written_can_be_read() -> None:
    assert program.parsed(json.dumps(asdict(record())).encode()) == record()


# ── Passes, against an etcd and a Redis of few lines ──


class Redis:
    """Holds keys; a transaction fails where one that was read has changed since, as Redis's does."""

    def __init__(self, held: dict[str, str]) -> None:
        self.held, self.settings, self.seen, self.writes, self.away = held, {"address": "10.2.0.4", "port": 6380}, {}, 0, False

    def read(self, keys: list[str]) -> list[bytes | None]:
        if self.away:
            raise ConnectionRefusedError("away")
        self.seen = {key: self.held.get(key) for key in keys}
        return [value.encode() if value else None for value in self.seen.values()]

    def write(self, values: dict[str, str]) -> None:
        if values and any(self.held.get(key) != value for key, value in self.seen.items()):
            raise program.Overtaken("somebody else writes the same keys")
        self.writes += bool(values)
        self.held.update(values)

    def close(self) -> None:
        self.seen = {}


class Etcd:
    """Says who leads; does something else meanwhile, if told to."""

    def __init__(self, leader: Any) -> None:
        self.leader, self.settings, self.away = leader, {"address": "10.2.0.50", "port": 2379}, False
        self.meanwhile: Callable[[], object] = lambda: None

    def leaders(self) -> dict[int, Any]:
        if self.away:
            raise ConnectionRefusedError("away")
        answer = {0: self.leader}
        self.meanwhile()
        return answer


def reconciler(etcd: Etcd, held: dict[str, str], lease_s: float = 20) -> Any:
    return program.Reconciler([program.Shard(0, KEY, MEMBERS)], etcd, Redis(held), lease_s, lambda _: None)


def there(held: dict[str, str]) -> Any:
    return program.parsed(held[KEY].encode())


def test_a_pass_writes_once() -> None:
    held: dict[str, str] = {}
    some = reconciler(Etcd(Leader("near", 7)), held)
    assert (some.run(), some.run()) == ("", "")
    assert (there(held).member, there(held).epoch, some.redis.writes) == ("near", 7, 1)
    assert some.status().startswith("ok: 1 of 1 shards have a leader")


def test_whoever_is_late_writes_nothing() -> None:
    """It has asked etcd; before it writes, the leader changes and another reconciler writes that."""
    held: dict[str, str] = {KEY: json.dumps(asdict(record("near", 5)))}
    slow, changing = Etcd(Leader("near", 7)), Etcd(Leader("far", 9))
    late, punctual = reconciler(slow, held), reconciler(changing, held)
    slow.meanwhile = punctual.run
    assert "somebody else" in late.run()
    assert (there(held).member, there(held).epoch) == ("far", 9)
    assert late.errors["redis"] == 1
    slow.leader, slow.meanwhile = changing.leader, lambda: None
    assert late.run() == ""
    assert (there(held).member, there(held).epoch, late.redis.writes) == ("far", 9, 0)


def test_a_flushed_redis_is_filled_again_with_the_same() -> None:
    held: dict[str, str] = {KEY: json.dumps(asdict(record("far", 700)))}
    etcd = Etcd(Leader("near", 3))
    some = reconciler(etcd, held)
    some.run()
    before = there(held)
    assert before.epoch == 701
    held.clear()
    some.run()
    assert there(held) == before
    # Nobody leads, and Redis is empty: who led last is known still.
    etcd.leader = None
    held.clear()
    some.run()
    assert (there(held).member, there(held).stale, there(held).epoch) == ("near", True, 701)


def test_an_older_record_in_redis_is_replaced() -> None:
    held: dict[str, str] = {}
    some = reconciler(Etcd(Leader("near", 7)), held)
    some.run()
    held[KEY] = json.dumps(asdict(record("far", 3)))
    some.run()
    assert (there(held).member, there(held).epoch) == ("near", 7)


def test_without_etcd_a_record_holds_for_a_lease_and_not_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 1000.0
    monkeypatch.setattr(program.time, "monotonic", lambda: clock)
    held: dict[str, str] = {}
    etcd = Etcd(Leader("near", 7))
    some = reconciler(etcd, held)
    some.run()
    etcd.away, clock = True, 1019.9
    assert some.run() == "etcd at 10.2.0.50:2379: away"
    assert not there(held).stale
    clock = 1020.0
    assert some.run() == "etcd at 10.2.0.50:2379: away"
    assert there(held).stale
    etcd.away = False
    assert some.run() == ""
    assert (there(held).stale, there(held).epoch) == (False, 7)


def test_the_metrics_say_what_happened() -> None:
    held: dict[str, str] = {}
    etcd = Etcd(Leader("near", 7))
    some = reconciler(etcd, held)
    some.run()
    etcd.leader = Leader("far", 9)
    some.run()
    etcd.leader = Leader("stranger", 11)
    assert some.run() == "shard 0 is led by stranger, which the plan does not know"
    some.redis.away = True
    assert some.run() == "redis at 10.2.0.4:6380: away"
    said = dict(line.rsplit(" ", 1) for line in some.metrics() if not line.startswith("#"))
    assert said['unde_routing_changes_total{shard="0"}'] == "3"
    assert (said['unde_routing_epoch{shard="0"}'], said['unde_routing_stale{shard="0"}']) == ("9", "1")
    assert [said[f'unde_routing_errors_total{{reason="{reason}"}}'] for reason in ("etcd", "redis", "member")] == ["0", "1", "1"]
    assert float(said['unde_routing_confirmed_seconds{shard="0"}']) > 1_700_000_000


# ── Redis with copies ──


@pytest.fixture
def sentinel() -> Iterator[tuple[str, list[bytes]]]:
    """Serve as a sentinel that knows one master; return where, and what it was asked."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                while True:
                    connection, _ = server.accept()
                    with connection:
                        while asked := connection.recv(4096):
                            heard.append(asked)
                            wrong = b"AUTH" in asked and b"secret" not in asked
                            known = b"*2\r\n$9\r\n10.2.0.94\r\n$4\r\n6380\r\n" if b"SENTINEL" in asked else b"+OK\r\n"
                            connection.sendall(b"-WRONGPASS no\r\n" if wrong else known)
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}", heard
        server.shutdown(socket.SHUT_RDWR)


def test_a_reconciler_passes_over_a_sentinel_that_is_away(sentinel: tuple[str, list[bytes]]) -> None:
    """The next one is asked; a wrong password is no answer."""
    place, heard = sentinel
    settings = {"sentinels": ["127.0.0.1:1", place], "instance": "limits", "address": "10.2.0.4", "port": 6380}
    assert program.Redis(settings, "own", "secret").leader() == "10.2.0.94"
    assert b"GET-MASTER-ADDR-BY-NAME" in heard[-1]
    assert not any(b"own" in each for each in heard)
    with pytest.raises(program.Refused, match="no sentinel"):
        program.Redis(settings, "own", "another").leader()
