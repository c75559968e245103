from __future__ import annotations

import threading
from pathlib import Path

import pytest
from modelled_shard import NOTE
from test_asynchronous import Shard

from unde_client import Client, ClosedError, JournalInUseError, Member, PendingError, Settings

MEMBERS = [Member("a"), Member("b")]


@pytest.fixture
def shard(monkeypatch: pytest.MonkeyPatch) -> Shard:
    shard = Shard()
    monkeypatch.setattr("unde_client.asynchronous.Psycopg", lambda options: shard)
    return shard


def test_any_thread_writes(shard: Shard, tmp_path: Path) -> None:
    with Client(tmp_path, MEMBERS, [NOTE], {}) as client:
        threads = [threading.Thread(target=lambda: [client.write("note", "a", {}) for _ in range(10)]) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.counts["acknowledged"] == 50
    assert len(shard.servers[0].rows()) == 50


def test_what_is_not_acknowledged_yet_can_be_waited_for(shard: Shard, tmp_path: Path) -> None:
    shard.reachable(False, False)
    with Client(tmp_path, MEMBERS, [NOTE], {}) as client:
        ticket = client.submit("note", "a", {})
        with pytest.raises(PendingError):
            ticket.result(0.05)
        with pytest.raises(PendingError):
            client.write("note", "a", {}, timeout=0.05)
        shard.reachable(True, True)
        assert ticket.result(60) == ticket.id


def test_verified_without_anybody_who_calls(shard: Shard, tmp_path: Path) -> None:
    with Client(tmp_path, MEMBERS, [NOTE], {}, settings=Settings(verify_s=0.01)) as client:
        client.write("note", "a", {})
        shard.replicate()
        gone = threading.Event()
        while client.counts["bytes"] and not gone.wait(0.005):
            pass
        assert client.counts["verified"] == 1


def test_two_do_not_share_a_journal_and_a_closed_one_is_free(shard: Shard, tmp_path: Path) -> None:
    client = Client(tmp_path, MEMBERS, [NOTE], {})
    with pytest.raises(JournalInUseError):
        Client(tmp_path, MEMBERS, [NOTE], {})
    client.close(timeout=1)
    client.close()
    with pytest.raises(ClosedError):
        client.write("note", "a", {})
    Client(tmp_path, MEMBERS, [NOTE], {}).close()
