"""What cannot stand: one function for each rule, all findings at once.

A rule looks across objects. It yields findings; it never raises and never prints.
"""

from ..errors import Finding, InvalidLayout
from ..model import Estate
from . import addresses, hosts, promises, references
from .rules import RULES, Rule

__all__ = ["RULES", "Rule", "refuse_errors", "run"]

_ROOMS = (addresses, hosts, promises, references)  # importing a room registers its rules


def run(estate: Estate) -> list[Finding]:
    """Return the findings of every rule, sorted by place."""
    return sorted(finding for rule in RULES.values() for finding in rule.check(estate))


def refuse_errors(estate: Estate) -> None:
    """Stop a layout that has findings of level error.

    Raises:
        InvalidLayout: with all errors.

    """
    errors = [finding for finding in run(estate) if finding.level == "error"]
    if errors:
        raise InvalidLayout(errors)
