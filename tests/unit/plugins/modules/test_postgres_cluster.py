"""The module ``unde.infra.postgres_cluster``: how a cluster comes into being, whose data it takes, and what it never touches."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.unde.infra.plugins.module_utils import postgresql, postgresql_cluster
from ansible_collections.unde.infra.plugins.modules import postgres_cluster

Call = Callable[..., dict[str, Any]]
MEMBERS = [{"name": "shard-0", "address": "10.1.0.20"}, {"name": "replica-0", "address": "10.2.0.20"}]
#: What pg_isready ends with, and what a psql that came in answers.
READY, STARTING, AWAY = 0, 1, 2
PRIMARY, STANDBY = "7301|1|0/3000000|\noff\n", "7301|1|0/3000000|\non\n"


class Host:
    """A host whose programs are stood in for; making a cluster leaves files, as the real programs do."""

    def __init__(self, place: Path, programs: Any) -> None:
        """Lay the directories out."""
        self.programs = programs
        self.data, self.configuration = place / "data/17/main", place / "etc/17/main"
        self.state, self.password = place / "state", place / "pgpass"
        (place / "bin").mkdir()
        (place / "bin/psql").touch()
        self.state.mkdir()
        self.password.touch()
        self.configuration.mkdir(parents=True)
        (self.configuration / "pg_hba.conf").write_text("ours\n")
        (place / "share/17").mkdir(parents=True)
        (place / "share/17/postgresql.conf.sample").write_text("# a sample\n")
        self.options = {
            "version": "17", "programs": str(place / "bin"), "state_directory": str(self.state), "patroni_configuration": str(place / "patroni.yml"),
            "name": "shard-0", "members": MEMBERS, "adopt": "own", "replication_password_file": str(self.password),
        }  # fmt: skip

    def run(self, words: list[str], **more: Any) -> tuple[int, str, str]:
        """Run a program."""
        answer: tuple[int, str, str] = self.programs.run(words, **more)
        if "pg_createcluster" in words and answer[0] == 0:
            assert not (self.configuration / "pg_hba.conf").exists(), "the real one accepts none"
            self.fill()
        if any(word.endswith("pg_basebackup") for word in words) and answer[0] == 0:
            self.data.with_name("main.incoming").mkdir(parents=True)
        return answer

    def fill(self, include: str = "include_dir = 'conf.d'") -> None:
        """Have data."""
        (self.data / "global").mkdir(parents=True, exist_ok=True)
        (self.data / "global/pg_control").touch()
        (self.configuration / "postgresql.conf").write_text(f"# of Debian\n{include}\n")

    def record(self, system: str) -> None:
        """Have a system recorded."""
        (self.state / "system_identifier").write_text(f"{system}\n")

    def recorded(self) -> str:
        """Return the system that is."""
        file = self.state / "system_identifier"
        return file.read_text().strip() if file.exists() else ""


@pytest.fixture
def host(tmp_path: Path, programs: Any, monkeypatch: pytest.MonkeyPatch) -> Host:
    """Return a host with the packages, without data; no other member is there."""
    place = Host(tmp_path, programs)
    monkeypatch.setattr(basic.AnsibleModule, "run_command", lambda self, words, **more: place.run(words, **more))
    monkeypatch.setattr(postgresql, "DATA", tmp_path / "data")
    monkeypatch.setattr(postgresql, "CONFIGURATION", tmp_path / "etc")
    monkeypatch.setattr(postgresql_cluster, "SAMPLES", tmp_path / "share")
    monkeypatch.setattr(postgresql_cluster, "WAIT_S", 0)
    monkeypatch.setattr(postgresql_cluster.time, "sleep", lambda seconds: None)
    programs.say("pg_controldata", "Database system identifier:           7301\n")
    programs.say("pg_createcluster")
    programs.say("pg_isready", code=AWAY)
    programs.say("systemctl")
    programs.say("IDENTIFY_SYSTEM", code=2, complaint="psql: Fehler: Verbindungsaufbau abgelehnt")
    return place


def changes(host: Host) -> list[str]:
    """Return what was run that changes something."""
    return [line for line in host.programs.asked if "pg_createcluster" in line or "pg_basebackup" in line or "systemctl st" in line or "CREATE_" in line]


@pytest.mark.parametrize("check_mode", [True, False])
def test_the_first_primary_is_created(check_mode: bool, host: Host, called: Call) -> None:
    result = called(postgres_cluster, check_mode, **host.options)
    assert (result["changed"], result["state"]) == (True, "created")
    assert result["actions"] == [f"create the cluster in {host.data} by initdb", f"record its system in {host.state}/system_identifier"]
    assert bool(changes(host)) is not check_mode
    if not check_mode:
        assert any(line.endswith("17 main -- --data-checksums") and "--locale=C.UTF-8" in line for line in host.programs.asked)
        assert host.recorded() == "7301"
        assert not (host.state / "initializing").exists()
        assert (host.configuration / "pg_hba.conf").read_text() == "ours\n"
        assert not called(postgres_cluster, **{**host.options, "may_initialize": False})["changed"], "it is there now"


def test_what_is_made_is_made_for_others_to_read_whatever_root_s_umask_is(host: Host, called: Call) -> None:
    before = os.umask(0o077)
    try:
        called(postgres_cluster, **host.options)
    finally:
        os.umask(before)
    assert {way.get("umask") for way in host.programs.ways} == {0o022}
    assert (host.state / "system_identifier").stat().st_mode & 0o777 == 0o644


def test_programs_of_postgresql_have_an_environment_of_their_own_and_speak_english(host: Host, called: Call) -> None:
    called(postgres_cluster, **host.options)
    asked = next(line for line in host.programs.asked if "IDENTIFY_SYSTEM" in line)
    assert asked.startswith("setpriv --reuid=postgres --regid=postgres --init-groups --reset-env -- env LC_ALL=C.UTF-8 PGAPPNAME=unde PGPASSFILE=")
    assert "sslmode=verify-full" in asked


def test_what_a_killed_run_left_is_removed_and_made_anew(host: Host, called: Call) -> None:
    (host.state / "initializing").touch()
    host.fill()
    (host.data / "half").touch()
    host.data.with_name("main.incoming").mkdir()
    assert called(postgres_cluster, **host.options)["state"] == "created"
    assert not (host.data / "half").exists()
    assert not host.data.with_name("main.incoming").exists()
    assert f"systemctl stop {'postgresql@17-main.service'}" in host.programs.asked


def test_a_run_that_is_killed_leaves_its_mark(host: Host, called: Call) -> None:
    host.programs.say("pg_createcluster", code=137, complaint="Killed")
    assert "pg_createcluster ended with status 137: Killed" in called(postgres_cluster, **host.options)["msg"]
    assert (host.state / "initializing").exists()
    assert host.recorded() == ""


def test_where_another_member_answers_none_is_created(host: Host, called: Call) -> None:
    host.programs.say("IDENTIFY_SYSTEM", PRIMARY)
    assert called(postgres_cluster, **host.options)["state"] == "absent"
    assert changes(host) == []


def test_a_replica_waits_for_its_primary(host: Host, called: Call) -> None:
    result = called(postgres_cluster, **host.options, initial_role="replica")
    assert (result["changed"], result["state"]) == (False, "absent")


@pytest.mark.parametrize(
    ("does", "state"), [((STARTING, STARTING, READY), "absent"), ((READY,), "absent"), ((AWAY,), "created")], ids=["starting", "up", "away"]
)
def test_another_member_is_known_by_no_words(does: tuple[int, ...], state: str, host: Host, called: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """It speaks the language of its lc_messages; one that is just starting is there."""
    monkeypatch.setattr(postgresql_cluster, "WAIT_S", 60)
    left, real, open_doors = list(does), host.run, []

    def run(words: list[str], **more: Any) -> tuple[int, str, str]:
        if any(word.endswith("pg_isready") for word in words) and "10.2.0.20" in words:
            now = left.pop(0) if len(left) > 1 else left[0]
            open_doors.extend([now] if now == READY else [])
            return now, "", ""
        if open_doors and "IDENTIFY_SYSTEM" in (more.get("data") or ""):
            return 0, STANDBY, ""
        return real(words, **more)

    monkeypatch.setattr(basic.AnsibleModule, "run_command", lambda self, words, **more: run(words, **more))
    assert called(postgres_cluster, **host.options)["state"] == state


def test_a_member_that_refuses_is_never_taken_for_absent(host: Host, called: Call) -> None:
    host.programs.say("pg_isready -q -h 10.2.0.20", code=READY)
    result = called(postgres_cluster, **host.options)
    assert "replica-0 (10.2.0.20) has PostgreSQL but does not let the user replicator in" in result["msg"]
    assert changes(host) == []


def test_data_that_is_recorded_is_left_alone(host: Host, called: Call) -> None:
    host.fill()
    host.record("7301")
    result = called(postgres_cluster, **host.options)
    assert (result["changed"], result["state"]) == (False, "ready")


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(("answers", "adopted"), [({"IDENTIFY_SYSTEM": PRIMARY}, True), ({"unde.schema_version": "t"}, True), ({}, False)])
def test_data_that_is_not_recorded_is_taken_where_it_is_of_ours(check_mode: bool, answers: dict[str, str], adopted: bool, host: Host, called: Call) -> None:
    host.fill()
    host.programs.say("unde.schema_version", code=2)
    for words, said in answers.items():
        host.programs.say(words, said)
    result = called(postgres_cluster, check_mode, **host.options)
    assert result.get("changed", False) is adopted
    if adopted:
        assert result["actions"] == [f"record system 7301 in {host.state}/system_identifier"]
    else:
        assert "which no other member shares and which has no schema of ours. Nothing was touched" in result["msg"]
    assert host.recorded() == ("7301" if adopted and not check_mode else "")


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_cluster_that_something_else_made_is_adopted(check_mode: bool, host: Host, called: Call) -> None:
    host.fill()
    result = called(postgres_cluster, check_mode, **{**host.options, "members": [], "adopt": "any"})
    assert (result["changed"], result["state"], len(result["actions"])) == (True, "ready", 2)
    kept = host.state / "before/postgresql.conf"
    assert kept.exists() is not check_mode
    assert check_mode or ((host.state / "before").stat().st_mode & 0o777, "of Debian" in kept.read_text(), host.recorded()) == (0o700, True, "7301")


@pytest.mark.parametrize(("adopt", "include", "words"), [
    ("never", "include_dir = 'conf.d'", "which this role did not make. Nothing was touched"),
    ("any", "# include_dir = 'conf.d'", "does not include conf.d, so that no setting of this role would hold. Nothing was touched"),
])  # fmt: skip
def test_a_stranger_s_cluster_is_refused(adopt: str, include: str, words: str, host: Host, called: Call) -> None:
    host.fill(include)
    assert words in called(postgres_cluster, **{**host.options, "members": [], "adopt": adopt})["msg"]
    assert host.recorded() == ""


def test_files_that_are_no_cluster_are_refused(host: Host, called: Call) -> None:
    host.data.mkdir(parents=True)
    (host.data / "PG_VERSION").write_text("precious\n")
    assert "holds data that this role did not make (system unreadable). Nothing was touched" in called(postgres_cluster, **host.options)["msg"]


def test_another_system_than_the_recorded_one_is_refused(host: Host, called: Call) -> None:
    host.fill()
    host.record("7000")
    words = called(postgres_cluster, **host.options)["msg"]
    assert f"{host.data} holds system 7301, but the system that belongs here is 7000. Nothing was touched" in words


@pytest.mark.parametrize(("prepare", "words"), [
    (lambda host: host.record("7301"), "but system 7301 lived here and no other member answers: starting anew would lose it"),
    (lambda host: host.programs.say("pg_isready -q -h /var/run/postgresql"), "a PostgreSQL answers on port 5432: its data lies elsewhere"),
    (lambda host: host.options.update(may_initialize=False), "this host may not be initialized (its state is not `create`)"),
])  # fmt: skip
@pytest.mark.parametrize("check_mode", [True, False])
def test_nothing_begins_anew_where_it_must_not(check_mode: bool, prepare: Callable[[Host], None], words: str, host: Host, called: Call) -> None:
    prepare(host)
    assert words in called(postgres_cluster, check_mode, **host.options)["msg"]
    assert changes(host) == []
    assert not (host.state / "initializing").exists()


def test_patroni_s_cluster_is_patroni_s(host: Host, called: Call, tmp_path: Path) -> None:
    (tmp_path / "patroni.yml").touch()
    result = called(postgres_cluster, **host.options)
    assert (result["changed"], result["state"], host.programs.asked) == (False, "patroni", [])


@pytest.mark.parametrize(("role", "state"), [("primary", "created"), ("replica", "absent")])
def test_without_the_packages_it_is_foretold(role: str, state: str, host: Host, called: Call, tmp_path: Path) -> None:
    (tmp_path / "bin/psql").unlink()
    assert called(postgres_cluster, True, **host.options, initial_role=role)["state"] == state
    assert host.programs.asked == []


# ── The copy ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def replica(host: Host) -> Host:
    """Return a host without data whose primary answers."""
    host.options |= {"name": "replica-0", "state": "joined", "initial_role": "replica"}
    host.programs.say("IDENTIFY_SYSTEM", PRIMARY)
    host.programs.say("READ_REPLICATION_SLOT replica_0", "||\n")
    host.programs.say("CREATE_REPLICATION_SLOT")
    host.programs.say("pg_basebackup")
    host.programs.say("pg_isready -q -h /var/run/postgresql")
    host.programs.say("pg_is_in_recovery", "t\n")
    return host


@pytest.mark.parametrize("check_mode", [True, False])
def test_the_primary_is_copied_and_followed(check_mode: bool, replica: Host, called: Call) -> None:
    result = called(postgres_cluster, check_mode, **replica.options)
    assert (result["changed"], result["state"], len(result["actions"])) == (True, "joined", 3)
    assert bool(changes(replica)) is not check_mode
    if not check_mode:
        assert any("CREATE_REPLICATION_SLOT replica_0 PHYSICAL RESERVE_WAL;" in line for line in replica.programs.asked)
        backup = next(line for line in replica.programs.asked if "pg_basebackup" in line)
        assert "application_name=replica-0" in backup
        assert "--slot replica_0" in backup
        assert replica.recorded() == "7301"
        assert replica.programs.asked[-1].endswith("< SELECT pg_is_in_recovery()")


def test_a_slot_of_a_killed_run_is_used_again(replica: Host, called: Call) -> None:
    replica.programs.say("READ_REPLICATION_SLOT replica_0", "physical|0/3000000|1\n")
    assert called(postgres_cluster, **replica.options)["state"] == "joined"
    assert not [line for line in replica.programs.asked if "CREATE_REPLICATION_SLOT" in line]


@pytest.mark.parametrize(("answers", "words"), [
    ({"IDENTIFY_SYSTEM": STANDBY}, "no primary to copy from: none of shard-0 answered as one within 0 s"),
    ({"pg_is_in_recovery": "f"}, "the copy on replica-0 came up as a primary of its own, and was stopped"),
])  # fmt: skip
def test_a_copy_that_would_follow_nobody_is_refused(answers: dict[str, str], words: str, replica: Host, called: Call) -> None:
    for asked, said in answers.items():
        replica.programs.say(asked, said)
    assert words in called(postgres_cluster, **replica.options)["msg"]
    if "pg_is_in_recovery" in answers:
        assert replica.programs.asked[-1] == "systemctl stop postgresql@17-main.service"


def test_two_primaries_are_not_chosen_between(replica: Host, called: Call) -> None:
    replica.options["members"] = [*MEMBERS, {"name": "other-0", "address": "10.3.0.20"}]
    assert "two members say that they are primary: shard-0 and other-0" in called(postgres_cluster, **replica.options)["msg"]


def test_a_primary_of_another_system_is_not_copied(replica: Host, called: Call) -> None:
    replica.record("7000")
    words = called(postgres_cluster, **replica.options)["msg"]
    assert "shard-0 belongs to system 7301, but this host held system 7000 before" in words
    assert changes(replica) == []


# ── Two runs ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_another_run_that_still_works_is_waited_for(host: Host, called: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "OTHER_S", 0)
    handle = os.open(host.state, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_SH)
    assert "another run still makes a cluster here" in called(postgres_cluster, **host.options)["msg"]
    assert host.programs.asked == []
    os.close(handle)
    assert called(postgres_cluster, **host.options)["state"] == "created"


def test_what_a_run_starts_holds_the_others_off_too(host: Host, called: Call) -> None:
    called(postgres_cluster, **host.options)
    way = host.programs.ways[next(n for n, line in enumerate(host.programs.asked) if "pg_createcluster" in line)]
    assert len(way["pass_fds"]) == 1


def test_the_options_that_are_shared_are_documented_as_they_are() -> None:
    import yaml
    from ansible_collections.unde.infra.plugins.doc_fragments.postgres import ModuleDocFragment

    documented = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert {name: (each["type"], each.get("default"), each.get("required", False)) for name, each in documented.items()} == {
        name: (each["type"], each.get("default"), each.get("required", False)) for name, each in postgresql.SERVER.items()
    }
