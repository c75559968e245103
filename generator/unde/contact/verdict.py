"""Whether roles of ours may act on a host after a first contact, and if not, why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .contradictions import Contradiction
from .openings import Undeclared
from .rehearsal import Rehearsal
from .survey import Survey


@dataclass(frozen=True)
class Contact:
    """All that is known after a first contact."""

    variables: dict[str, Any]
    acting: list[str]
    survey: Survey
    rehearsal: Rehearsal
    contradictions: list[Contradiction]
    undeclared: list[Undeclared]
    fingerprint: str


@dataclass(frozen=True)
class Refusal:
    """A reason not to act.

    Attributes:
        kind: ``restart`` is let through by ``unde_may_restart``; ``package``, ``failed`` and ``contradiction`` by nothing.

    """

    kind: str
    says: str


def refusals(contact: Contact) -> list[Refusal]:
    """Return all of them."""
    return list(_refusals(contact))


def _refusals(contact: Contact) -> Iterator[Refusal]:
    rehearsal = contact.rehearsal
    for service, why in rehearsal.restarted.items():
        yield Refusal("restart", f"{service} RUNS, and would be RESTARTED ({why}) — say yes to that with -e unde_may_restart=true, at a time when it may")
    for package in rehearsal.upgraded:
        yield Refusal("package", f"the package {package} is there already, and would be replaced — upgrade it yourself, at a time when it may, and look again")
    for package in rehearsal.removed:
        yield Refusal("package", f"the package {package} would be removed — see what it is in the way of (apt-get --simulate install …), and look again")
    for failure in rehearsal.failed:
        yield Refusal("failed", f"the rehearsal failed, so that what follows in this role is not known: {failure}")
    for each in contact.contradictions:
        if each.refused:
            yield Refusal("contradiction", each.says)
