"""The module ``unde.infra.postgres_migrations``: each file once and in order, what is held back, and what is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import postgres_migrations

Call = Callable[..., dict[str, Any]]
FILES = [
    {"name": "002_rows.sql", "content": "-- Makes: table products\nCREATE TABLE products (n vector(:dimensions));\n"},
    {"name": "001_base.sql", "content": "CREATE SCHEMA shop;\n"},
]


def checksum(content: str) -> str:
    """Return what a migration is recorded by."""
    return hashlib.sha256(content.encode()).hexdigest()


def applied(programs: Any, *files: dict[str, str]) -> None:
    """Have migrations applied."""
    programs.say("IS NULL", "f\n")
    programs.say("SELECT version, checksum", [{"version": int(each["name"][:3]), "checksum": checksum(each["content"])} for each in files])


@pytest.fixture
def place(tmp_path: Path, programs: Any) -> dict[str, Any]:
    """Return the parameters of a primary that has the database, and nothing in it."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/psql").touch()
    programs.say("psql")
    programs.say("pg_isready")
    programs.say("pg_is_in_recovery", "f\n")
    programs.say("IS NULL", "t\n")
    programs.say("datallowconn", "t\n")
    programs.say("FROM pg_class", [])
    return {"version": "17", "programs": str(tmp_path / "bin"), "state_directory": str(tmp_path), "database": "shop", "migrations": FILES}


def sql(programs: Any) -> list[str]:
    """Return what was run that changes something."""
    words = ("CREATE DATABASE", "ALTER DATABASE", "CREATE TABLE IF NOT", "INSERT INTO unde.schema_version")
    return [line for line in programs.asked if any(word in line for word in words)]


@pytest.mark.parametrize("check_mode", [True, False])
def test_each_is_applied_once_in_order_and_in_one_transaction(check_mode: bool, place: dict[str, Any], programs: Any, called: Call) -> None:
    result = called(postgres_migrations, check_mode, **place, variables={"dimensions": 8})
    assert (result["applied"], result["actions"]) == (["001_base.sql", "002_rows.sql"], ["apply 001_base.sql", "apply 002_rows.sql"])
    if check_mode:
        assert sql(programs) == []
        return
    table, first, second = sql(programs)
    assert "CREATE TABLE IF NOT EXISTS unde.schema_version" in table
    assert "-d shop -v dimensions=8 --single-transaction" in first
    record = "INSERT INTO unde.schema_version (version, name, checksum) VALUES (1, '001_base.sql', '{}');\n"
    assert first.endswith(f"< CREATE SCHEMA shop;\n\n{record.format(checksum(FILES[1]['content']))}")
    assert "VALUES (2, '002_rows.sql'" in second


def test_what_was_applied_is_left_alone(place: dict[str, Any], programs: Any, called: Call) -> None:
    applied(programs, *FILES)
    result = called(postgres_migrations, **place)
    assert (result["changed"], result["applied"], sql(programs)) == (False, [], [])


def test_a_killed_run_is_gone_on_with(place: dict[str, Any], programs: Any, called: Call) -> None:
    applied(programs, FILES[1])
    assert called(postgres_migrations, **place)["applied"] == ["002_rows.sql"]


def test_the_checksum_of_databases_that_there_are_is_kept(place: dict[str, Any], programs: Any, called: Call) -> None:
    """Of the whole file as it is, the last line's end included."""
    programs.say("IS NULL", "f\n")
    programs.say("SELECT version, checksum", [{"version": 1, "checksum": hashlib.sha256(b"CREATE SCHEMA shop;").hexdigest()}])
    words = called(postgres_migrations, **{**place, "migrations": [FILES[1]]})["msg"]
    assert words == "001_base.sql was changed after it had been applied; put it back, and write the change as a new file"
    programs.say("SELECT version, checksum", [{"version": 1, "checksum": hashlib.sha256(b"CREATE SCHEMA shop;\n").hexdigest()}])
    assert not called(postgres_migrations, **{**place, "migrations": [FILES[1]]})["changed"]


def test_one_that_was_edited_is_refused_before_anything_is_done(place: dict[str, Any], programs: Any, called: Call) -> None:
    applied(programs, {**FILES[0], "content": "CREATE TABLE things ();\n"})
    assert "002_rows.sql was changed after it had been applied" in called(postgres_migrations, **place)["msg"]
    assert sql(programs) == []


def test_one_whose_table_is_there_already_is_held_back(place: dict[str, Any], programs: Any, called: Call) -> None:
    programs.say("relname = 'products'", [{"found": "public.products"}])
    result = called(postgres_migrations, **place)
    assert (result["applied"], result["held"]) == (["001_base.sql"], {"002_rows.sql": ["public.products"]})


