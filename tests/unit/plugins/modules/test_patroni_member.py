"""The module ``unde.infra.patroni_member``: what it does to a member in which order, what it waits for, and what it tells in check mode."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import patroni
from ansible_collections.unde.infra.plugins.modules import patroni_member

ADDRESSES = {"pg-a": "192.0.2.1", "pg-b": "192.0.2.2"}
WANTED = {"loop_wait": 5, "postgresql": {"parameters": {"max_connections": 100}}}
LEADS = {"role": "primary", "state": "running"}
STREAMS = {"role": "replica", "state": "streaming", "replication_state": "streaming"}
COPIED = {"role": "uninitialized", "state": "creating replica"}
NOW = '"2026-01-01T00:00:0{}+00:00"'

Call = Callable[..., dict[str, Any]]
Answers = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture
def host(tmp_path: Path, programs: Any) -> dict[str, Any]:
    """Return the parameters of a member whose Patroni is installed and does not run."""
    programs.say("systemctl show", "LoadState=loaded\nActiveState=inactive\nUnitFileState=disabled\n")
    for verb in ("daemon-reload", "enable", "start", "reload"):
        programs.say(f"systemctl {verb}")
    programs.say("journalctl", "the end of the journal\n")
    return {
        "scope": "shard0", "name": "pg-a", "address": ADDRESSES["pg-a"], "members": [{"name": name, "address": address} for name, address in ADDRESSES.items()],
        "dynamic_configuration": WANTED, "postgresql_version": "17", "data_directory": "/var/lib/postgresql/17/main", "tls_directory": str(tmp_path),
        "configuration_file": str(tmp_path / "config.yml"), "adoption_file": str(tmp_path / "adopted"), "timeout": 0,
    }  # fmt: skip


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Return the answers of the members' REST API: address and path → what it says; nobody answers before something is put in."""
    answers: Answers = {}
    monkeypatch.setattr(patroni.Member, "ask", lambda self, address, path: answers.get((address, path)))
    return answers


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return for how long was slept; nobody really does."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    return pauses


def acts(programs: Any) -> list[str]:
    """Return what was done with systemd, without what was only asked."""
    return [line.removeprefix("systemctl ") for line in programs.asked if line.startswith("systemctl ") and "show" not in line]


# ── Started ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("check_mode", [True, False])
def test_a_primary_is_handed_over(check_mode: bool, host: dict[str, Any], api: Answers, programs: Any, called: Call) -> None:
    api[ADDRESSES["pg-a"], "/patroni"], api[ADDRESSES["pg-a"], "/config"] = LEADS, WANTED
    result = called(patroni_member, check_mode, **host, state="started", adoption="adopt-primary")
    file = Path(host["adoption_file"])
    assert result["actions"] == [f"write {file}", "enable patroni.service", "start patroni.service"]
    assert (result["changed"], result["diff"]["prepared"].splitlines()) == (True, result["actions"])
    if check_mode:
        assert (acts(programs), file.exists()) == ([], False)
    else:
        assert acts(programs) == ["daemon-reload", "enable patroni.service", "start patroni.service"]
        assert (file.read_text(), file.stat().st_mode & 0o777) == (patroni.ADOPTED, 0o644)


