"""What happens when a host, a tunnel, a site or a link is lost: who keeps quorum, where writes go, what users notice.

Pure: an estate in, outcomes out. What it says, and how to ask, is told in ``docs/proving.md``.
"""

from collections.abc import Sequence

from ..checks import RULES
from ..errors import InvalidLayout
from ..model import Estate
from . import losses, promises, words
from .outcome import Delay, Outcome, ShardState
from .promises import Verdict
from .survey import Survey

__all__ = ["Delay", "Outcome", "ShardState", "Survey", "Verdict", "every", "lose", "promises", "refuse_errors", "words"]

#: What must be right before anything can be said: names that lead somewhere. Two hosts with one address, say, do not matter here.
RELIES_ON = ("reference-unknown", "flow-reference-unknown", "service-missing", "link-missing", "promise-unknown")


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


def refuse_errors(estate: Estate) -> None:
    """Stop a layout that nothing can be said about.

    Raises:
        InvalidLayout: names in it lead nowhere; all of them.

    """
    findings = [finding for rule in RELIES_ON for finding in RULES[rule].check(estate)]
    if findings:
        raise InvalidLayout(sorted(findings))
