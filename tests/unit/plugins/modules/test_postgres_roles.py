"""The module ``unde.infra.postgres_roles``: roles, their passwords as SCRAM verifiers, and who is in which group."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import postgresql_scram
from ansible_collections.unde.infra.plugins.modules import postgres_roles

Call = Callable[..., dict[str, Any]]
PASSWORD, OTHER = "a-password-of-21-char", "another-one-of-24-chars-"
#: Of the user `user` with the password `pencil`, salt and iterations of RFC 7677, section 3.
RFC = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="


@pytest.fixture
def place(tmp_path: Path, programs: Any) -> dict[str, Any]:
    """Return the parameters of a primary."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/psql").touch()
    programs.say("pg_isready")
    programs.say("pg_is_in_recovery", "f\n")
    programs.say("SET log_statement")
    there(programs)
    return {"version": "17", "programs": str(tmp_path / "bin"), "state_directory": str(tmp_path)}


def there(programs: Any, *roles: tuple[str, str], members: tuple[tuple[str, str], ...] = (), **more: Any) -> None:
    """Have roles with passwords, and members of groups."""
    known = [
        {"name": name, "superuser": False, "enters": True, "verifier": password and postgresql_scram.verifier(password), **more} for name, password in roles
    ]
    programs.say("FROM pg_authid", known)
    programs.say("FROM pg_auth_members", [{"of": group, "name": name} for group, name in members])


def role(name: str, password: str = PASSWORD, **more: Any) -> dict[str, Any]:
    """Return a role as it is wanted."""
    return {"name": name, "password": password, **more}


def sql(programs: Any) -> list[str]:
    """Return the statements that change something, without the verifiers."""
    changes = [line for line in programs.asked if "SET log_statement" in line]
    assert len(changes) <= 1, "one transaction"
    assert all("--single-transaction" in line for line in changes)
    return [re.sub(r"'SCRAM-SHA-256\$[^']+'", "'…'", line) for each in changes for line in each.splitlines()[1:]]


def test_a_verifier_is_as_postgresql_and_the_rfc_have_it() -> None:
    assert postgresql_scram.matches("pencil", RFC)
    assert not postgresql_scram.matches("Pencil", RFC)
    assert not postgresql_scram.matches("pencil", "md5a3556571e93b0d20722ba62be61e8c2d")
    fresh = postgresql_scram.verifier(PASSWORD)
    assert fresh.startswith("SCRAM-SHA-256$4096:")
    assert postgresql_scram.matches(PASSWORD, fresh)
    assert fresh != postgresql_scram.verifier(PASSWORD), "salted"


def test_who_is_right_is_left_alone(place: dict[str, Any], programs: Any, called: Call) -> None:
    there(programs, ("app", PASSWORD))
    result = called(postgres_roles, **place, roles=[role("app")])
    assert (result["changed"], result["primary"], sql(programs)) == (False, True, [])


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_role_is_created_with_what_it_is_granted(check_mode: bool, place: dict[str, Any], programs: Any, called: Call) -> None:
    wanted = [role("monitor", grants=["pg_monitor"], settings={"search_path": ["catalog", "it's"], "work_mem": "4MB"}), role("copier", replication=True)]
    result = called(postgres_roles, check_mode, **place, roles=wanted)
    assert result["actions"] == ["create role monitor", "create role copier"]
    assert sql(programs) == ([] if check_mode else [
        """CREATE ROLE "monitor" LOGIN PASSWORD '…';""",
        'GRANT pg_monitor TO "monitor";',
        """ALTER ROLE "monitor" SET search_path = 'catalog', 'it''s';""",
        """ALTER ROLE "monitor" SET work_mem = '4MB';""",
        """CREATE ROLE "copier" LOGIN REPLICATION PASSWORD '…';""",
    ])  # fmt: skip


@pytest.mark.parametrize("stored", [OTHER, ""])
def test_another_password_is_given_and_nothing_else(stored: str, place: dict[str, Any], programs: Any, called: Call) -> None:
    there(programs, ("app", stored))
    assert called(postgres_roles, **place, roles=[role("app", grants=["pg_monitor"])])["actions"] == ["change the password of app"]
    assert sql(programs) == ["""ALTER ROLE "app" PASSWORD '…';"""]


