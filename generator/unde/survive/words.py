"""Outcomes in words, for people."""

from __future__ import annotations

from ..plan.timing import Seconds
from .outcome import Outcome, ShardState

MANY = 3  #: more names than these are counted instead of told


def listed(names: tuple[str, ...] | list[str], what: str) -> str:
    """Return a few names, or how many there are."""
    return ", ".join(names) if len(names) <= MANY else f"{len(names)} {what}"


def seconds(duration: Seconds | None) -> str:
    """Return a range of seconds; ``–`` where there is none."""
    if duration is None:
        return "–"
    low, high = duration
    return "0" if high == 0 else f"{low:g}–{high:g}"


def shards(outcome: Outcome) -> str:
    """Return what becomes of the shards."""
    groups: dict[str, list[ShardState]] = {}
    for shard in outcome.shards:
        groups.setdefault("moved" if shard.moved else shard.state, []).append(shard)
    if list(groups) == ["writable"]:
        return "writable"
    told = []
    for kind, members in groups.items():
        names = listed([shard.name for shard in members], "shards")
        if kind == "moved":
            told.append(f"{names} → {listed(sorted({str(shard.where) for shard in members}), str(members[0].site))}")
        else:
            told.append(f"{names} {kind}")
    return "; ".join(told)


def users(outcome: Outcome) -> str:
    """Return what people notice, briefly."""
    told = []
    if outcome.out_of_reach:
        told.append(f"{listed(outcome.out_of_reach, 'shards')} out of reach")
    if outcome.entry is None:
        told.append("no entry")
    elif outcome.entry_moved:
        told.append(f"by {outcome.entry}")
    if outcome.added_latency_ms:
        told.append(f"+{outcome.added_latency_ms:g} ms a call")
    if outcome.features_lost:
        told.append(f"no {', '.join(outcome.features_lost)}" if len(outcome.features_lost) <= MANY + 1 else f"{len(outcome.features_lost)} features lost")
    return "; ".join(told)


def writes(outcome: Outcome) -> str:
    """Return where writes go and when."""
    duration = outcome.rto_s
    told = shards(outcome)
    told = "every shard stays writable where it is" if told == "writable" else told
    if duration is None:
        return f"{told}, until it is mended"
    return f"{told} within {seconds(duration)} s" if duration[1] else told


def sentence(outcome: Outcome) -> str:
    """Return an outcome in one plain sentence."""
    parts = [writes(outcome)]
    if any(shard.stale for shard in outcome.shards):
        parts.append("the member that could be promoted may lack acknowledged rows, if one loss came before the other")
    if not outcome.quorum:
        parts.append(f"etcd has no quorum ({outcome.votes} of {outcome.votes_of} votes together)")
    if outcome.out_of_reach:
        parts.append(f"users do not reach {listed(outcome.out_of_reach, 'shards')}")
    if outcome.entry is None:
        parts.append("no entry for users is left")
    elif outcome.entry_moved:
        parts.append(f"users are to be sent to {outcome.entry}")
    if outcome.added_latency_ms:
        parts.append(f"up to {outcome.added_latency_ms:g} ms more for each call")
    if outcome.features_lost:
        parts.append(f"lost: {', '.join(outcome.features_lost)}")
    if outcome.leader:
        parts.append(f"this if {outcome.leader} leads etcd, milder otherwise")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."
