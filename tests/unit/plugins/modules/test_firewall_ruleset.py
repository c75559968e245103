"""The module ``unde.infra.firewall_ruleset``: which of the program's commands is called, and that check mode calls none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import firewall_ruleset

Called = Callable[..., dict[str, Any]]
PROGRAM = "/usr/local/sbin/unde-firewall"


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("parameters", "command", "action"),
    [
        ({"state": "tracked"}, "track", "track the connections that are open"),
        ({"state": "loaded", "rollback_s": 30}, "apply 30", "load the new ruleset, to be rolled back after 30 s"),
        ({"state": "confirmed", "rules_id": "abc"}, "confirm abc", "confirm the loaded ruleset"),
        ({"state": "rolled_back"}, "rollback", "roll back to the former ruleset"),
    ],
)
def test_each_state_is_a_command(parameters: dict[str, Any], command: str, action: str, check_mode: bool, programs: Any, called: Called) -> None:
    programs.say(PROGRAM, "")
    result = called(firewall_ruleset, check_mode, **parameters)
    assert (result["changed"], result["actions"]) == (True, [action])
    assert programs.asked == ([] if check_mode else [f"{PROGRAM} {command}"])


def test_what_the_program_refuses_is_told(programs: Any, called: Called) -> None:
    programs.say(PROGRAM, code=1, complaint="the new rules were taken back before they were confirmed; nothing was kept\n")
    result = called(firewall_ruleset, state="confirmed", rules_id="abc")
    assert result["failed"]
    assert result["msg"] == "confirm the loaded ruleset: the new rules were taken back before they were confirmed; nothing was kept"


@pytest.mark.parametrize("state", ["loaded", "confirmed"])
def test_what_a_state_needs_is_demanded(state: str, programs: Any, called: Called) -> None:
    assert called(firewall_ruleset, state=state)["failed"]
    assert programs.asked == []
