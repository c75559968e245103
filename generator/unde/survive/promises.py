"""What the layout promises of losses (``document.promises``), and whether it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..model import Estate
from ..model.schema import Promise
from . import words
from .outcome import Outcome


@dataclass(frozen=True)
class Verdict:
    """Whether a promise holds.

    Attributes:
        name: the promise's name in the layout.
        promise: what it bounds.
        tried: how many losses it speaks of.
        broken: each loss that breaks it, and why.

    """

    name: str
    promise: Promise
    tried: int
    broken: tuple[str, ...]

    @property
    def where(self) -> str:
        """Where the document says so."""
        return self.promise.where

    @property
    def holds(self) -> bool:
        """Whether nothing breaks it."""
        return not self.broken


def verdicts(estate: Estate, outcomes: Mapping[str, Outcome]) -> list[Verdict]:
    """Return a verdict on every promise that speaks of one of these losses.

    Args:
        estate: the estate whose promises they are.
        outcomes: single losses by name, what came of each.

    """
    result = []
    for name, promise in estate.layout.document.promises.items():
        tried = [outcomes[loss] for loss in losses(estate, promise) if loss in outcomes]
        broken = [f"{outcome.name}: {'; '.join(why)}" for outcome in tried if (why := list(_broken(promise, outcome)))]
        if tried:
            result.append(Verdict(name, promise, len(tried), tuple(broken)))
    return result


def losses(estate: Estate, promise: Promise) -> list[str]:
    """Return the names of what a promise speaks of."""
    every = {
        "hosts": [f"host:{name}" for name in estate.hosts],
        "tunnels": [f"tunnel:{name}" for name in estate.tunnels],
        "sites": [f"site:{name}" for name in estate.layout.sites],
        "links": [":".join(("link", *link.between)) for link in estate.layout.links.values()],
        "primaries": [f"host:{host.name}" for host in estate.hosts.values() if host.member == "primary"],
    }
    return [loss for word in promise.lose for loss in every.get(word, [word])]


def _broken(promise: Promise, outcome: Outcome) -> Iterator[str]:
    """Yield how an outcome breaks a promise."""
    if outcome.rto_s is None:
        yield words.writes(outcome)
    elif promise.within_s is not None and outcome.rto_s[1] > promise.within_s:
        yield f"writes come back within {words.seconds(outcome.rto_s)} s, promised {promise.within_s:g} s"
    if outcome.out_of_reach:
        yield f"users do not reach {words.listed(outcome.out_of_reach, 'shards')}"
    if promise.stays and any(shard.moved for shard in outcome.shards):
        yield "a shard moves, promised that none does"
    if promise.adds_ms is not None and outcome.added_latency_ms > promise.adds_ms:
        yield f"a call takes {outcome.added_latency_ms:g} ms more, promised at most {promise.adds_ms:g} ms"
    gone = [service for service in promise.keeps if service in outcome.features_lost]
    if gone:
        yield f"lost: {', '.join(gone)}"
