"""The entry of users: it has a name, and every route leads to somebody who may be called."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import nearest
from ..model import Estate, select
from ..model.schema import Entry, Service
from ..plan import balancers, entries
from ..plan.flows import Flows
from .rules import Violation, rule

ROLE = "nginx_gateway"


def _entries(estate: Estate) -> Iterator[tuple[str, Service, Entry]]:
    for name, service in estate.layout.services.items():
        if service.entry:
            yield name, service, service.entry


@rule("entry-role")
def role(estate: Estate) -> Iterator[Violation]:
    """Where users come in, and only there, a host has the role nginx_gateway, for one service."""
    of: dict[str, str] = {}
    for name, service, _ in _entries(estate):
        for host in select.hosts(estate, service.hosts):
            other = of.setdefault(host.name, name)
            if other != name:
                yield Violation(
                    ("services", name, "hosts"), f"'{host.name}' is an entry of '{other}' already",
                    f"give '{name}' another host, or its routes to '{other}'",
                )
            elif ROLE not in host.roles:
                yield Violation(
                    ("services", name, "hosts"), f"users are to come in at '{host.name}', which has not the role {ROLE}",
                    f"add {ROLE} to its roles, or take it out of services.{name}.hosts",
                )
    if of:
        for host in estate.by_role[ROLE]:
            if host.name not in of:
                yield Violation(
                    (*host.path, "roles"), f"'{host.name}' has the role {ROLE}, but no service has an entry there: it would answer nobody",
                    f"add it to the hosts of {', '.join(dict.fromkeys(of.values()))}, or remove the role",
                )


@rule("entry-balancer", derives=True)
def balancer(estate: Estate) -> Iterator[Violation]:
    """A balancer has its role, that port for itself, and two entries or more behind it at its site; a host with the role balances something."""
    for name, service, _ in _entries(estate):
        host, path = balancers.of(estate, service), ("services", name, "entry", "balancer")
        if host is None:
            continue
        if balancers.ROLE not in host.roles:
            yield Violation(path, f"'{host.name}' is to balance '{name}', but has not the role {balancers.ROLE}", f"give '{host.name}' the role")
        there = [other for other, its in estate.layout.services.items() if host in select.hosts(estate, its.hosts) and service.ports[0] in its.ports]
        if there:
            yield Violation(
                path, f"'{there[0]}' and the balancer of '{name}' both want tcp {service.ports[0]} on '{host.name}'",
                "give the balancer a host of its own",
            )
        behind = balancers.behind(estate, service)
        if len(behind) < 2:
            yield Violation(
                path, f"behind '{host.name}' at '{host.site}' {'is one entry' if behind else 'is no entry'} of '{name}': nothing to balance",
                f"name two hosts of '{host.site}' in services.{name}.hosts, or write balancer: null",
            )
    for host in estate.by_role[balancers.ROLE]:
        if balancers.served(estate, host) is None:
            yield Violation(
                (*host.path, "roles"), f"'{host.name}' has the role {balancers.ROLE}, but no entry names it as its balancer",
                "write it into services.<name>.entry.balancer, or remove the role",
            )


@rule("entry-name")
def named(estate: Estate) -> Iterator[Violation]:
    """Users know the entry by a name."""
    for name, _, entry in _entries(estate):
        if not entry.names:
            yield Violation(
                ("services", name, "entry", "names"), f"'{name}' has no name yet that users call: all of them would be turned away",
                "fill in the DNS name that leads there", warn=True,
            )


@rule("entry-certificate")
def certificate(estate: Estate) -> Iterator[Violation]:
    """Users' devices trust the entry's certificate."""
    for name, _, entry in _entries(estate):
        if entry.certificate == "own":
            yield Violation(
                ("services", name, "entry", "certificate"),
                f"'{name}' would show a certificate of the estate's own authority, which no user's device trusts",
                "certificate: files, and have a public authority's brought there", warn=True,
            )


@rule("entry-route")
def routes(estate: Estate) -> Iterator[Violation]:
    """Every route of an entry leads to a service of ours, at sites that exist."""
    ours = {name: service for name, service in estate.layout.services.items() if service.hosts and service.ports and service.protocol == "tcp"}
    for name, _, entry in _entries(estate):
        for number, route in enumerate(entry.routes):
            path = ("services", name, "entry", "routes", number)
            if route.to is not None and route.to not in ours:
                yield Violation(
                    (*path, "to"), f"{route.path} leads to '{route.to}', which is no service of ours with a TCP port",
                    nearest(route.to, list(ours)),
                )
            for place, site in enumerate(route.sites):
                if site not in estate.layout.sites:
                    yield Violation((*path, "sites", place), f"site '{site}' is not defined", nearest(site, list(estate.layout.sites)))


@rule("entry-denied", derives=True)
def denied(estate: Estate) -> Iterator[Violation]:
    """Every entry may call somebody who answers its routes."""
    flows = Flows(estate)
    for name, service, entry in _entries(estate):
        for number, route in enumerate(entry.routes):
            target = estate.layout.services.get(route.to or "")
            if target is None or target.external:
                continue
            for host in select.hosts(estate, service.hosts):
                if entries.offered(host, route) and not entries.servers(estate, flows, host, route):
                    yield Violation(
                        ("services", name, "entry", "routes", number),
                        f"no flow lets '{host.name}' call '{route.to}': users who come in there would get 503 for {route.path}",
                        f"add a flow from '{host.name}' to {route.to}, or say in sites which entries have the route",
                    )
