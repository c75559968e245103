"""Redis with copies: what each of its users is told, and that all of them are to ask the sentinels who leads."""

from __future__ import annotations

from typing import Any

import pytest

import support
import unde
from unde.plan import inventory, scrape, secrets

HOST = {"site": "local", "type": "cloud", "vcpu": 2, "ram_gb": 2, "disk_gb": 40, "state": "create", "day": 9}
#: As docs/operate.md tells it.
GROWN: dict[str, Any] = {
    "hosts": {
        "local-redis": {"roles": ["redis", "redis_sentinel"]},
        "local-redis-2": HOST | {"label": "L3b", "address": "10.2.0.94", "roles": ["redis", "redis_sentinel"]},
        "local-etcd-1": {"roles": ["etcd", "routing", "prometheus", "alertmanager", "redis_sentinel"]},
    },
    "tunnels": {"peers": {"wg-redis-2": {"near": "local-redis-2", "far": "helsinki-gw", "slot": 94, "gb_day": 0.1}}},
    "clusters": {"sentinel": {
        "instances": ["cache", "limits"], "replicas": ["local-redis-2"], "sentinels": ["local-redis", "local-redis-2", "local-etcd-1"],
    }},
    "services": {
        "redis-cache": {"hosts": ["local-redis", "local-redis-2"]},
        "redis-sentinel": {"hosts": ["role:redis_sentinel"], "ports": [26379]},
    },
    "flows": {
        "app-cache": {"to": ["redis-cache", "redis-sentinel"]},
        "agents-cache": {"to": ["redis-cache", "redis-sentinel"]},
        "routing-local": {"to": ["redis-cache", "redis-sentinel"]},
        "redis-copies": {"from": ["local-redis", "local-redis-2"], "to": ["redis-cache", "redis-sentinel"]},
        "redis-votes": {"from": ["role:redis_sentinel"], "to": ["redis-cache", "redis-sentinel"]},
    },
}
SENTINELS = ["10.2.0.4:26379", "10.2.0.94:26379", "10.2.0.50:26379"]


@pytest.fixture(scope="module")
def plan() -> inventory.Inventory:
    """Return what Ansible is told of the grown estate."""
    return unde.inventory(support.estate(GROWN))


def test_both_copies_are_the_same_but_for_their_place(plan: inventory.Inventory) -> None:
    """Port, memory (the smaller host's) and families are one; the first leads until there are sentinels to ask."""
    one, two = ({each["name"]: each for each in plan.hosts[name]["redis_instances"]} for name in ("local-redis", "local-redis-2"))
    for name in ("cache", "limits"):
        assert one[name] | {"address": "", "clients": []} == two[name] | {"address": "", "clients": []}
        assert one[name]["replication"] == {"master": "10.2.0.4", "sentinels": SENTINELS, "least_replicas": 0}
    assert one["cache"]["maxmemory_mb"] == 1024
    assert "replication" not in plan.hosts["push"]["redis_instances"][0]


def test_two_copies_of_a_master_let_it_stop_where_it_is_alone() -> None:
    """With one copy the loss of either would stop the other: then it goes on alone."""
    third = HOST | {"label": "L3c", "address": "10.2.0.95", "roles": ["redis"]}
    more = {
        "hosts": {"local-redis-3": third}, "clusters": {"sentinel": {"replicas": ["local-redis-2", "local-redis-3"]}},
        "tunnels": {"peers": {"wg-redis-3": {"near": "local-redis-3", "far": "helsinki-gw", "slot": 95}}},
        "services": {"redis-cache": {"hosts": ["local-redis", "local-redis-2", "local-redis-3"]}},
        "flows": {"redis-copies": {"from": ["local-redis", "local-redis-2", "local-redis-3"]}},
    }
    told = unde.inventory(support.estate(support.merged(GROWN, more))).hosts["local-redis-3"]
    assert told["redis_instances"][1]["replication"]["least_replicas"] == 1


def test_the_sentinels(plan: inventory.Inventory) -> None:
    """Three of them, two of which have to agree; each watches both instances."""
    told = plan.groups["role_redis_sentinel"]
    assert [each["name"] for each in told["redis_sentinel_members"]] == ["local-redis", "local-redis-2", "local-etcd-1"]
    assert (told["redis_sentinel_quorum"], told["redis_sentinel_port"], told["redis_sentinel_down_after_s"]) == (2, 26379, 5)
    assert told["redis_sentinel_instances"] == [
        {"name": "cache", "port": 6379, "copies": ["10.2.0.4", "10.2.0.94"]}, {"name": "limits", "port": 6380, "copies": ["10.2.0.4", "10.2.0.94"]},
    ]
    assert plan.hosts["local-etcd-1"]["redis_sentinel_address"] == "10.2.0.50"


def test_clients_are_told_whom_to_ask(plan: inventory.Inventory) -> None:
    """Where both copies are, who says which leads, by what name, and the password for that; as long as there are no copies nothing of it."""
    [mood] = plan.hosts["local-mood"]["app_service_services"]
    assert {name: value for name, value in mood["environment"].items() if "REDIS_CACHE" in name} == {
        "UNDE_REDIS_CACHE": "10.2.0.4:6379,10.2.0.94:6379", "UNDE_REDIS_CACHE_KEYS": "mood=mood:",
        "UNDE_REDIS_CACHE_MASTER": "cache", "UNDE_REDIS_CACHE_SENTINELS": ",".join(SENTINELS),
    }
    assert "UNDE_REDIS_SENTINEL" not in mood["environment"]
    assert {"file": "redis-sentinel-client", "variable": "vault_redis_passwords", "key": "sentinel-client", "volatile": False} in mood["secrets"]
    [alone] = unde.inventory(support.estate()).hosts["local-mood"]["app_service_services"]
    assert not any("SENTINEL" in name or "MASTER" in name for name in alone["environment"])
    assert [secret["file"] for secret in alone["secrets"]] == ["redis-cache-mood"]


def test_the_reconciler_asks_too(plan: inventory.Inventory) -> None:
    """At its own site; Helsinki's broker has no copies."""
    assert plan.hosts["local-etcd-1"]["routing_redis"]["sentinels"] == SENTINELS
    assert "sentinels" not in plan.hosts["etcd-2"]["routing_redis"]


def test_secrets_and_scrapes() -> None:
    """Each duty has a password of its own; the new host is looked at, both of its instances."""
    estate = support.estate(GROWN)
    more = set(secrets.redis_users(estate)) - set(secrets.redis_users(support.estate()))
    assert more == {
        "cache-replica", "cache-sentinel", "limits-replica", "limits-sentinel", "sentinel-admin", "sentinel-peer", "sentinel-client",
    }
    targets = {target for job in scrape.jobs(estate) for target in job.targets}
    assert {"10.2.0.94:9100", "10.2.0.94:9121"} <= targets
    asked = [probe for probe in scrape.probes(estate, estate.hosts["monitoring"]) if probe.exporter == "10.2.0.94:9121"]
    assert [target.target for probe in asked for target in probe.targets] == ["redis://monitor@127.0.0.1:6380"]
