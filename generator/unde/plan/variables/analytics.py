"""What hosts of containers are told, and PostHog."""

from __future__ import annotations

from ...model import Estate, HostView
from .. import containers
from ..firewall import Opening
from ..flows import Flows
from .common import Own, Shared, Variables


def _docker_shared(estate: Estate, flows: Flows) -> Variables:
    pool = containers.pool(estate)
    return {"docker_address_pools": [{"base": str(pool), "size": containers.PART}]} if pool is not None else {}


def _docker_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    return {
        "docker_inbound": [_opening(each) for each in containers.inbound(flows, host)],
        "docker_outbound": [_opening(each) for each in containers.outbound(flows, host)],
    }


def _opening(opening: Opening) -> Variables:
    return {"name": opening.name, "peers": list(opening.peers), "protocol": opening.protocol, "ports": list(opening.ports)}


def _posthog_shared(estate: Estate, flows: Flows) -> Variables:
    wanted = estate.layout.clusters.posthog
    assert wanted is not None, "the rule posthog-host demands it"
    return {
        "posthog_app_commit": wanted.app_commit or "",
        "posthog_app_image": wanted.app_image or "",
        "posthog_node_image": wanted.node_image or "",
        "posthog_port": estate.port(containers.GATE),
        "posthog_retention_days": wanted.retention_days,
    }


def _posthog_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    wanted = estate.layout.clusters.posthog
    assert wanted is not None, "the rule posthog-host demands it"
    variables: Variables = {"posthog_address": str(host.address), "posthog_domain": wanted.domain or str(host.address)}
    if wanted.clickhouse is None:
        return variables
    other = next(each for each in estate.by_role["posthog"] if each.name != host.name)
    return variables | {"posthog_part": "clickhouse" if host.name == wanted.clickhouse else "app", "posthog_other_address": str(other.address)}


SHARED: Shared = {
    "docker": _docker_shared,
    "posthog": _posthog_shared,
}
OWN: Own = {
    "docker": _docker_own,
    "posthog": _posthog_own,
}
