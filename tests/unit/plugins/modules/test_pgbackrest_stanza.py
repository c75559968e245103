"""The module ``unde.infra.pgbackrest_stanza``, and the program of the timers that shares its code: which member makes what."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import pgbackrest_backups
from ansible_collections.unde.infra.plugins.modules import pgbackrest_stanza

Called = Callable[..., dict[str, Any]]
STANZA, BACKUP = "create the stanza shard0", "make a full backup of shard0"
CREATED = "runuser -u postgres -- pgbackrest --stanza=shard0 stanza-create"
MADE = "runuser -u postgres -- pgbackrest --stanza=shard0 --repo=1 --type=full backup"


def info(*backups: int, codes: tuple[int, ...] = (0,)) -> list[dict[str, Any]]:
    """Return what pgBackRest says: a backup for each number of a repository, and the repositories' states."""
    return [{"backup": [{"database": {"repo-key": number}} for number in backups], "repo": [{"status": {"code": code}} for code in codes]}]


def is_(programs: Any, standby: bool = False, streams: bool = False, followed: bool = False) -> None:
    """Say what this member is."""
    programs.say("json_build_object", {"standby": standby, "streams": streams, "followed": followed})


@pytest.fixture
def member(tmp_path: Path, programs: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the parameters of a primary whose repository has nothing."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/PG_VERSION").write_text("17\n")
    (tmp_path / "spool").mkdir()
    monkeypatch.setattr(pgbackrest_backups, "LOCK", tmp_path / "spool")
    monkeypatch.setattr(pgbackrest_stanza.shutil, "which", lambda name: f"/usr/bin/{name}")
    seconds = iter(range(10**6))
    monkeypatch.setattr(pgbackrest_backups.time, "monotonic", lambda: float(next(seconds)))
    monkeypatch.setattr(pgbackrest_backups.time, "sleep", lambda _: None)
    is_(programs)
    for words in ("stanza-create", "CHECKPOINT", " check", " backup"):
        programs.say(words)
    programs.say("--output=json info", info(codes=(1,)))
    return {"name": "shard0", "data_directory": str(tmp_path / "data")}


def acts(programs: Any) -> list[str]:
    """Return what was run beside questions."""
    return [line for line in programs.asked if "json_build_object" not in line and "info" not in line]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_primary_without_a_stanza(check_mode: bool, member: dict[str, Any], programs: Any, called: Called) -> None:
    result = called(pgbackrest_stanza, check_mode, **member)
    assert (result["actions"], result["reason"], result["changed"]) == ([STANZA, BACKUP], "", True)
    assert result["diff"] == {"prepared": f"{STANZA}\n{BACKUP}\n"}
    checkpoint = "runuser -u postgres -- /usr/lib/postgresql/17/bin/psql -XqAt -d postgres -c CHECKPOINT"
    check = "runuser -u postgres -- pgbackrest --stanza=shard0 check"
    assert acts(programs) == ([] if check_mode else [CREATED, checkpoint, check, MADE])


def test_a_primary_with_a_backup(member: dict[str, Any], programs: Any, called: Called) -> None:
    programs.say("--output=json info", info(1))
    result = called(pgbackrest_stanza, **member)
    assert (result["changed"], result["actions"], acts(programs)) == (False, [], [])


@pytest.mark.parametrize(("found", "actions"), [
    (info(codes=(3,)), [STANZA, BACKUP]),
    (info(codes=(2,)), [BACKUP]),
    # A former repository gets its stanza, so that WAL goes there, and its backups count for nothing.
    (info(1, codes=(0, 1)), [STANZA]),
    (info(2, codes=(0, 0)), [BACKUP]),
])  # fmt: skip
def test_what_a_repository_has(found: list[dict[str, Any]], actions: list[str], member: dict[str, Any], programs: Any, called: Called) -> None:
    programs.say("--output=json info", found)
    assert called(pgbackrest_stanza, **member)["actions"] == actions


@pytest.mark.parametrize(("state", "from_replica", "actions", "reason"), [
    ({"standby": True}, False, [], "this is a standby"),
    ({"standby": True, "streams": True}, False, [], "this is a standby"),
    ({"standby": True}, True, [], "this is a standby that does not stream"),
    ({"standby": True, "streams": True}, True, [], "the primary has not made the stanza yet"),
    ({"followed": True}, True, [STANZA], "the replica makes the backups"),
    ({"followed": True}, False, [STANZA, BACKUP], ""),
    ({}, True, [STANZA, BACKUP], ""),
])  # fmt: skip
def test_whose_business_it_is(
    state: dict[str, bool], from_replica: bool, actions: list[str], reason: str, member: dict[str, Any], programs: Any, called: Called
) -> None:
    is_(programs, **state)
    result = called(pgbackrest_stanza, **member, backups_from_replica=from_replica)
    assert (result["actions"], result["reason"]) == (actions, reason)
    assert [line for line in acts(programs) if line in (CREATED, MADE)] == [{STANZA: CREATED, BACKUP: MADE}[each] for each in actions]