def test_no_password_reaches_the_server_nor_a_verifier_a_command_line_or_what_is_said(place: dict[str, Any], programs: Any, called: Call) -> None:
    programs.say("SET log_statement", code=3, complaint="ERROR:  syntax error\nLINE 3: CREATE ROLE \"app\" LOGIN PASSWORD 'SCRAM-SHA-256$4096:c2FsdA==$a:b';")
    result = called(postgres_roles, **place, roles=[role("app")])
    assert not [line for line in programs.asked if PASSWORD in line]
    assert not [line for line in programs.asked if "SCRAM-SHA-256$" in line.partition(" < ")[0]]
    assert "syntax error" in result["msg"]
    assert "c2FsdA==" not in str(result)
    assert PASSWORD not in str(result)
    assert "SET log_statement = 'none'; SET log_min_error_statement = 'panic';" in programs.asked[-1]


@pytest.mark.parametrize("password", ["fifteen-letters", "with-an-umlaut-ä-in-it", "with-a-line-\n-in-it"])
def test_a_weak_password_is_refused(password: str, place: dict[str, Any], programs: Any, called: Call) -> None:
    assert called(postgres_roles, **place, roles=[role("app", password)])["msg"] == "the password of app must be at least 16 printable ASCII characters"
    assert programs.asked == []


def test_a_superuser_is_refused(place: dict[str, Any], programs: Any, called: Call) -> None:
    there(programs, ("app", PASSWORD), superuser=True)
    assert "app: a superuser here, which no caller may be. Nothing was changed" in called(postgres_roles, **place, roles=[role("app")])["msg"]


@pytest.mark.parametrize("state", ["standby", "down", "being made"])
def test_only_the_primary_keeps_roles(state: str, place: dict[str, Any], programs: Any, called: Call, tmp_path: Path) -> None:
    if state == "standby":
        programs.say("pg_is_in_recovery", "t\n")
    elif state == "down":
        programs.say("pg_isready", code=2)
    else:
        (tmp_path / "initializing").touch()
    result = called(postgres_roles, **place, roles=[role("app")])
    assert (result["changed"], result["primary"], sql(programs)) == (False, False, [])


def test_of_a_cluster_that_would_be_created_all_are_foretold(place: dict[str, Any], programs: Any, called: Call) -> None:
    programs.say("pg_isready", code=2)
    assert called(postgres_roles, True, **place, roles=[role("app")], new_cluster=True)["actions"] == ["create role app"]
    assert programs.asked == []


# ── Groups ────────────────────────────────────────────────────────────────────────────────────────────────────────────
GROUPS = [{"name": "callers"}, {"name": "owner", "has_members": False}, {"name": "reads"}, {"name": "owns", "set_role_only": True}]


def test_groups_are_created_and_have_the_members_that_are_wanted(place: dict[str, Any], programs: Any, called: Call) -> None:
    result = called(postgres_roles, **place, groups=GROUPS, login_group="callers", roles=[role("app", groups=["callers", "owns"])])
    assert result["actions"] == [
        "create group callers",
        "create group owner",
        "create group reads",
        "create group owns",
        "create role app",
        "grant callers to app",
        "grant owns to app",
    ]
    assert sql(programs)[-2:] == ['GRANT "callers" TO "app";', 'GRANT "owns" TO "app" WITH INHERIT FALSE, SET TRUE;']


def test_who_is_no_caller_any_more_is_in_no_group_and_does_not_log_in(place: dict[str, Any], programs: Any, called: Call) -> None:
    known = [(each["name"], "") for each in GROUPS]
    there(programs, *known, ("app", PASSWORD), ("gone", OTHER), members=(("callers", "gone"), ("reads", "gone"), ("owner", "gone"), ("callers", "app")))
    called(postgres_roles, **place, groups=GROUPS, login_group="callers", roles=[role("app", groups=["callers"])])
    assert sql(programs) == ['REVOKE "callers" FROM "gone";', 'REVOKE "reads" FROM "gone";', 'ALTER ROLE "gone" NOLOGIN;']


def test_who_is_one_again_logs_in_again(place: dict[str, Any], programs: Any, called: Call) -> None:
    there(programs, *[(each["name"], "") for each in GROUPS], ("app", PASSWORD), enters=False)
    result = called(postgres_roles, **place, groups=GROUPS, login_group="callers", roles=[role("app", groups=["callers"])])
    assert result["actions"] == ["allow app to log in", "grant callers to app"]


def test_without_groups_only_passwords_are_looked_at(place: dict[str, Any], programs: Any, called: Call) -> None:
    there(programs, ("app", OTHER), members=(("callers", "gone"),), enters=False)
    assert called(postgres_roles, **place, roles=[role("app", groups=["callers"])])["actions"] == ["change the password of app"]


def test_a_group_that_there_is_not_is_refused(place: dict[str, Any], called: Call) -> None:
    assert "writes: none of the groups" in called(postgres_roles, **place, groups=GROUPS, roles=[role("app", groups=["writes"])])["msg"]
