"""One time for all files of a run: seconds since its beginning, by the clock of the machine that ran it.

Two hosts' clocks are never taken for the same. Files with one boot id are of one kernel, whose monotonic clock is one: their
times compare exactly. Any other host was asked for its time of day: between question and answer lies what is not known, and on top of it
what its clock may drift by between two questions. A comparison of two clients is certain beyond the sum of both uncertainties.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .records import Clocked, ClockSample, Run

#: A quartz, and the slewing that keeps it right, are off by so much at most; seconds a second (NTP counts with 15e-6, RFC 5905; common quartzes have 100e-6).
DRIFT = 100e-6


@dataclass(frozen=True)
class Clock:
    """What is known of one kernel's clock.

    Attributes:
        host: one of the hosts that have it.
        shift_s: a monotonic time of it plus this is a time of the run.
        ahead_s: by how much its time of day is ahead of the run's.
        uncertain_s: by how much times of the run that come from it may be off, either way.
        moved: no single offset explains all answers: it was set while the drill ran.

    """

    host: str
    shift_s: float
    ahead_s: float
    uncertain_s: float
    moved: bool = False


def reference(run: Run) -> Clock:
    """Return the clock that all others are compared with."""
    return Clock(run.host, -run.monotonic, 0.0, 0.0)


def related(run: Run, first: Clocked, step_s: float, length_s: float) -> Clock | None:
    """Return the clock of another kernel; None where nobody has asked it for its time.

    Args:
        run: the run, with its samples.
        first: what one of its files says of the clock.
        step_s: by how much its time of day is known to have been set while the drill ran.
        length_s: how long the drill ran.

    """
    samples = [sample for sample in run.clocks if sample.boot == first.boot]
    if not samples:
        return None
    low, high, moved = _offset(samples)
    ahead = (low + high) / 2
    uncertain = (high - low) / 2 + DRIFT * length_s + abs(step_s)
    return Clock(first.host, first.wall - first.monotonic - ahead - run.wall, ahead, uncertain, moved)


def _offset(samples: Sequence[ClockSample]) -> tuple[float, float, bool]:
    """Return between what a clock's offset lies, and whether it moved; each answer was given between its question and its arrival."""
    lows, highs = [each.answered - each.received for each in samples], [each.answered - each.sent for each in samples]
    if max(lows) <= min(highs):
        return max(lows), min(highs), False
    return min(lows), max(highs), True


def between(clocks: dict[str, Clock], one: str, other: str) -> float:
    """Return by how much times of two kernels may be off each other, seconds; nothing where they are the same."""
    return 0.0 if one == other else clocks[one].uncertain_s + clocks[other].uncertain_s
