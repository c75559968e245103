"""The module ``unde.infra.clock_info``: what two hosts' times are compared by."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ansible_collections.unde.infra.plugins.modules import clock_info


def test_both_clocks_are_of_one_moment(called: Callable[..., dict[str, Any]]) -> None:
    before = time.time() - time.monotonic()
    result = called(clock_info)
    assert abs(result["wall"] - result["monotonic"] - before) < 1
    assert len(result["boot"]) == 36
    assert result["host"]
    assert not result["changed"]
