"""What happens when a host, a tunnel, a site or a link is lost: who keeps quorum, where writes go, what users notice.

Pure: an estate in, outcomes out. How it reasons is told in ``docs/survive.md``.
"""

from collections.abc import Sequence

from ..model import Estate
from . import losses
from .outcome import Delay, Outcome, ShardState
from .survey import Survey

__all__ = ["Delay", "Outcome", "ShardState", "Survey", "every", "lose"]


def every(estate: Estate) -> list[Outcome]:
    """Return what comes of each single loss: sites, links, hosts, tunnels, each in the order of the layout."""
    return list(Survey(estate).singles())


def lose(estate: Estate, names: Sequence[str]) -> Outcome:
    """Return what comes of losses together, as ``["host:local-shard-0", "site:witness"]``.

    Raises:
        WrongCall: a name is not in the layout.

    """
    survey = Survey(estate)
    return survey.outcome(losses.named(survey.losses, names))