def test_one_that_was_applied_is_not_held_back_by_its_own_table(place: dict[str, Any], programs: Any, called: Call) -> None:
    applied(programs, *FILES)
    programs.say("relname = 'products'", [{"found": "shop.products"}])
    assert called(postgres_migrations, **place)["held"] == {}


@pytest.mark.parametrize("check_mode", [True, False])
def test_the_database_is_created_and_nobody_comes_in_before_it_is_said_who_may(check_mode: bool, place: dict[str, Any], programs: Any, called: Call) -> None:
    programs.say("datallowconn", "\n")
    result = called(postgres_migrations, check_mode, **place, callers=["app"])
    assert result["actions"][0] == "create database shop"
    if check_mode:
        assert (result["applied"], sql(programs)) == (["001_base.sql", "002_rows.sql"], [])
        return
    made, opened = sql(programs)[:2]
    assert made.endswith("""CREATE DATABASE "shop" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8' ALLOW_CONNECTIONS false CONNECTION LIMIT 0""")
    assert "--single-transaction" in opened
    assert opened.partition(" < ")[2].splitlines() == [
        'REVOKE ALL ON DATABASE "shop" FROM PUBLIC;', 'GRANT CONNECT ON DATABASE "shop" TO "app";',
        'ALTER DATABASE "shop" ALLOW_CONNECTIONS true CONNECTION LIMIT -1;'
    ]  # fmt: skip


def test_a_database_that_a_killed_run_has_only_begun_is_finished(place: dict[str, Any], programs: Any, called: Call) -> None:
    programs.say("datallowconn", "f\n")
    programs.say("SELECT 1 FROM pg_database", "1\n")
    called(postgres_migrations, **place)
    assert not [line for line in programs.asked if "CREATE DATABASE" in line]
    assert [line.partition(" < ")[2] for line in programs.asked if "ALTER DATABASE" in line] == [
        'ALTER DATABASE "shop" ALLOW_CONNECTIONS true CONNECTION LIMIT -1;'
    ]


@pytest.mark.parametrize(("after", "refused"), [("002_rows.sql", True), ("003_later.sql", False)])
@pytest.mark.parametrize("check_mode", [True, False])
def test_what_must_hold_before_is_asked_once_its_migration_was_applied(
    check_mode: bool, after: str, refused: bool, place: dict[str, Any], programs: Any, called: Call
) -> None:
    applied(programs, *FILES)
    programs.say("SELECT 'it has 8'", "it has 8 dimensions, asked for 16. Nothing was changed.\n")
    result = called(postgres_migrations, check_mode, **place, requirements=[{"after": after, "sql": "SELECT 'it has 8'"}])
    assert (result.get("msg") == "it has 8 dimensions, asked for 16. Nothing was changed.") is refused


@pytest.mark.parametrize(("check_mode", "new", "asked"), [(False, True, True), (False, False, True), (True, False, True), (True, True, False)])
def test_what_must_hold_afterwards_is_asked_when_all_is_applied(
    check_mode: bool, new: bool, asked: bool, place: dict[str, Any], programs: Any, called: Call
) -> None:
    if not new:
        applied(programs, *FILES)
    programs.say("SELECT opens()", "f\n")
    result = called(postgres_migrations, check_mode, **place, assertions=[{"sql": "SELECT opens()", "failure": "the key does not open it"}])
    assert (result.get("msg") == "the key does not open it") is asked


def test_a_failing_migration_ends_the_run(place: dict[str, Any], programs: Any, called: Call) -> None:
    programs.say("CREATE SCHEMA shop", code=3, complaint='ERROR:  schema "shop" already exists')
    assert called(postgres_migrations, **place)["msg"] == 'psql ended with status 3: ERROR:  schema "shop" already exists'
    assert not [line for line in programs.asked if "products" in line and "INSERT" in line]


def test_only_the_primary_is_migrated(place: dict[str, Any], programs: Any, called: Call) -> None:
    programs.say("pg_is_in_recovery", "t\n")
    result = called(postgres_migrations, **place)
    assert (result["changed"], result["primary"], sql(programs)) == (False, False, [])


def test_of_a_cluster_that_would_be_created_all_are_foretold(place: dict[str, Any], programs: Any, called: Call) -> None:
    programs.say("pg_isready", code=2)
    result = called(postgres_migrations, True, **place, new_cluster=True)
    assert result["actions"] == ["create database shop", "apply 001_base.sql", "apply 002_rows.sql"]
    assert programs.asked == []
