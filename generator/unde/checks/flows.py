"""Flows: what is declared can be carried, and a failover blocks nobody."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Estate, select
from ..plan import firewall
from ..plan.flows import Connection, Flows
from ..plan.routes import Routes
from .rules import Violation, rule

LONGEST_COMMENT = 128  #: of a rule (nft, "comment too long")


def _path(estate: Estate, connection: Connection) -> tuple[str | int, ...]:
    return ("flows", connection.flow, "to", estate.layout.flows[connection.flow].to.index(connection.service))


@rule("flow-not-carried", derives=True)
def carried(estate: Estate) -> Iterator[Violation]:
    """Every caller of a flow has a way to what it calls: the same site, a tunnel, a gateway."""
    routes = Routes(estate)
    for connection in Flows(estate).connections:
        if not connection.ports:  # tunnels themselves are called at public addresses
            continue
        lost = [(caller, target) for caller in connection.callers for target in connection.targets if not routes.carry(caller.name, target.name)]
        if lost:
            caller, target = lost[0]
            others = f" (and {len(lost) - 1} more pairs)" if len(lost) > 1 else ""
            yield Violation(
                _path(estate, connection),
                f"'{caller.name}' at '{caller.site}' has no way to '{target.name}' at '{target.site}'{others}: no tunnel, no gateway",
                f"add a tunnel from '{caller.name}' to a gateway of '{target.site}', or correct the flow",
            )


@rule("flow-empty", derives=True)
def empty(estate: Estate) -> Iterator[Violation]:
    """A flow has somebody at both ends."""
    for connection in Flows(estate).connections:
        service = estate.layout.services[connection.service]
        if not service.external and connection.callers + connection.targets and not (connection.targets and (connection.callers or connection.outside_callers)):
            missing = "nobody calls" if connection.targets else "nobody answers"
            yield Violation(
                _path(estate, connection), f"in flow '{connection.name}' {missing}: no host has that role or site",
                "correct the selector", warn=True,
            )


@rule("flow-from-anywhere", derives=True)
def anywhere(estate: Estate) -> Iterator[Violation]:
    """Whoever calls from outside comes from known networks, unless the whole world is meant."""
    services = estate.layout.services
    opened: dict[str, list[str]] = {}
    for connection in Flows(estate).connections:
        for caller in connection.outside_callers:
            if connection.targets and not services[caller].networks and not services[caller].public:
                opened.setdefault(caller, []).append(connection.service)
    for caller, called in opened.items():
        yield Violation(
            ("services", caller),
            f"'{caller}' may come from any address, so that {', '.join(dict.fromkeys(called))} of ours {'is' if len(called) == 1 else 'are'} open to the world",
            f"write services.{caller}.networks, or public: true if that is meant", warn=True,
        )


@rule("flow-shard-member", derives=True)
def members(estate: Estate) -> Iterator[Violation]:
    """Who may call one member of a shard may call each of its members, so that a failover is not blocked."""
    flows = Flows(estate)
    for name, service in estate.layout.services.items():
        listening = {host.name for host in select.hosts(estate, service.hosts)}
        for number in range(estate.layout.shards.count):
            of_shard = estate.shards.get(number, ())
            missing = [host for host in of_shard if host.name not in listening]
            if missing and len(missing) < len(of_shard):
                there = next(host for host in of_shard if host.name in listening)
                callers = [caller.name for port in service.ports for caller in flows.callers_of(there.name, port)] or ["nobody yet"]
                yield Violation(
                    ("services", name, "hosts"),
                    f"'{name}' is reached on '{there.name}' (by {', '.join(dict.fromkeys(callers))}), but not on '{missing[0].name}' of the same shard",
                    "name both members, as in role:postgres_shard",
                )
                break


@rule("flow-name", derives=True)
def names(estate: Estate) -> Iterator[Violation]:
    """What follows from a flow's name and its services' fits into the comment of a rule, where it is counted and logged."""
    flows, reported = Flows(estate), set()
    openings = [opening.name for host in estate.hosts.values() for opening in (*firewall.inbound(flows, host), *firewall.outbound(flows, host))]
    for name in [*openings, *(str(each["name"]) for gateway in estate.gateways for each in flows.forwarded_by(gateway))]:
        flow = name.partition(":")[0]
        if len(name) > LONGEST_COMMENT and flow not in reported:
            reported.add(flow)
            yield Violation(
                ("flows", flow), f"its rule would be called '{name}', {len(name)} characters: nftables takes {LONGEST_COMMENT}",
                "a shorter name for the flow, the service or its caller",
            )
