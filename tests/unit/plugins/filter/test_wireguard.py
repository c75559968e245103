"""Which keys of far ends a run knows."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.filter import wireguard

HOSTVARS: dict[str, dict[str, Any]] = {
    "gateway": {"__wireguard_keys_run": {"changed": False, "public_keys": {"wg-app": "of-app", "wg-direct": "of-direct", "wg-new": ""}}},
    "router": {"wireguard_keys_public": {"wg-app": "of-a-router"}},
    "away": {"__wireguard_keys_run": {"unreachable": True}},
    "rehearsed": {"__wireguard_keys_run": {"skipped": True}, "wireguard_keys_public": None},
    "silent": {},
}


@pytest.mark.parametrize(
    ("tunnel", "known"),
    [
        ({"interface": "wg-app", "far_host": "gateway"}, {"wg-app": "of-app"}),
        ({"interface": "wg-app", "far_host": "router"}, {"wg-app": "of-a-router"}),
        ({"interface": "wg-two", "far_host": "gateway", "far_interface": "wg-direct"}, {"wg-two": "of-direct"}),
        ({"interface": "wg-new", "far_host": "gateway"}, {}),
        ({"interface": "wg-voice", "far_host": "gateway"}, {}),
        ({"interface": "wg-app", "far_host": "away"}, {}),
        ({"interface": "wg-app", "far_host": "rehearsed"}, {}),
        ({"interface": "wg-app", "far_host": "silent"}, {}),
        ({"interface": "wg-app", "far_host": "elsewhere"}, {}),
    ],
)
def test_what_a_far_end_has_told(tunnel: dict[str, str], known: dict[str, str]) -> None:
    assert wireguard.far_keys([tunnel], HOSTVARS) == known


def test_what_a_router_was_asked_comes_before_keys_of_the_host_under_it() -> None:
    both = {"gateway": {**HOSTVARS["gateway"], **HOSTVARS["router"]}}
    assert wireguard.far_keys([{"interface": "wg-app", "far_host": "gateway"}], both) == {"wg-app": "of-a-router"}
