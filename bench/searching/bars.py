"""What the search must hold, as ratios within one run where a machine's speed would decide, and what was missed."""

from __future__ import annotations

from dataclasses import dataclass, field

from .measure import Cold, Crowd, Times, Written

#: Of the time that the exact search takes on vectors out of line, and at the same time milliseconds.
SHARE, HOT_MS = 0.35, 5.0
RECALL = 0.99
#: As many searches a second as that one does, at sixteen clients.
FASTER = 3.0
INDEX_BYTES = 250
#: Of the time and the WAL that writing takes with the same storage and no index of vectors.
INSERT, WAL = 2.0, 1.3
#: Ten years of one user, milliseconds.
LONG_MS = 20.0


@dataclass
class Figures:
    """All that is known of one way; what was not measured for it is None."""

    hybrid: Times
    recall: float
    hybrid_recall: float
    a_second: float
    index_bytes: float
    row_bytes: float
    written: Written | None = None
    cold: Cold | None = None
    long: Times | None = None
    long_recall: float | None = None


@dataclass
class Run:
    """One run: its ways, and what is measured once."""

    source: str
    realistic: bool
    ways: dict[str, Figures] = field(default_factory=dict)
    #: By words alone, with ten times the users: name of the index → times, and bytes a message.
    words: dict[str, tuple[Times, float]] = field(default_factory=dict)
    crowd: Crowd | None = None


def missed(run: Run, judged: str, today: str = "today", plain: str = "exact halfvec") -> list[str]:
    """Return a line for each bar that a way misses."""
    way, before, without = run.ways[judged], run.ways[today], run.ways[plain]
    assert way.written
    assert without.written
    assert way.long
    assert way.long_recall is not None
    p95, bound = way.hybrid.p95_ms, SHARE * before.hybrid.p95_ms
    bars = [
        (p95 <= bound, f"one user's search takes {p95:.2f} ms (p95), more than {SHARE} of today's {before.hybrid.p95_ms:.2f} ms"),
        (p95 <= HOT_MS, f"one user's search takes {p95:.2f} ms (p95), more than {HOT_MS} ms"),
        (way.a_second >= FASTER * before.a_second, f"{way.a_second:.0f} searches a second, fewer than {FASTER:.0f} times today's {before.a_second:.0f}"),
        (way.index_bytes <= INDEX_BYTES, f"the index takes {way.index_bytes:.0f} bytes a message, more than {INDEX_BYTES}"),
        (way.written.ms <= INSERT * without.written.ms,
         f"a message is written in {way.written.ms:.3f} ms, more than {INSERT} times the {without.written.ms:.3f} ms without an index"),
        (way.written.wal_bytes <= WAL * without.written.wal_bytes,
         f"a message gives {way.written.wal_bytes:.0f} bytes of WAL, more than {WAL} times the {without.written.wal_bytes:.0f} without an index"),
        (way.long.p95_ms <= LONG_MS, f"ten years of one user take {way.long.p95_ms:.2f} ms (p95), more than {LONG_MS} ms"),
    ]  # fmt: skip
    if run.realistic:  # of invented vectors, recall says little: it is told
        bars += [
            (way.recall >= RECALL, f"recall is {way.recall:.4f}, less than {RECALL}"),
            (way.long_recall >= RECALL, f"recall over ten years is {way.long_recall:.4f}, less than {RECALL}"),
        ]
    if run.crowd:
        bars.append((run.crowd.finished == run.crowd.asked, f"of {run.crowd.asked} searches at once through PgBouncer {run.crowd.finished} finished"))
    return [f"{judged}: {line}" for held, line in bars if not held]
