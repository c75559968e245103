"""How long clients went without an answer, by their own monotonic clocks.

A *stream* is what one worker of a client does of one sort: writes, reads or searches, these of the primary or of replicas. A *gap* lies between two
acknowledged attempts of a stream, from the end of the one to the end of the next; before the first it begins with the stream's first attempt, after the last
it ends with the last attempt of any of the client's workers of that sort, and is *open*. An outage is a gap less the interval at which the worker works:
what it waited beyond what it would have waited anyway. Only gaps that end after the fault began count as its outages; the longest before it is told beside
them, as what is usual here.

Of each stream the longest outage counts, and percentiles are over streams, not over gaps: among the many gaps of some milliseconds the
one of twenty seconds would be no percentile at all. They are nearest-rank: a value that was measured, p95 of fewer than twenty is the worst.
``silence_s`` is the longest time in which none of the streams had an answer: it ends with the luckiest, ``worst_s`` with the unluckiest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from statistics import median
from typing import Literal, get_args

from .history import Attempt, History
from .records import What

#: A gap of no more than this is none that anybody was promised to be spared: a lost packet is sent again, a leader elected; seconds.
CONTINUES_S = 1.0
Sort = Literal["writes", "reads", "replica reads"]
SORTS: tuple[Sort, ...] = get_args(Sort)
Chosen = Callable[[str], bool]  #: whether a client is one of those that are asked for


@dataclass(frozen=True)
class Gap:
    """A time without an acknowledged attempt, seconds of the run; ``length_s``: beyond the regular interval."""

    client: str
    worker: int
    begin: float
    end: float
    length_s: float
    open: bool = False


@dataclass(frozen=True)
class Outage:
    """What some streams went through.

    Attributes:
        streams: how many there are.
        p50_s, p95_s, worst_s: of the longest outage of each, seconds.
        silence_s: the longest time in which none of them had an answer, less their shortest interval.
        usual_s: the longest outage of any of them that ended before the fault.
        worst: the longest gap itself.

    """

    streams: int
    p50_s: float
    p95_s: float
    worst_s: float
    silence_s: float
    usual_s: float
    worst: Gap

    @property
    def open(self) -> bool:
        """Whether the worst had not ended when the client did; what is no outage does not count."""
        return self.worst.open and self.worst_s > CONTINUES_S

    @property
    def ended(self) -> float | None:
        """When the worst was over, seconds of the run; None: it was not."""
        return None if self.open else self.worst.end


@dataclass(frozen=True)
class _Stream:
    client: str
    interval_s: float
    gaps: tuple[Gap, ...]
    acknowledged: tuple[float, ...]
    began: float
    until: float


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile of values, of which there is at least one."""
    return sorted(values)[max(0, ceil(percent / 100 * len(values)) - 1)]


def attempts(history: History, sort: Sort) -> Iterator[Attempt]:
    """Yield the attempts of a sort."""
    if sort == "writes":
        return history.of("write")
    return (each for each in history.of("read", "search") if each.of == ("primary" if sort == "reads" else "replica"))


def outage(history: History, sort: Sort, chosen: Chosen) -> Outage | None:
    """Return the outage of the streams of some clients; None where there is no such stream."""
    streams = list(_streams(history, sort, chosen))
    if not streams:
        return None
    at = history.fault_at
    longest = [_longest(stream, at) for stream in streams]
    lengths = [gap.length_s for gap in longest]
    worst = max(longest, key=lambda gap: (gap.length_s, gap.open))
    before = [gap.length_s for stream in streams for gap in stream.gaps if gap.end <= at]
    return Outage(
        len(streams), percentile(lengths, 50), percentile(lengths, 95), worst.length_s, _silence(streams, at), max(before, default=0.0), worst,
    )


def silences(history: History, sort: Sort, client: str) -> list[tuple[float, float]]:
    """Return from when to when none of a client's workers had an answer, for longer than what is no outage; seconds of the run."""
    own = [each for each in attempts(history, sort) if each.client == client]
    interval = min(history.clients[client].header.interval_s(each.what) or 0.0 for each in own)
    moments = [own[0].begin, *sorted(each.end for each in own if each.result == "ok"), max(each.end for each in own)]
    return [(one, other) for one, other in pairwise(moments) if other - one - interval > CONTINUES_S]


def added_ms(history: History, recovered: float) -> float | None:
    """Return by how much the median of an acknowledged write grew from before the fault to after a moment, of the client where it grew most; milliseconds."""
    grown = []
    for client in history.clients:
        if history.judged(client):
            own = [each for each in history.of("write") if each.client == client and each.result == "ok"]
            before = [each.end - each.begin for each in own if each.end <= history.fault_at]
            after = [each.end - each.begin for each in own if each.begin >= recovered]
            if before and after:
                grown.append(1000 * (median(after) - median(before)))
    return max(grown, default=None)


def _streams(history: History, sort: Sort, chosen: Chosen) -> Iterator[_Stream]:
    """Yield the streams of some clients."""
    found: dict[tuple[str, int, What], list[Attempt]] = {}
    last_of: dict[tuple[str, What], float] = {}
    for each in attempts(history, sort):
        if chosen(each.client):
            found.setdefault((each.client, each.worker, each.what), []).append(each)
            last_of[each.client, each.what] = max(last_of.get((each.client, each.what), each.end), each.end)
    for (client, worker, what), own in found.items():
        interval = history.clients[client].header.interval_s(what) or 0.0
        ends = tuple(sorted(each.end for each in own if each.result == "ok"))
        began, until = own[0].begin, last_of[client, what]
        gaps = [Gap(client, worker, begin, end, max(0.0, end - begin - interval)) for begin, end in pairwise((began, *ends))]
        last = ends[-1] if ends else began
        gaps.append(Gap(client, worker, last, until, max(0.0, until - last - interval), open=True))
        yield _Stream(client, interval, tuple(gaps), ends, began, until)


def _longest(stream: _Stream, at: float) -> Gap:
    """Return the longest gap of a stream that ended after the fault began; of two as long the one that ended."""
    return max((gap for gap in stream.gaps if gap.end > at or gap.open), key=lambda gap: (gap.length_s, not gap.open))


def _silence(streams: Sequence[_Stream], at: float) -> float:
    """Return the longest time after the fault in which no stream had an answer."""
    began, until = min(stream.began for stream in streams), max(stream.until for stream in streams)
    moments = sorted([began, *(end for stream in streams for end in stream.acknowledged), until])
    interval = min(stream.interval_s for stream in streams)
    return max((max(0.0, later - earlier - interval) for earlier, later in pairwise(moments) if later > at), default=0.0)
