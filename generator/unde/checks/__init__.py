"""What cannot stand: one function for each rule, all findings at once.

A rule looks across objects, typed and derived ones. It yields what breaks it; it never raises and never prints.
"""

from ..errors import Finding, InvalidLayout
from ..model import Estate
from . import (
    access,
    addresses,
    analytics,
    apps,
    buckets,
    caches,
    claims,
    clusters,
    core,
    costs,
    databases,
    disks,
    embeddings,
    entries,
    flows,
    gateways,
    hosts,
    listening,
    monitoring,
    names,
    pools,
    promises,
    references,
    rollout,
    routing,
    sentinels,
    services,
    tunnels,
    watches,
)
from .rules import RULES, Rule

__all__ = ["RULES", "Rule", "refuse_errors", "run"]

#: Importing a room registers its rules.
_ROOMS = (
    access, addresses, analytics, apps, buckets, caches, claims, clusters, core, costs, databases, disks, embeddings, entries, flows, gateways, hosts,
    listening, monitoring, names, pools, promises, references, rollout, routing, sentinels, services, tunnels, watches,
)


def run(estate: Estate) -> list[Finding]:
    """Return the findings of every rule, sorted by place.

    Where a name is referred to that does not exist, nothing can be derived: the rules that ask the plan wait until it is mended.
    """
    findings = [finding for rule in RULES.values() if not rule.derives for finding in rule.check(estate)]
    if not any(finding.rule in references.DANGLING for finding in findings):
        findings += [finding for rule in RULES.values() if rule.derives for finding in rule.check(estate)]
    return sorted(findings)


def refuse_errors(estate: Estate) -> None:
    """Stop a layout that has findings of level error.

    Raises:
        InvalidLayout: with all errors.

    """
    errors = [finding for finding in run(estate) if finding.level == "error"]
    if errors:
        raise InvalidLayout(errors)
