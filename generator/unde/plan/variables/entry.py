"""What the hosts are told where users come in: whose requests they take, and who answers them."""

from __future__ import annotations

from ...model import Estate, HostView
from ...model.schema import EntryRoute
from .. import balancers, entries
from ..flows import Flows
from .common import Own, Variables


def _entry_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    service = entries.of(estate, host)
    if service is None or service.entry is None:
        return {}
    entry = service.entry
    routes = [(route, entries.servers(estate, flows, host, route)) for route in entry.routes]
    upstreams = {_upstream(route): servers for route, servers in routes if servers}
    balancer = balancers.of(estate, service) if host in balancers.behind(estate, service) else None
    return _certificate(estate, host) | ({"nginx_gateway_balancer": str(balancer.address)} if balancer else {}) | {
        "nginx_gateway_port": service.ports[0],
        "nginx_gateway_names": list(entry.names) or [host.name],
        "nginx_gateway_routes": [
            {"path": route.path, "upstream": _upstream(route) if servers else "", "websocket": route.websocket} for route, servers in routes
        ],
        "nginx_gateway_upstreams": [
            {"name": name, "servers": [{"address": str(each.address), "port": each.port, "backup": each.backup} for each in servers]}
            for name, servers in upstreams.items()
        ],
        "nginx_gateway_limits": entry.limits.model_dump(),
        "nginx_gateway_timeouts": entry.timeouts.model_dump(),
    }


def _upstream(route: EntryRoute) -> str:
    return route.to or f"port-{route.port}"


def _certificate(estate: Estate, host: HostView) -> Variables:
    """Return where the certificate and its key are, where it is not the host's own."""
    files = entries.certificate(estate, host)
    return dict(zip(("nginx_gateway_certificate_file", "nginx_gateway_key_file"), files, strict=True)) if files else {}


def _balancer_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    found = balancers.served(estate, host)
    assert found is not None, "the rule entry-balancer demands it"
    _, service = found
    entry, metrics = service.entry, estate.layout.services.get(balancers.METRICS)
    assert entry is not None, "who has a balancer is an entry"
    return {
        "balancer_address": str(host.address),
        "balancer_port": service.ports[0],
        "balancer_entries": [
            {"name": each.name, "address": str(each.address), "called": (*entry.names, each.name)[0]} for each in balancers.behind(estate, service)
        ],
        "balancer_health": entry.health,
        "balancer_authority": "own" if entry.certificate == "own" else "public",
        "balancer_timeouts": {"connect_s": entry.timeouts.connect_s, "silent_s": entry.timeouts.websocket_s, "drain_s": entry.timeouts.drain_s},
        "balancer_metrics_port": metrics.ports[0] if metrics else balancers.METRICS_PORT,
    }


OWN: Own = {
    balancers.ROLE: _balancer_own,
    "nginx_gateway": _entry_own,
}
