"""Outcomes and promises as rows: for programs everything, for people one line for each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from ..model import Estate
from ..survive import Outcome, ShardState, Verdict, words

Row = dict[str, Any]


def outcome(kind: str, found: Outcome, shards: Iterable[ShardState]) -> Row:
    """Return an outcome for programs; times in seconds, delays in milliseconds."""
    return {
        "name": found.name, "kind": kind, "quorum": found.quorum, "votes": found.votes, "votes_of": found.votes_of, "leader": found.leader,
        "writable": found.writable, "rto_s": found.rto_s,
        "shards": [
            {"name": shard.name, "state": shard.state, "where": shard.where, "site": shard.site, "moved": shard.moved,
             "rto_s": shard.rto_s, "stale": shard.stale, "failsafe_helps": shard.failsafe_helps}
            for shard in shards
        ],
        "out_of_reach": found.out_of_reach, "entry": found.entry, "features_lost": found.features_lost,
        "added_latency_ms": found.added_latency_ms, "delays": {delay.name: delay.added_ms for delay in found.delays},
        "lost_hosts": found.lost_hosts, "cut_off_hosts": found.cut_off_hosts, "sentence": words.sentence(found),
    }


def single(found: Outcome) -> Row:
    """Return the outcome of a loss for programs."""
    return outcome("loss", found, found.shards)


def pair(found: Outcome) -> Row:
    """Return the outcome of two losses for programs; of the shards only those that do not write on where they are."""
    return outcome("pair", found, [shard for shard in found.shards if shard.moved or shard.state != "writable"])


def promise(verdict: Verdict) -> Row:
    """Return a verdict for programs."""
    bounds = {"stays": verdict.promise.stays, "within_s": verdict.promise.within_s, "adds_ms": verdict.promise.adds_ms}
    return {"name": verdict.name, "kind": "promise", "holds": verdict.holds, "tried": verdict.tried, "broken": verdict.broken, "where": verdict.where} | bounds


def brief(found: Outcome) -> Row:
    """Return an outcome as one line of a table."""
    return {
        "lost": found.name,
        "quorum": f"{found.votes} of {found.votes_of}" if found.quorum else f"none: {found.votes} of {found.votes_of}",
        "shards": words.shards(found), "rto_s": words.seconds(found.rto_s), "users feel": words.users(found),
    }


def promised(verdict: Verdict) -> Row:
    """Return a verdict as one line of a table."""
    return {
        "promise": verdict.name, "holds": "yes" if verdict.holds else "NO", "tried": verdict.tried,
        "where": verdict.where, "broken by": "\n".join(verdict.broken),
    }


def detail(found: Outcome) -> list[Row]:
    """Return all that an outcome says, as lines of what and how."""
    rows = [
        ("in short", words.sentence(found)),
        ("quorum", f"{found.votes} of {found.votes_of} votes" if found.quorum else f"none: {found.votes} of {found.votes_of} votes together"),
        *((shard.name, _shard(shard)) for shard in found.shards),
        ("users come in by", found.entry or "nothing"),
        *((f"+{delay.added_ms:g} ms", delay.name) for delay in found.delays),
        *((what, ", ".join(names)) for what, names in (
            ("out of reach", found.out_of_reach), ("features lost", found.features_lost), ("hosts lost", found.lost_hosts),
            ("hosts cut off", found.cut_off_hosts),
        ) if names),
    ]
    return [{"what": what, "how": how} for what, how in rows]


def _shard(shard: ShardState) -> str:
    """Return what becomes of a shard."""
    if shard.state == "writable":
        return f"writable on {shard.where}, {shard.site}" + (f", after {words.seconds(shard.rto_s)} s" if shard.rto_s and shard.rto_s[1] else "")
    if shard.state == "lost":
        return "lost: no member is left"
    why = "the member that could be promoted may lack acknowledged rows" if shard.stale else "no member that runs reaches a quorum"
    return f"read-only on {shard.where}: {why}" + ("; failsafe mode would keep it writable" if shard.failsafe_helps else "")


def unsafe_pairs(estate: Estate, pairs: Sequence[Outcome]) -> list[Row]:
    """Return the pairs of losses that stop writes, told once for all shards and gathered by what most of them share."""
    folded: dict[tuple[str, str], set[str]] = {}
    for found in pairs:
        one, other = _fold(estate, found.name).split(" + ")
        folded.setdefault((one, other), set()).add(_worst(found))
    rows: list[Row] = []
    while folded:
        most = Counter(name for pair in folded for name in dict.fromkeys(pair)).most_common(1)[0][0]
        gathered: dict[str, list[str]] = {}
        for one, other in [each for each in folded if most in each]:
            state = " or ".join(sorted(folded.pop((one, other))))
            gathered.setdefault(state, []).append(other if one == most else one)
        rows += [{"lost": most, "and any of": "\n".join(others), "a shard is": state} for state, others in gathered.items()]
    return rows


def _worst(found: Outcome) -> str:
    """Return the worst that becomes of a shard, briefly."""
    if any(shard.state == "lost" for shard in found.shards):
        return "lost"
    stale = any(shard.stale for shard in found.shards)
    return "read-only: replica behind, if one loss came first" if stale else "read-only: no quorum" if not found.quorum else "read-only: cut off"


def _fold(estate: Estate, name: str) -> str:
    """Return the name of a pair with the numbers of shards as ``{n}``, and ``{m}`` where the second is another's."""
    shards = estate.layout.shards
    patterns = [f"host:{shards.primary.name}", f"host:{shards.replica.name}", *([f"tunnel:{shards.tunnel.interface}"] if shards.tunnel else [])]
    if shards.count == 1:
        return name
    numbers: list[str] = []
    told = []
    for part in name.split(" + "):
        for pattern in patterns:
            match = re.fullmatch(re.escape(pattern).replace(r"\{n\}", "([0-9]+)"), part)
            if match:
                letter = "n" if not numbers or numbers[0] == match[1] else "m"
                numbers.append(match[1])
                part = pattern.replace("{n}", f"{{{letter}}}")
                break
        told.append(part)
    return " + ".join(told)
