"""What was measured beside what was foretold of the loss, promised by the document, and bound by the drill itself.

A prediction is off when it was too hopeful, and as well when it was too dark: who foretells 16 to 29 seconds and measures nine has not understood what
happens. A promise and a bound are upper bounds. What nobody measured does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .figures import Figures
from .outage import CONTINUES_S, Outage
from .records import Bound, Foretold, PromiseForetold, Run, ShardForetold

#: What a promise of milliseconds is judged with beside its own value, for it is of the way alone, and machines take part: a share, and milliseconds.
ADDS_SHARE, ADDS_MS = 0.1, 10.0


@dataclass(frozen=True)
class Comparison:
    """One figure beside what was said of it.

    Attributes:
        what: the figure, as ``writes of shard0 come back``.
        source: who said it: ``unde survive``, the promise's name, ``the drill``.
        said, measured: both, in words with their units.
        held: whether they agree.

    """

    what: str
    source: str
    said: str
    measured: str
    held: bool


def comparisons(run: Run, said: Foretold | None, found: Figures) -> list[Comparison]:
    """Return every comparison that can be made."""
    result: list[Comparison] = []
    if said is not None:
        for shard in said.loss.shards if said.loss else ():
            if shard.name in found.by_shard:
                result += _shard(run, shard, found)
        for promise in said.promises:
            result += _promise(promise, found)
    return result + [_bound(bound, most, found) for bound, most in run.bounds.items()]


def _shard(run: Run, said: ShardForetold, found: Figures) -> Iterator[Comparison]:
    """Yield what became of a shard."""
    what, source, writes = f"writes of {said.name} come back", "unde survive", found.by_shard[said.name]["writes"]
    measured = seconds(writes)
    if said.rto_s is None:
        mended = found.times.mended_s
        late = writes is not None and (writes.open or (mended is not None and _ended(writes, found) >= mended))
        text = f"{measured}, mended after {mended:.1f} s" if mended is not None else measured
        yield Comparison(what, source, "not before it is mended", text, late)
        return
    low, high = said.rto_s
    if high == 0:
        held = writes is not None and writes.worst_s <= CONTINUES_S
        yield Comparison(f"writes of {said.name} go on", source, f"no outage (≤ {CONTINUES_S:g} s)", measured, held)
    else:
        held = writes is not None and not writes.open and low <= writes.worst_s <= high
        yield Comparison(what, source, f"{low:g}–{high:g} s", measured, held)
    # Foretold is the loss of the member that begins as primary; where another one leads by then and is lost, the writes move the other way.
    if said.where is not None and said.where not in run.targets:
        by = found.served_by[said.name]
        yield Comparison(f"{said.name} is written on", source, said.where, by or "nobody", by == said.where)


def _promise(promise: PromiseForetold, found: Figures) -> Iterator[Comparison]:
    """Yield what a promise bounds."""
    writes, mended = found.writes, found.times.mended_s
    itself = writes is not None and not writes.open and (writes.worst_s <= CONTINUES_S or mended is None or _ended(writes, found) <= mended)
    text = seconds(writes) + (f", mended after {mended:.1f} s" if mended is not None else "")
    yield Comparison("writes come back by themselves", promise.name, "yes", text, itself)
    if promise.within_s is not None:
        held = writes is not None and not writes.open and writes.worst_s <= promise.within_s
        yield Comparison("writes come back", promise.name, f"within {promise.within_s:g} s", seconds(writes), held)
    if promise.stays:
        yield Comparison("no shard moves", promise.name, "none", ", ".join(found.moved) or "none", not found.moved)
    if promise.adds_ms is not None:
        most, added = promise.adds_ms * (1 + ADDS_SHARE) + ADDS_MS, found.added_ms
        measured = "not measured" if added is None else f"{added:+.0f} ms"
        yield Comparison("a write takes longer", promise.name, f"by {promise.adds_ms:g} ms (judged at {most:g})", measured, added is not None and added <= most)


def _bound(bound: Bound, most: float, found: Figures) -> Comparison:
    """Return a bound of the drill's own."""
    if bound in ("write_outage_s", "read_outage_s"):
        outage = found.outages["writes" if bound == "write_outage_s" else "reads"]
        what = "writes come back" if bound == "write_outage_s" else "reads come back"
        return Comparison(what, "the drill", f"within {most:g} s", seconds(outage), outage is not None and not outage.open and outage.worst_s <= most)
    if bound == "lost_before_replay":
        lost = len(found.checked.lost_before)
        return Comparison("acknowledged writes lost before the replay", "the drill", f"at most {most:g}", str(lost), lost <= most)
    times = found.times.routed_s if bound == "routing_s" else found.times.whole_s
    what = "every site is told who leads" if bound == "routing_s" else "redundancy is whole again"
    worst = None if None in times.values() else max((time for time in times.values() if time is not None), default=0.0)
    return Comparison(what, "the drill", f"within {most:g} s", "never" if worst is None else f"{worst:.1f} s", worst is not None and worst <= most)


def _ended(outage: Outage, found: Figures) -> float:
    """Return when an outage was over, seconds after the fault."""
    return outage.worst.end - found.fault_at


def seconds(outage: Outage | None) -> str:
    """Return the worst of an outage in words."""
    if outage is None:
        return "not measured"
    return f"{outage.worst_s:.1f} s, and then nobody looked any more" if outage.open else f"{outage.worst_s:.1f} s"
