"""Services: one listener for a port, a home for every role, a caller for every service."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Estate, select
from .rules import Violation, rule


@rule("port-clash")
def ports(estate: Estate) -> Iterator[Violation]:
    """No two services want one port of one host."""
    seen: dict[tuple[str, str, int], str] = {}
    reported: set[tuple[str, str]] = set()
    for name, service in estate.layout.services.items():
        local = service.app.local_port if service.app else None
        path = ("services", name, "app", "local_port") if local else ("services", name, "ports")
        for port in [local] if local else service.ports:
            for host in select.hosts(estate, service.hosts):
                other = seen.setdefault((host.name, service.protocol, port), name)
                if other != name and (name, other) not in reported:
                    reported.add((name, other))
                    yield Violation(
                        path, f"services '{other}' and '{name}' both want {service.protocol} {port} on '{host.name}'",
                        "give one of them another port or host",
                    )


@rule("service-unused")
def unused(estate: Estate) -> Iterator[Violation]:
    """Every service that others could reach is reached by somebody."""
    wanted = {target for flow in estate.layout.flows.values() for target in flow.to}
    callers = {caller for flow in estate.layout.flows.values() for caller in flow.callers}
    for name, service in estate.layout.services.items():
        if name not in wanted and not (service.external and name in callers) and not (service.app and service.app.local_port):
            yield Violation(("services", name), f"no flow leads to service '{name}': nobody may reach it", "add it to a flow, or remove it", warn=True)


@rule("service-standby", rows=(26,))
def standby(estate: Estate) -> Iterator[Violation]:
    """A service with a warm standby at a site has a host there."""
    for name, service in estate.layout.services.items():
        if service.standby is None:
            continue
        if service.standby not in estate.layout.sites:
            yield Violation(("services", name, "standby"), f"site '{service.standby}' is not defined", f"one of: {', '.join(estate.layout.sites)}")
        elif all(host.site != service.standby for host in select.hosts(estate, service.hosts)):
            yield Violation(
                ("services", name, "standby"), f"'{name}' is to have a warm standby at '{service.standby}', but no host there carries it",
                f"add a host of '{service.standby}' to services.{name}.hosts", warn=True,
            )


@rule("redis-across-sites")
def redis(estate: Estate) -> Iterator[Violation]:
    """No Redis is called from another site: each site has its own."""
    ports_of: dict[str, set[int]] = {}
    sentinel = estate.layout.clusters.sentinel
    for name, instance in estate.layout.clusters.redis.items():
        for place in (instance.host, *(sentinel.replicas if sentinel and name in sentinel.instances else [])):
            ports_of.setdefault(place, set()).add(instance.port)
    for name, flow in estate.layout.flows.items():
        callers = select.hosts(estate, flow.callers)
        for number, target in enumerate(flow.to):
            service = estate.layout.services.get(target)
            for host in select.hosts(estate, service.hosts) if service else ():
                if service and ports_of.get(host.name, set()).isdisjoint(service.ports):
                    continue
                foreign = [caller for caller in callers if caller.site != host.site]
                if foreign:
                    yield Violation(
                        ("flows", name, "to", number),
                        f"'{foreign[0].name}' at '{foreign[0].site}' would call Redis '{target}' on '{host.name}' at '{host.site}'",
                        "let it use its own site's Redis, or a service in front of this one",
                    )
