"""Which hosts the plays of roles select, and who was met."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

import support

_spec = importlib.util.spec_from_file_location("unde_plays", support.ROOT / "plugins/filter/plays.py")
assert _spec is not None
assert _spec.loader is not None
plays = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plays)

GROUPS = {
    "managed_redis": ["cache", "push"], "day_09_redis": ["cache"], "managed_base": ["cache", "push"],
    "state_create": ["cache"], "state_running": ["push"], "state_deployed": [],
}  # fmt: skip


def test_before_a_run_everybody_is_listed() -> None:
    assert plays.due(GROUPS, "managed", False)["redis"] == "managed_redis"
    assert plays.due(GROUPS, "day_09", False)["redis"] == "day_09_redis"


def test_a_role_that_is_due_nowhere_selects_nobody_and_names_no_unknown_group() -> None:
    assert plays.due(GROUPS, "day_09", True)["base"] == plays.NOBODY
    assert plays.due({"managed_base": ["cache"]}, "managed", True)["grafana"] == plays.NOBODY


def test_without_an_estate_no_play_begins() -> None:
    """A list of what a run would do stays empty; the run itself fails, whatever was skipped before."""
    assert plays.due({"all": ["localhost"]}, "managed", False)["base"] == plays.NOBODY
    with pytest.raises(AnsibleFilterError, match="There is no host to act on"):
        plays.due({"all": ["localhost"]}, "managed", True)


def test_whoever_is_in_use_and_was_not_met_in_this_run_is_in_no_pattern() -> None:
    assert plays.due(GROUPS, "managed", True)["redis"] == "managed_redis:!push"
    assert plays.due({**GROUPS, "contact_met": ["push"]}, "managed", True)["redis"] == "managed_redis"


def test_whoever_was_left_out_is_in_no_pattern_any_more() -> None:
    assert plays.due({**GROUPS, "contact_met": ["push"], "left_out": ["cache"]}, "managed", True)["redis"] == "managed_redis:!cache"


def test_the_roles_of_a_host_are_those_of_the_part() -> None:
    assert plays.roles_due({**GROUPS, "day_01_base": ["cache"]}, "managed", ["cache"]) == {"cache": ["base", "redis"]}
    assert plays.roles_due(GROUPS, "day_09", ["cache"]) == {"cache": ["redis"]}
    assert plays.roles_due(GROUPS, "day_01", ["cache"]) == {"cache": []}


def test_who_is_in_no_pattern_has_no_roles() -> None:
    assert plays.roles_due(GROUPS, "managed", ["push"]) == {"push": []}
    assert plays.roles_due({**GROUPS, "contact_met": ["push"]}, "managed", ["push"]) == {"push": ["base", "redis"]}
    assert plays.roles_due({**GROUPS, "left_out": ["cache"]}, "managed", ["cache"]) == {"cache": []}


def test_who_is_to_be_met_is_in_use_and_acted_on() -> None:
    assert plays.to_meet(GROUPS, "managed") == "push"
    assert plays.to_meet(GROUPS, "day_09") == plays.NOBODY


def test_who_was_not_met_was_passed_over() -> None:
    assert plays.skipped_in_use(GROUPS, "managed") == "push"
    assert plays.skipped_in_use(GROUPS, "day_09") == plays.NOBODY
    assert plays.skipped_in_use({**GROUPS, "contact_met": ["push"]}, "managed") == plays.NOBODY


def test_a_mark_of_the_same_roles_is_wanted() -> None:
    def host(mark: Any, adopt: tuple[str, ...] = ("base", "firewall", "redis"), roles: tuple[str, ...] = ("base",)) -> dict[str, Any]:
        return {"unde_adopt": list(adopt), "unde_roles": list(roles), "debian_release_seen": {"mark": mark}}

    hosts = {
        "met": host({"roles": ["base", "firewall"]}), "strange": host(None), "more": host({"roles": ["base"]}),
        "without": host({"roles": []}, ("redis",)), "router": {"unde_adopt": ["gateway"], "unde_roles": ["gateway"]},
    }  # fmt: skip
    assert plays.unmet(hosts, hosts) == ["strange", "more"]


def test_the_first_host_that_a_role_may_act_on() -> None:
    told: dict[str, dict[str, Any]] = {
        "push": {"unde_state": "running", "unde_adopt": ["base"]},
        "cache": {"unde_state": "running", "unde_adopt": ["redis"]},
        "new": {"unde_state": "create"},
        "plain": {},
    }
    assert plays.first_allowed(["push", "cache", "new"], told, "redis") == "cache"
    assert plays.first_allowed(["push", "new"], told, "redis") == "new"
    assert plays.first_allowed(["plain", "new"], told, "redis") == "plain"
    assert plays.first_allowed(["push"], told, "redis") == ""


def test_the_first_result_is_of_a_host_that_ran_the_task() -> None:
    told = {
        "push": {"found": {"skipped": True, "changed": False}},
        "cache": {"found": {"state": "present"}},
        "new": {"found": {"state": "absent"}},
        "plain": {},
    }
    assert plays.first_result(["push", "plain", "cache", "new"], told, "found") == {"state": "present"}
    assert plays.first_result(["push", "plain"], told, "found")["skipped"]
