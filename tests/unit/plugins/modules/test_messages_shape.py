"""The module ``unde.infra.messages_shape``: the shape of an empty table, and what keeps a table with messages as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import messages_shape

Call = Callable[..., dict[str, Any]]
SHAPE = {"dimensions": 8, "embedding_index": "bits", "storage": "halfvec", "in_line": True, "candidates": 400, "partitions": 64, "model": "m'1"}


@pytest.fixture
def place(tmp_path: Path, programs: Any) -> dict[str, Any]:
    """Return the parameters of a primary whose empty table has that shape."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/psql").touch()
    programs.say("pg_isready")
    programs.say("pg_is_in_recovery", "f\n")
    programs.say("datallowconn", "t\n")
    programs.say("to_regprocedure", "t\n")
    programs.say("SELECT unde_private.shape()", {**SHAPE, "generation": 1})
    programs.say("FROM unde.messages", "f\n")
    programs.say("CALL unde_private.want_shape")
    return {"version": "17", "programs": str(tmp_path / "bin"), "state_directory": str(tmp_path), **SHAPE}


def given(programs: Any) -> list[str]:
    """Return what was called."""
    return [line.partition(" < ")[2] for line in programs.asked if "CALL" in line]


def test_the_shape_that_it_has_is_left_alone(place: dict[str, Any], programs: Any, called: Call) -> None:
    assert not called(messages_shape, **place)["changed"]
    assert given(programs) == []


@pytest.mark.parametrize("check_mode", [True, False])
def test_an_empty_table_is_given_another(check_mode: bool, place: dict[str, Any], programs: Any, called: Call) -> None:
    result = called(messages_shape, check_mode, **{**place, "dimensions": 16})
    assert result["actions"] == ["change dimensions from 8 to 16"]
    assert len(given(programs)) == (0 if check_mode else 1)
    assert check_mode or ('"dimensions": 16' in given(programs)[0] and '"model": "m\'\'1"' in given(programs)[0])


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_table_with_messages_keeps_its_shape(check_mode: bool, place: dict[str, Any], programs: Any, called: Call) -> None:
    programs.say("FROM unde.messages", "t\n")
    words = called(messages_shape, check_mode, **{**place, "dimensions": 16, "candidates": 500})["msg"]
    assert "there are messages, and their shape does not change by a variable (dimensions is 8, asked for 16). Nothing was changed." in words
    assert "playbooks/operate/change_messages.yml" in words
    assert given(programs) == []


def test_the_number_of_candidates_changes_all_the_same(place: dict[str, Any], programs: Any, called: Call) -> None:
    programs.say("FROM unde.messages", "t\n")
    assert called(messages_shape, **{**place, "candidates": 500})["actions"] == ["change candidates from 400 to 500"]
    assert len(given(programs)) == 1


def test_a_table_from_before_shapes_is_read_from_its_parameters(place: dict[str, Any], programs: Any, called: Call) -> None:
    programs.say("to_regprocedure", "f\n")
    programs.say("to_regclass", "t\n")
    programs.say("FROM unde.schema_parameter", [{"dimensions": 8, "embedding_index": "none", "partitions": 64}])
    programs.say("FROM unde.messages", "t\n")
    words = called(messages_shape, **place)["msg"]
    assert "embedding_index is none, asked for bits; storage is vector, asked for halfvec; in_line is False, asked for True; model is" in words


@pytest.mark.parametrize(("wanted", "words"), [
    ({"embedding_index": "vector", "storage": "vector", "in_line": False, "dimensions": 2001}, "an index of kind vector takes 1 to 2000 dimensions, not 2001"),
    ({"dimensions": 0}, "an index of kind bits takes 1 to 4000 dimensions, not 0"),
    ({"embedding_index": "vector"}, "an index of kind vector wants vectors of full precision, and storage is halfvec"),
    ({"dimensions": 3877}, "3877 dimensions of a halfvec do not fit into a row's page (in_line)"),
])  # fmt: skip
@pytest.mark.parametrize("check_mode", [True, False])
def test_what_pgvector_cannot_keep_or_index_is_refused(
    check_mode: bool, wanted: dict[str, Any], words: str, place: dict[str, Any], programs: Any, called: Call
) -> None:
    assert called(messages_shape, check_mode, **{**place, **wanted})["msg"] == f"postgres_shard_embedding: {words}"
    assert programs.asked == []


def test_only_the_primary_s_table_is_made(place: dict[str, Any], programs: Any, called: Call) -> None:
    programs.say("pg_is_in_recovery", "t\n")
    result = called(messages_shape, **{**place, "dimensions": 16})
    assert (result["changed"], result["primary"], given(programs)) == (False, False, [])


def test_of_a_cluster_that_would_be_created_it_is_foretold(place: dict[str, Any], programs: Any, called: Call) -> None:
    programs.say("pg_isready", code=2)
    result = called(messages_shape, True, **place, new_cluster=True)
    assert (result["changed"], len(result["actions"]), programs.asked) == (True, len(SHAPE), [])
