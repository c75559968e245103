"""Hosts of containers, and PostHog: what the plan tells them."""

from __future__ import annotations

from typing import Any

import support
import unde
from unde.plan import containers

STAGE_2 = {
    "hosts": {
        "clickhouse": {
            "label": "H23", "site": "helsinki", "address": "10.1.1.31", "type": "CCX33", "vcpu": 8, "ram_gb": 32, "disk_gb": 240,
            "price_eur": 74, "roles": ["docker", "posthog"], "state": "create", "day": 7,
        },
    },
    "services": {
        "posthog-clickhouse": {"hosts": ["clickhouse"], "ports": [8123, 9000]},
        "posthog-kafka": {"hosts": ["posthog"], "ports": [9092]},
    },
    "flows": {
        "analytics-queries": {"from": ["posthog"], "to": ["posthog-clickhouse"]},
        "analytics-events": {"from": ["clickhouse"], "to": ["posthog-kafka"]},
    },
    "clusters": {"posthog": {"clickhouse": "clickhouse"}},
}  # fmt: skip


def variables_of(host: str, overlaid: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return all that a host is told."""
    plan = unde.inventory(support.estate(overlaid))
    result = dict(plan.shared)
    for group in plan.members[host]:
        result |= plan.groups[group]
    return result | plan.hosts[host]


def test_containers_addresses_are_clear_of_the_estate() -> None:
    """The first range that is free; growth inside the estate's own networks changes nothing."""
    assert str(containers.pool(support.estate())) == "172.30.0.0/16" == str(containers.pool(support.estate({"shards": {"count": 8}})))
    moved = support.estate({"services": {"gitlab": {"names": [], "networks": ["172.30.5.0/24"]}}})
    assert str(containers.pool(moved)) == "172.29.0.0/16"


def test_the_gate_is_open_to_the_app_alone() -> None:
    """By the host's own firewall and, were it a container, by theirs; containers open nothing; the host reaches what is published to it."""
    variables = variables_of("posthog")
    gate = [(each["name"], each["peers"]) for each in variables["docker_inbound"] if 8000 in each["ports"]]
    assert gate == [("app-analytics:posthog", ["10.2.0.2"])]
    assert [each["peers"] for each in variables["firewall_inbound"] if 8000 in each["ports"]] == [["10.2.0.2"]]
    assert variables["docker_outbound"] == []
    assert [each["ports"] for each in variables["firewall_outbound"] if each.get("interface") == "br-posthog"] == [[80, 3000]]
    assert "posthog_part" not in variables


def test_clickhouse_on_its_own_host() -> None:
    """Each side knows the other's address, and containers open the two flows between them and nothing else."""
    app, clickhouse = variables_of("posthog", STAGE_2), variables_of("clickhouse", STAGE_2)
    assert (app["posthog_part"], app["posthog_other_address"]) == ("app", "10.1.1.31")
    assert (clickhouse["posthog_part"], clickhouse["posthog_other_address"]) == ("clickhouse", "10.1.1.30")
    assert [(each["peers"], each["ports"]) for each in app["docker_outbound"]] == [(["10.1.1.31"], [8123, 9000])]
    assert [(each["peers"], each["ports"]) for each in clickhouse["docker_outbound"]] == [(["10.1.1.30"], [9092])]
