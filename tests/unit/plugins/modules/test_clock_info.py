"""The module ``unde.infra.clock_info``: what two hosts' times are compared by."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ansible_collections.unde.infra.plugins.modules import clock_info


def test_both_clocks_are_of_the_moment_of_the_call(called: Callable[..., dict[str, Any]]) -> None:
    earliest = {"wall": time.time(), "monotonic": time.monotonic()}
    result = called(clock_info)
    latest = {"wall": time.time(), "monotonic": time.monotonic()}
    for clock, at in earliest.items():
        assert at <= result[clock] <= latest[clock]
    assert len(result["boot"]) == 36
    assert result["host"]
    assert not result["changed"]
