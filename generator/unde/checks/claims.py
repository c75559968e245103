"""What the document claims, held against what the layout says and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import nearest
from ..model import Estate
from ..model.schema import Claim
from ..plan import figures
from ..plan.figures import Figure
from .rules import Violation, rule


@rule("document-claim", rows=(5, 11, 12, 16, 21, 30), derives=True)
def claims(estate: Estate) -> Iterator[Violation]:
    """What the document states is what the layout says or what follows from it, unless a decision explains the difference."""
    known = figures.known_figures(estate)
    for name, claim in estate.layout.document.claims.items():
        path = ("document", "claims", name)
        computed = known.get(claim.about) or _value(estate, claim.about)
        if computed is None:
            yield Violation((*path, "about"), f"'{claim.about}' is no figure that is computed and no value of this file", nearest(claim.about, known))
        elif claim.decision is None and not holds(claim, computed):
            yield Violation(
                path, f"the document says {_said(claim)} ({claim.where}), but it is {computed}: {computed.formula}",
                "correct the layout, or name the decision that explains it", warn=True,
            )
        elif claim.decision is not None and claim.decision not in estate.layout.decisions:
            yield Violation((*path, "decision"), f"decision {claim.decision} is not in decisions", "write it there, or leave it out")


def holds(claim: Claim, figure: Figure) -> bool:
    """Return whether a figure is what is claimed: the same text, or within the range that is claimed."""
    if isinstance(claim.says, str) or isinstance(figure.value, str):
        return str(claim.says) == str(figure.value)
    low, high = claim.says if isinstance(claim.says, list) else (claim.says, claim.says)
    lowest, highest = figure.value if isinstance(figure.value, tuple) else (figure.value, figure.value)
    return low <= lowest and highest <= high


def _said(claim: Claim) -> str:
    """Return what is claimed, as people write it."""
    return "–".join(f"{each:g}" for each in claim.says) if isinstance(claim.says, list) else str(claim.says)


def _value(estate: Estate, dotted: str) -> Figure | None:
    """Return the value of the layout at a dotted path; None if there is none, or it is no scalar."""
    here = estate.source.data
    for key in dotted.split("."):
        here = here.get(key) if isinstance(here, dict) else None
    return Figure(here, "", f"the layout's {dotted}") if isinstance(here, (str, int, float)) and not isinstance(here, bool) else None
