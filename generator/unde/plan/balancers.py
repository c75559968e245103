"""A balancer in front of a site's entries: users come in there, and the entries behind it hear it alone."""

from __future__ import annotations

from ..model import Estate, HostView, select
from ..model.schema import Service

ROLE = "balancer"
#: Whose port its metrics have, where the layout has it; what it is otherwise.
METRICS, METRICS_PORT = "balancer-metrics", 8405


def of(estate: Estate, service: Service) -> HostView | None:
    """Return the balancer of a service; None where users come to each of its hosts."""
    return estate.hosts.get(service.entry.balancer) if service.entry and service.entry.balancer else None


def behind(estate: Estate, service: Service) -> tuple[HostView, ...]:
    """Return the entries behind a service's balancer: those at its site."""
    balancer = of(estate, service)
    return tuple(host for host in select.hosts(estate, service.hosts) if balancer and host.site == balancer.site)


def endpoints(estate: Estate, service: Service) -> tuple[HostView, ...]:
    """Return the hosts at which a service is called: its own, in place of those behind a balancer the balancer."""
    balancer, hidden = of(estate, service), behind(estate, service)
    return (*([balancer] if balancer else []), *(host for host in select.hosts(estate, service.hosts) if host not in hidden))


def served(estate: Estate, host: HostView) -> tuple[str, Service] | None:
    """Return the service that a host balances, with its name."""
    return next(((name, service) for name, service in estate.layout.services.items() if of(estate, service) == host), None)