def test_patroni_starts_after_its_file_is_there(host: dict[str, Any], api: Answers, programs: Any, called: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its unit has that condition, and systemd calls a unit whose condition does not hold started."""
    api[ADDRESSES["pg-a"], "/patroni"], api[ADDRESSES["pg-a"], "/config"] = LEADS, WANTED
    there: list[bool] = []
    run = programs.run
    monkeypatch.setattr(programs, "run", lambda words, **more: (there.append(Path(host["adoption_file"]).exists()), run(words, **more))[1])
    called(patroni_member, **host, state="started", adoption="adopt-primary")
    assert there[programs.asked.index("systemctl enable patroni.service")]


def test_a_member_that_was_started_is_not_started_again(host: dict[str, Any], api: Answers, programs: Any, called: Call) -> None:
    """A run that was killed goes on."""
    api[ADDRESSES["pg-a"], "/patroni"], api[ADDRESSES["pg-a"], "/config"] = LEADS, WANTED
    programs.say("systemctl show patroni", "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n")
    Path(host["adoption_file"]).touch()
    assert not called(patroni_member, **host, state="started", adoption="adopt-primary")["changed"]
    assert acts(programs) == ["daemon-reload"]


@pytest.mark.parametrize(("said", "problem"), [
    ({"/patroni": LEADS}, "it does not lead shard0, or has not stored its configuration"),
    ({"/patroni": STREAMS, "/config": WANTED}, "it does not lead shard0, or has not stored its configuration"),
])  # fmt: skip
def test_a_primary_leads_when_it_has_stored_the_configuration(
    said: dict[str, Any], problem: str, host: dict[str, Any], api: Answers, slept: list[float], called: Call
) -> None:
    """It takes the lock first; until its next cycle there is nothing to change."""
    api |= {(ADDRESSES["pg-a"], path): answer for path, answer in said.items()}
    result = called(patroni_member, **host, state="started", adoption="adopt-primary")
    assert result["failed"]
    assert result["msg"] == (f"pg-a: after 0 s {problem}. Patroni answers: {json.dumps(said['/patroni'])}. The end of its journal:\nthe end of the journal\n")


def test_of_two_stopped_members_the_former_primary_starts_first(host: dict[str, Any], api: Answers, slept: list[float], called: Call) -> None:
    """Whoever of them leads in the end."""
    assert "nobody leads shard0" in called(patroni_member, **host, state="started", adoption="start-primary")["msg"]
    api[ADDRESSES["pg-b"], "/patroni"] = LEADS
    assert "failed" not in called(patroni_member, **host, state="started", adoption="start-primary")


@pytest.mark.parametrize("adoption", ["adopt-standby", "start-standby", "clone"])
def test_a_standby_waits_for_a_leader(adoption: str, host: dict[str, Any], api: Answers, slept: list[float], programs: Any, called: Call) -> None:
    """Nothing of it is ready to start before, not even by a reboot."""
    result = called(patroni_member, **host, state="started", adoption=adoption)
    assert result["failed"]
    assert result["msg"].startswith("pg-a: after 0 s nobody leads shard0. ")
    assert (acts(programs), Path(host["adoption_file"]).exists()) == ([], False)


@pytest.mark.parametrize(("adoption", "status", "well"), [
    ("adopt-standby", STREAMS, True),
    ("adopt-standby", {**STREAMS, "replication_state": "in archive recovery"}, False),
    ("adopt-standby", COPIED, False),
    ("start-standby", STREAMS, True),
    ("clone", COPIED, True),
    ("clone", STREAMS, True),
    ("clone", {"role": "uninitialized", "state": "stopped"}, False),
])  # fmt: skip
def test_a_standby_streams_or_is_being_copied(
    adoption: str, status: dict[str, Any], well: bool, host: dict[str, Any], api: Answers, slept: list[float], programs: Any, called: Call
) -> None:
    api[ADDRESSES["pg-b"], "/patroni"], api[ADDRESSES["pg-a"], "/patroni"] = LEADS, status
    result = called(patroni_member, **host, state="started", adoption=adoption)
    assert ("failed" not in result) is well
    assert acts(programs) == ["daemon-reload", "enable patroni.service", "start patroni.service"]


def test_a_start_that_systemd_refuses(host: dict[str, Any], api: Answers, programs: Any, called: Call) -> None:
    programs.say("systemctl start", code=1, complaint="Unit is masked.\n")
    assert called(patroni_member, **host, state="started", adoption="start-primary")["msg"] == "pg-a: systemctl start patroni.service: Unit is masked."


def test_a_start_needs_to_know_what_is_there(host: dict[str, Any], called: Call) -> None:
    assert "adoption" in called(patroni_member, **host, state="started")["msg"]


# ── Restarted ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def reloading(host: dict[str, Any], api: Answers, programs: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return a member that streams, whose PostgreSQL reads its files anew when Patroni is told to, and is restarted by Patroni."""
    api[ADDRESSES["pg-a"], "/patroni"] = STREAMS
    programs.say("pg_conf_load_time", NOW.format(1))
    programs.say("patronictl", "Success: restart on member pg-a\n")
    run = programs.run

    def follow(words: list[str], **more: Any) -> tuple[int, str, str]:
        if words[:2] == ["systemctl", "reload"]:
            programs.say("pg_conf_load_time", NOW.format(2))
        return run(words, **more)

    monkeypatch.setattr(programs, "run", follow)
    return host


@pytest.mark.parametrize("check_mode", [True, False])
def test_postgresql_is_restarted_by_patroni(check_mode: bool, reloading: dict[str, Any], programs: Any, called: Call) -> None:
    result = called(patroni_member, check_mode, **reloading, state="restarted")
    assert (result["changed"], result["actions"]) == (True, ["restart PostgreSQL of pg-a through Patroni"])
    short = [line.rpartition(" -c ")[2] for line in programs.asked]
    restart = f"/usr/bin/patronictl --config-file={reloading['configuration_file']} restart --force shard0 pg-a"
    assert short == ([] if check_mode else [patroni.LOADED, "systemctl reload patroni.service", patroni.LOADED, restart])


def test_no_restart_before_postgresql_has_read_its_files(
    reloading: dict[str, Any], programs: Any, slept: list[float], called: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would find them half written."""
    monkeypatch.setattr(patroni.Member, "systemctl", lambda self, *words: None)
    result = called(patroni_member, **reloading, state="restarted")
    assert result["msg"] == "pg-a: after 0 s Patroni has not had PostgreSQL read its configuration anew"
    assert not [line for line in programs.asked if "patronictl" in line]


@pytest.mark.parametrize(("line", "answer", "problem"), [
    ("pg_conf_load_time", {"code": 2}, "after 0 s PostgreSQL does not answer"),
    ("patronictl", {"output": "Failed: restart for member pg-a, status code=503\n"}, "after 0 s Patroni does not restart PostgreSQL: Failed: restart"),
    ("patronictl", {"code": 1, "complaint": "etcd has no leader\n"}, "after 0 s Patroni does not restart PostgreSQL: etcd has no leader"),
    ("systemctl reload", {"code": 1, "complaint": "not active\n"}, "systemctl reload patroni.service: not active"),
])  # fmt: skip
def test_a_restart_that_does_not_come(
    line: str, answer: dict[str, Any], problem: str, reloading: dict[str, Any], programs: Any, slept: list[float], called: Call
) -> None:
    """``patronictl`` ends well whatever became of the restart."""
    programs.say(line, **answer)
    result = called(patroni_member, **reloading, state="restarted")
    assert result["failed"]
    assert result["msg"].startswith(f"pg-a: {problem}")


def test_a_member_that_does_not_come_back(reloading: dict[str, Any], api: Answers, slept: list[float], called: Call) -> None:
    api[ADDRESSES["pg-a"], "/patroni"] = {"role": "replica", "state": "start failed"}
    assert "pg-a: after 0 s it neither leads nor streams again. " in called(patroni_member, **reloading, state="restarted")["msg"]


# ── Configured, healthy ───────────────────────────────────────────────────────────────────────────────────────────────
def test_a_member_takes_the_configuration_up(host: dict[str, Any], api: Answers, slept: list[float], called: Call) -> None:
    """It wakes at once when the store changes, and asks PostgreSQL what waits for a restart within the next cycle."""
    api[ADDRESSES["pg-a"], "/config"] = {**WANTED, "pause": True}
    result = called(patroni_member, **host, state="configured")
    assert (result["changed"], result["actions"], slept) == (False, [], [6])


@pytest.mark.parametrize("stored", [{}, {"loop_wait": 5, "postgresql": {"parameters": {"max_connections": 50}}}])
def test_a_member_that_does_not(stored: dict[str, Any], host: dict[str, Any], api: Answers, slept: list[float], called: Call) -> None:
    api[ADDRESSES["pg-a"], "/config"] = stored
    assert "it has not taken up the configuration of shard0" in called(patroni_member, **host, state="configured")["msg"]


@pytest.mark.parametrize(("status", "former", "adoption", "well"), [
    (LEADS, "inactive", "adopt-primary", True),
    (LEADS, "active", "adopt-primary", False),
    ({**LEADS, "state": "starting"}, "inactive", "adopt-primary", False),
    (STREAMS, "inactive", None, True),
    (STREAMS, "active", None, False),
    (COPIED, "inactive", "clone", True),
    (COPIED, "inactive", None, False),
])  # fmt: skip
def test_a_healthy_member(
    status: dict[str, Any], former: str, adoption: str | None, well: bool, host: dict[str, Any], api: Answers, slept: list[float], programs: Any, called: Call
) -> None:
    """Leads or streams, as a child of Patroni."""
    programs.say("systemctl show postgresql@17-main", f"LoadState=masked\nActiveState={former}\nUnitFileState=masked\n")
    api[ADDRESSES["pg-a"], "/patroni"] = status
    result = called(patroni_member, **host, **({"adoption": adoption} if adoption else {}))
    assert ("failed" not in result) is well
    assert well or result["msg"].startswith("pg-a: after 0 s it neither leads nor streams, or PostgreSQL still runs as postgresql@17-main.service")


@pytest.mark.parametrize("state", ["configured", "healthy"])
def test_a_rehearsal_waits_for_nobody(state: str, host: dict[str, Any], api: Answers, slept: list[float], called: Call) -> None:
    result = called(patroni_member, True, **host, state=state)
    assert (result["changed"], slept) == (False, [])


def test_who_is_waited_for_may_come_late(host: dict[str, Any], api: Answers, called: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: api.__setitem__((ADDRESSES["pg-a"], "/patroni"), STREAMS))
    assert "failed" not in called(patroni_member, **{**host, "timeout": 5})