def test_a_replica_reads_its_own_files(member: dict[str, Any], programs: Any, called: Called) -> None:
    is_(programs, standby=True, streams=True)
    programs.say("--output=json info", info())
    assert called(pgbackrest_stanza, **member, backups_from_replica=True)["actions"] == [BACKUP]
    own = "runuser -u postgres -- pgbackrest --stanza=shard0 --config-include-path=/etc/pgbackrest/replica.d"
    assert acts(programs) == [f"{own} check", f"{own} --repo=1 --type=full backup"], "and it makes no checkpoint"


def test_the_archiver_s_lock_passes(member: dict[str, Any], programs: Any, called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    codes, run = iter((50, 50, 0)), programs.run
    monkeypatch.setattr(programs, "run", lambda words, **more: (next(codes), "", "locked") if "stanza-create" in words else run(words, **more))
    assert called(pgbackrest_stanza, **member)["actions"] == [STANZA, BACKUP]


@pytest.mark.parametrize(("words", "code", "message"), [
    ("stanza-create", 28, "pgbackrest ended with status 28: it is another's"),
    ("stanza-create", 50, "pgbackrest ended with status 50 after 60 s: it is another's"),
    (" check", 82, "pgbackrest ended with status 82: it is another's"),
    ("json_build_object", 2, "/usr/lib/postgresql/17/bin/psql ended with status 2 after 60 s: it is another's"),
])  # fmt: skip
def test_a_failure_is_told_in_the_program_s_words(words: str, code: int, message: str, member: dict[str, Any], programs: Any, called: Called) -> None:
    programs.say(words, code=code, complaint="it is another's\n")
    result = called(pgbackrest_stanza, **member)
    assert (result["failed"], result["msg"]) == (True, message)
    assert MADE not in acts(programs), "no backup relies on what did not arrive"


def test_no_postgresql(member: dict[str, Any], called: Called) -> None:
    member["data_directory"] += "/none"
    assert called(pgbackrest_stanza, **member)["msg"] == f"{member['data_directory']} holds no PostgreSQL: nothing was backed up"


def test_a_check_of_a_fresh_host(member: dict[str, Any], called: Called) -> None:
    """Alone it will be the primary; among others only their own role knows."""
    member["data_directory"] += "/none"
    assert called(pgbackrest_stanza, True, **member)["actions"] == [STANZA, BACKUP]
    assert called(pgbackrest_stanza, True, **member, backups_from_replica=True)["actions"] == []


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("missing", [True, False])
def test_a_check_takes_a_new_repository_for_empty(
    check_mode: bool, missing: bool, member: dict[str, Any], programs: Any, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is configured until then is another one, or pgBackRest is not there to ask."""
    programs.say("--output=json info", info(1))
    if missing:
        monkeypatch.setattr(pgbackrest_stanza.shutil, "which", lambda _: None)
    result = called(pgbackrest_stanza, check_mode, **member, new_repository=not missing)
    assert result["actions"] == ([STANZA, BACKUP] if check_mode else [])


def test_a_running_backup_is_waited_for(member: dict[str, Any], programs: Any, called: Called) -> None:
    handle = os.open(pgbackrest_backups.LOCK, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)

    def end() -> None:
        programs.say("--output=json info", info(1))
        os.close(handle)

    threading.Timer(0.2, end).start()
    assert called(pgbackrest_stanza, **member)["actions"] == []


def test_the_role_puts_the_program_on_the_host() -> None:
    import support

    program = support.ROOT / "roles/pgbackrest/files/pgbackrest.py"
    assert program.read_text() == Path(pgbackrest_backups.__file__).read_text()
    imported = subprocess.run([sys.executable, "-I", program, "--help"], text=True, capture_output=True, check=True)
    assert "{ensure,full,diff}" in imported.stdout, "it runs where there is no Ansible"


@pytest.mark.parametrize(("what", "standby", "said"), [
    ("diff", False, "make a differential backup of shard0"),
    ("full", False, "make a full backup of shard0"),
    ("ensure", False, "nothing to do"),
    ("full", True, "no backup: this is a standby"),
])  # fmt: skip
def test_the_timers_program(
    what: str, standby: bool, said: str, member: dict[str, Any], programs: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    is_(programs, standby=standby)
    programs.say("--output=json info", info(1))
    monkeypatch.setattr(pgbackrest_backups, "run_here", programs.run)
    monkeypatch.setattr(sys, "argv", ["pgbackrest.py", "--stanza", "shard0", "--data", member["data_directory"], what])
    for name in ("LC_ALL", "LANGUAGE"):
        monkeypatch.setenv(name, "de_DE.UTF-8")
    umask = os.umask(0o077)
    try:
        pgbackrest_backups.main()
    finally:
        os.umask(umask)
    assert capsys.readouterr().out == f"{said}\n"
    assert (os.environ["LC_ALL"], os.environ["LANGUAGE"]) == ("C.UTF-8", "")
    made = [line for line in acts(programs) if line.endswith(" backup")]
    assert made == ([f"pgbackrest --stanza=shard0 --repo=1 --type={what} backup"] if "make" in said else [])


def test_the_timers_program_fails_in_words(member: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["pgbackrest.py", "--stanza", "shard0", "--data", "/none", "full"])
    with pytest.raises(SystemExit, match="/none holds no PostgreSQL"):
        pgbackrest_backups.main()


def test_programs_are_run_where_postgres_may_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert pgbackrest_backups.run_here(["sh", "-c", "pwd; echo no >&2; exit 3"]) == (3, "/\n", "no\n")
