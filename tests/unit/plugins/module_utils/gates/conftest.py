"""A host whose programs answer as a test says, and time that passes at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils.gates.measuring import Host


class Pause:
    """What is waited, seconds each; something may happen meanwhile."""

    def __init__(self) -> None:
        """Wait not at all, and let nothing happen."""
        self.slept: list[float] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def sleep(self, seconds: float) -> None:
        """Note what would be waited."""
        self.slept.append(seconds)
        self.meanwhile()


@pytest.fixture
def pause(monkeypatch: pytest.MonkeyPatch) -> Pause:
    """Wait for nothing."""
    made = Pause()
    monkeypatch.setattr(time, "sleep", made.sleep)
    return made


@pytest.fixture
def host(programs: Any, pause: Pause) -> Host:
    """Return a host on which no program answers yet."""
    return Host(programs.run)
