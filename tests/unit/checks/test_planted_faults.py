"""More than two hundred faults, one at a time in the shipped layout: each is named, by a rule that is about it.

What is missed fails; what is said of layouts that have nothing wrong is tested beside (``test_sound_layouts.py``).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import support
import unde
from unde.errors import Finding, InvalidLayout

GONE = object()  #: the key is taken out
SHIPPED = support.shipped()


@dataclass(frozen=True)
class Fault:
    """One fault: what stands at ``path`` instead, and the rule that must name it, near a path that holds ``about``."""

    path: str
    value: Any
    rule: str
    about: str = ""

    def __str__(self) -> str:
        """Return the test's id."""
        return f"{self.rule} {self.path}={'(gone)' if self.value is GONE else str(self.value)[:30]}"

    @property
    def data(self) -> dict[str, Any]:
        """The shipped layout with the fault in it."""
        data = copy.deepcopy(SHIPPED)
        below: Any = data
        *way, last = self.path.split("/")
        for part in way:
            below = below[int(part) if part.isdecimal() else part]
        key = int(last) if last.isdecimal() else last
        if self.value is GONE:
            del below[key]
        else:
            below[key] = self.value
        return data


def said(data: dict[str, Any]) -> list[Finding]:
    """Return all findings on plain data."""
    try:
        return unde.check(support.estate_of(data))
    except InvalidLayout as error:
        return list(error.findings)


def host(**changes: Any) -> dict[str, Any]:
    """Return a host that fits into Helsinki, with changes."""
    return {
        "label": "X1", "site": "helsinki", "address": "10.1.9.9", "public_address": None, "type": "CX33", "vcpu": 4, "ram_gb": 8,
        "disk_gb": 80, "price_eur": None, "roles": [], "state": "create", "day": 5, **changes,
    }


def schema() -> Iterator[Fault]:
    """Wrong types, units, forms and keys."""
    for path in ("sites/local", "hosts/push", "shards", "shards/replica", "tunnels", "tunnels/peers/wg-app", "clusters/etcd", "clusters/redis/cache",
                 "services/ssh", "flows/tunnels", "rollout", "costs", "document"):
        yield Fault(f"{path}/adress", 1, "schema-unknown-key", "adress")
    for path in ("sites", "links", "pools", "hosts", "shards", "tunnels", "clusters", "services", "flows", "rollout", "costs", "decisions", "plugin",
                 "hosts/push/address", "hosts/push/state", "hosts/push/day", "shards/count", "shards/scope", "shards/master_key", "tunnels/mtu",
                 "clusters/patroni/ttl", "clusters/etcd", "tunnels/peers/wg-app/slot"):
        yield Fault(path, GONE, "schema-missing-key", path.rsplit("/", 1)[-1])
    for address in ("10.1.0.256", "10.1.0", "10.1.0.3.4", "10.1.0.03", "::1", "push", 5, "10.1.0.-1", "999.1.0.3", "10.1.0.3/16"):
        yield Fault("hosts/push/address", address, "schema-value", "hosts.push.address")
    for path, value in {
        "hosts/push/ram_gb": "8GB", "hosts/push/disk_gb": "160 GB", "hosts/push/vcpu": 2.5, "hosts/push/price_eur": "12 EUR", "hosts/push/roles": "redis",
        "hosts/push/state": "live", "hosts/push/day": 0, "hosts/mood": [], "tunnels/mtu": "1420", "tunnels/keepalive_s": "25s", "clusters/patroni/ttl": "20s",
        "links/local-helsinki/rtt_ms": "120ms", "links/local-helsinki/between": ["local"], "sites/local/networks/private": "10.2.0.0",
        "shards/embedding/dimensions": 4000, "shards/embedding/index": "ivfflat", "shards/embedding/storage": "bit", "shards/embedding/in_line": "plain",
        "shards/embedding/candidates": 9, "shards/embedding/trigger_gb": 0, "clusters/redis/cache/policy": "lru", "clusters/redis/cache/memory_share": 50,
        "clusters/postgres/wal/slot_share": 20, "tunnels/peers/wg-app/slot": 4096, "tunnels/network": "10.3.0.0/24", "hosts/push/adopt": ["gatway"],
        "services/ssh/ports": [70000], "services/ssh/protocol": "icmp", "flows/tunnels/from": [], "costs/usd_per_eur": 0, "document/version": 7.2,
        "sites/helsinki/gateway/engine": "vyos", "sites/helsinki/gateway/licence": "p2", "shards/count": 0, "shards/count ": 3,
    }.items():
        yield Fault(path, value, "schema-unknown-key" if path.endswith(" ") else "schema-value", "" if path.endswith(" ") else path.split("/")[-1])
    yield Fault("pools/shard-primary/base", 5, "schema-value", "pools.shard-primary")
    yield Fault("pools/shard-tunnel/base", "10.3.0.0", "schema-value", "pools.shard-tunnel")
    yield Fault("shards/scope", "shard", "schema-value", "shards.scope")
    yield Fault("shards/stanza", "all", "schema-value", "shards.stanza")
    yield Fault("hosts/Push!", host(), "schema-value", "")
    yield Fault("tunnels/peers/wg-a-name-too-long", {"near": "local-app", "far": "helsinki-gw", "slot": 9}, "schema-value", "")


def addresses() -> Iterator[Fault]:
    """Addresses, networks and pools."""
    for name, other in {"push": "10.1.0.3", "unde-app": "10.1.0.2", "embedder": "10.1.0.17", "local-mood": "10.2.0.10", "local-app": "10.2.0.4",
                        "monitoring": "10.1.1.10", "etcd-2": "10.1.0.18", "local-voice": "10.2.0.50"}.items():
        yield Fault(f"hosts/{name}/address", other, "address-duplicate", "")
    for name, other in {"push": "46.62.255.184", "scraper": "46.62.233.30", "etcd-2": "89.167.83.72"}.items():
        yield Fault(f"hosts/{name}/public_address", other, "address-duplicate", "")
    yield Fault("hosts/push/address", "10.3.0.1", "address-duplicate", "")
    for name, other in {"push": "10.2.0.9", "local-app": "10.1.0.200", "etcd-3": "10.1.0.15", "scraper": "192.168.0.3", "local-mood": "10.2.1.11"}.items():
        yield Fault(f"hosts/{name}/address", other, "address-outside-network", f"hosts.{name}")
    for name, other in {"push": "10.1.0.0", "scraper": "10.1.255.255", "local-app": "10.2.0.0", "local-mood": "10.2.0.255", "etcd-3": "10.4.0.0"}.items():
        yield Fault(f"hosts/{name}/address", other, "address-outside-network", f"hosts.{name}")
    for name, other in {"push": "10.9.9.9", "scraper": "192.168.1.4", "apify": "127.0.0.1", "collage": "172.20.0.1",
                        "posthog": "100.64.0.9", "etcd-2": "224.0.0.5"}.items():
        yield Fault(f"hosts/{name}/public_address", other, "address-public-private", f"hosts.{name}")
    for site, network in {"local": "10.1.7.0/24", "witness": "10.2.0.0/16", "helsinki": "10.0.0.0/8"}.items():
        yield Fault(f"sites/{site}/networks/private", network, "network-overlap", "")
    yield Fault("sites/local/networks/spare", "10.3.4.0/24", "network-overlap", "")
    yield Fault("tunnels/network", "10.1.0.0/16", "network-overlap", "tunnels.network")
    for base in ("10.2.0.2", "10.2.0.3", "10.2.0.10", "10.2.0.16", "10.2.0.49"):
        yield Fault("pools/shard-primary/base", base, "pool-collision", "pools.shard-primary")
    for base in ("10.1.0.0", "10.1.1.0", "10.1.1.29"):
        yield Fault("pools/shard-replica/base", base, "pool-collision", "pools.shard-replica")
    for base in (0, 10, 49, 60):
        yield Fault("pools/shard-tunnel/base", base, "pool-collision", "pools.shard-tunnel")
    for pool, base in {"app": "10.2.0.67", "orchestrator": "10.2.0.60", "mood": "10.2.0.74", "redis": "10.2.0.97", "shard-primary": "10.2.0.90"}.items():
        yield Fault(f"pools/{pool}/base", base, "pool-overlap", "pools.")
    for pool, base in {"redis": "10.2.0.252", "app": "10.5.0.1", "shard-primary": "10.2.0.200", "voice": "10.4.9.0"}.items():
        yield Fault(f"pools/{pool}/base", base, "pool-outside-network", f"pools.{pool}")
    yield Fault("shards/count", 152, "pool-exhausted", "shards.count")
    yield Fault("shards/primary/pool", "shard-primry", "reference-pool", "shards.primary.pool")


def tunnels() -> Iterator[Fault]:
    """Tunnels, links and traffic."""
    yield Fault("tunnels/peers/wg-voice/slot", 256, "slot-beyond", "wg-voice")
    yield Fault("services/users/public", False, "flow-from-anywhere", "users")
    yield Fault("services/grafana/public", True, "schema-value", "grafana")
    yield Fault("services/gitlab/names", ["not a name"], "schema-value", "gitlab")
    yield Fault("tunnels/base_port", 65281, "schema-value", "")
    for name, slot in {"wg-app": 1, "wg-orch": 10, "wg-etcd": 60, "wg-witness": 61, "wg-voice": 5}.items():
        yield Fault(f"tunnels/peers/{name}/slot", slot, "tunnel-slot-duplicate", "")
    yield Fault("tunnels/peers/wg-app/far", "helsinki-gww", "reference-unknown", "wg-app.far")
    yield Fault("tunnels/peers/wg-app/near", "local-ap", "reference-unknown", "wg-app.near")
    yield Fault("shards/tunnel/far", "gateway", "reference-unknown", "")
    for name in ("wg-app", "wg-etcd", "wg-witness"):
        near = SHIPPED["tunnels"]["peers"][name]["near"]
        yield Fault(f"tunnels/peers/{name}/far", near, "tunnel-loop", name)
        yield Fault("tunnels/peers/wg-twice", {"near": near, "far": "helsinki-gw", "slot": 9}, "tunnel-loop", "wg-twice")
    yield Fault("tunnels/peers/wg-inner", {"near": "push", "far": "helsinki-gw", "slot": 9}, "tunnel-loop", "wg-inner")
    yield Fault("tunnels/peers/wg-inner", {"near": "local-app", "far": "local-mood", "slot": 9}, "tunnel-loop", "wg-inner")
    yield Fault("sites/helsinki/networks/public", "46.62.233.0/24", "tunnel-route-loop", "far")
    for mtu in (1441, 1500, 8920):
        yield Fault("tunnels/mtu", mtu, "tunnel-mtu", "tunnels.mtu")
    yield Fault("links/local-helsinki/mtu", 1460, "tunnel-mtu", "tunnels.mtu")
    yield Fault("links/helsinki-witness/mtu", 1300, "tunnel-mtu", "tunnels.mtu")
    yield Fault("hosts/helsinki-gw/traffic_tb", 0.1, "tunnel-over-quota", "helsinki-gw")
    yield Fault("hosts/local-app/traffic_tb", 0.001, "tunnel-over-quota", "local-app")
    for link in ("local-helsinki", "helsinki-witness", "local-witness"):
        yield Fault(f"links/{link}", GONE, "link-missing", "")
    yield Fault("hosts/helsinki-gw/public_address", None, "tunnel-endpoint-missing", "far")
    yield Fault("services/dns", {"hosts": ["helsinki-gw"], "ports": [51830], "protocol": "udp"}, "tunnel-port-clash", "services.dns")


def hosts() -> Iterator[Fault]:
    """Hosts and their roles."""
    for name in ("push", "local-app", "etcd-3", "monitoring"):
        yield Fault(f"hosts/{name}/site", "helsinky", "reference-unknown", f"hosts.{name}.site")
    for name in ("push", "scraper", "collage", "monitoring", "etcd-2"):
        yield Fault(f"hosts/{name}/type", "CX32", "host-type-unknown", f"hosts.{name}.type")
    yield Fault("hosts/local-app/type", "clod", "host-type-unknown", "hosts.local-app.type")
    yield Fault("shards/replica/only/0/type", "Xeon", "host-type-unknown", "shards.replica")
    for key, size in {"vcpu": 16, "ram_gb": 64, "disk_gb": 900}.items():
        yield Fault(f"hosts/collage/{key}", size, "host-type-unknown", f"hosts.collage.{key}")
    for key, size in {"vcpu": 17, "ram_gb": 33}.items():
        yield Fault(f"hosts/local-app/{key}", size, "host-over-site-limit", f"hosts.local-app.{key}")
        yield Fault(f"shards/primary/{key}", size * 2, "host-over-site-limit", f"shards.primary.{key}")
    for name, other in {"push": "H2", "local-mood": "L1", "embedder": "H1", "etcd-3": "H15", "collage": "L8"}.items():
        yield Fault(f"hosts/{name}/label", other, "label-duplicate", "label")
    for name, roles in {"posthog": ["posthog"], "apify": ["patroni"], "collage": ["pgbouncer"], "push": ["redis", "pgbackrest"]}.items():
        yield Fault(f"hosts/{name}/roles", roles, "role-needs", f"hosts.{name}.roles")
    yield Fault("shards/primary/roles", ["patroni", "pgbouncer", "pgbackrest"], "role-needs", "shards.primary.roles")
    yield Fault("hosts/monitoring/roles", ["grafana"], "watch-host", "clusters.watches.local.host")
    unmeasured = {"monitoring": ["grafana"], "local-etcd-1": ["etcd", "routing"]}
    hosts = SHIPPED["hosts"] | {name: SHIPPED["hosts"][name] | {"roles": roles} for name, roles in unmeasured.items()}
    yield Fault("hosts", hosts, "role-needs", "hosts.monitoring.roles")
    yield Fault("hosts/collage/roles", ["postgres_shard"], "shard-role-misplaced", "hosts.collage.roles")
    yield Fault("hosts/helsinki-gw/roles", [], "gateway-role", "gateway")
    yield Fault("hosts/collage/roles", ["gateway"], "gateway-role", "hosts.collage.roles")
    yield Fault("sites/helsinki/gateway/host", "push", "gateway-role", "")
    yield Fault("hosts/collage/roles", ["mikrotik_chr"], "gateway-role", "hosts.collage.roles")
    yield Fault("sites/helsinki/gateway/active", "b", "gateway-guests", "sites.helsinki.gateway.active")
    yield Fault("sites/helsinki/gateway/guest_network", "192.168.254.0/31", "gateway-guests", "guest_network")
    yield Fault("sites/helsinki/gateway/guest_network", "10.1.7.0/29", "network-overlap", "guest_network")
    yield Fault("sites/helsinki/gateway/routeros_version", GONE, "gateway-image", "sites.helsinki.gateway")
    yield Fault("sites/helsinki/gateway/image_checksum", "abc", "schema-value", "image_checksum")
    yield Fault("sites/helsinki/gateway/host", "helsinki-gtw", "reference-unknown", "sites.helsinki.gateway.host")
    for name in ("posthog", "etcd-2", "collage"):
        yield Fault(f"hosts/{name}/adopt", ["base", "redis"], "adopt-without-role", f"hosts.{name}.adopt")
    yield Fault("hosts/local-shard-0", host(site="local", address="10.2.0.99", type="cloud"), "name-taken", "local-shard-0")
    for name, ports in {"grafana": [9090], "redis-exporter": [6379], "postgres-exporter": [5432], "etcd-peer": [2379], "tryon": [9100],
                        "ximilar-gw": [22]}.items():
        yield Fault(f"services/{name}/ports", ports, "port-clash", "services.")


def clusters() -> Iterator[Fault]:
    """Clusters and databases."""
    yield Fault("hosts/etcd-3/roles", [], "etcd-members", "clusters.etcd")
    yield Fault("hosts/push/roles", ["redis", "etcd"], "etcd-members", "clusters.etcd")
    yield Fault("sites/witness/failure_domain", "helsinki", "etcd-majority", "site")
    yield Fault("sites/witness/failure_domain", "local", "etcd-majority", "site")
    yield Fault("sites/local/failure_domain", "helsinki", "shard-one-domain", "shards.replica.site")
    for ratio in (0.1, 0.4, 1.6, 5):
        yield Fault("clusters/etcd/heartbeat_per_rtt", ratio, "etcd-timing", "heartbeat_per_rtt")
    for ratio in (1, 5, 9.9):
        yield Fault("clusters/etcd/election_per_rtt", ratio, "etcd-timing", "election_per_rtt")
    yield Fault("clusters/etcd/election_per_rtt", 1000, "etcd-timing", "election_per_rtt")
    for ttl in (1, 10, 19):
        yield Fault("clusters/patroni/ttl", ttl, "patroni-timing", "clusters.patroni.ttl")
    for key, value in {"loop_wait": 11, "retry_timeout": 8}.items():
        yield Fault(f"clusters/patroni/{key}", value, "patroni-timing", "clusters.patroni.ttl")
    for value in (1, 2, 3):
        yield Fault("clusters/patroni/retry_timeout", value, "patroni-patience", "retry_timeout")
    for key in ("slot_share", "archive_share"):
        yield Fault(f"clusters/postgres/wal/{key}", None, "wal-bounds", key)
        yield Fault(f"clusters/postgres/wal/{key}", 0.9, "wal-bounds", "wal")
        yield Fault(f"clusters/postgres/wal/{key}", 0.01, "wal-bounds", "wal")
    yield Fault("clusters/postgres/wal/alert_gb", 300, "wal-bounds", "alert_gb")
    yield Fault("shards/primary/disk_gb", 50, "wal-bounds", "wal")
    for size in (91, 200, 1001):
        yield Fault("clusters/pgbouncer/pool_size", size, "pool-too-large", "pgbouncer")
    yield Fault("clusters/pgbouncer/max_client_connections", 10, "pool-too-large", "pgbouncer")
    yield Fault("shards/replica/only/0/ram_gb", 16, "replica-smaller", "shards.replica")
    yield Fault("shards/replica/only/0/disk_gb", 100, "replica-smaller", "shards.replica")
    yield Fault("shards/replica/name", "local-shard-{n}", "name-taken", "shards")
    yield Fault("shards/replica/pool", "shard-primary", "address-duplicate", "shards")
    embedding = SHIPPED["shards"]["embedding"]
    yield Fault("shards/embedding/measured_by", "parent", "index-trigger", "measured_by")
    yield Fault("shards/embedding/trigger_gb", 20, "index-trigger", "trigger_gb")
    yield Fault("shards/embedding", embedding | {"index": "none", "trigger_gb": 1}, "index-trigger", "trigger_gb")
    yield Fault("shards/embedding", embedding | {"index": "vector", "storage": "vector", "in_line": False}, "index-filtered", "embedding.index")
    yield Fault("shards/embedding/index", "vector", "embedding-precision", "storage")
    yield Fault("shards/embedding", embedding | {"dimensions": 1939, "storage": "vector"}, "embedding-in-line", "in_line")
    yield Fault("shards/tunnel/gb_day", 0.5, "wal-traffic", "gb_day")
    yield Fault("shards/master_key/kept_in", "env-file", "master-key", "kept_in")
    yield Fault("shards/master_key/readers", ["local-shard-0", "local-orchestrator", "unde-app"], "master-key", "readers")
    yield Fault("shards/master_key/readers", ["role:postgres_shard", "local-orchestrator"], "master-key", "readers")
    yield Fault("shards/master_key/readers", ["role:postgress"], "master-key", "readers")
    yield Fault("clusters/certificates/host", "local-etcd-9", "reference-unknown", "certificates")
    yield Fault("clusters/redis/cache/host", "locl-redis", "reference-unknown", "redis")
    yield Fault("clusters/redis/cache/host", "local-app", "redis-memory", "redis")
    yield Fault("clusters/redis/broker/memory_share", 0.85, "redis-memory", "broker")
    yield Fault("clusters/redis/limits/memory_share", 0.4, "redis-memory", "limits")
    yield Fault("hosts/collage/roles", ["redis"], "redis-memory", "hosts.collage")
    yield Fault("hosts/local-etcd-1/roles", ["etcd"], "routing-writer", "clusters.redis.limits.families.shards")
    yield Fault("clusters/redis/broker/families/shards", GONE, "routing-writer", "hosts.etcd-2")
    yield Fault("clusters/redis/cache/families/shards", {"prefix": "routing:shard:", "access": "map"}, "routing-writer", "clusters.redis")
    yield Fault("hosts/etcd-3/roles", ["etcd", "routing"], "routing-writer", "hosts.etcd-3")
    yield Fault("flows/routing-local", GONE, "routing-denied", "hosts.local-etcd-1")
    yield Fault("flows/routing-helsinki/to", ["redis-exporter"], "routing-denied", "hosts.etcd-2")
    for sentinels in (["local-redis"], ["local-redis", "local-mood"], ["local-redis", "local-mood", "local-app", "local-voice"]):
        yield Fault("clusters/sentinel", {"instances": ["cache"], "replicas": ["local-mood"], "sentinels": sentinels}, "sentinel-votes", "sentinels")


def flows() -> Iterator[Fault]:
    """Services and flows."""
    for name in ("app-dialogue", "agents-cache", "scrape", "tryon"):
        yield Fault(f"flows/{name}/to/0", "orchestratr", "flow-reference-unknown", f"flows.{name}")
        yield Fault(f"flows/{name}/from/0", "local-aps", "flow-reference-unknown", f"flows.{name}")
    yield Fault("services/grafana/hosts", ["monitorin"], "flow-reference-unknown", "services.grafana")
    yield Fault("services/redis-exporter/hosts", ["role:rediss"], "flow-reference-unknown", "services.redis-exporter")
    for name in ("patroni", "shard-sql", "etcd-peer", "etcd-client", "shard-replication"):
        yield Fault(f"services/{name}", GONE, "service-missing", f"services.{name}")
    for name in ("wg-app", "wg-orch", "wg-persona", "wg-mood", "wg-voice", "wg-redis", "wg-context", "wg-etcd", "wg-witness"):
        yield Fault(f"tunnels/peers/{name}", GONE, "flow-not-carried", "flows.")
    yield Fault("shards/tunnel", None, "flow-not-carried", "flows.")
    for name in ("app-dialogue", "voice-tts", "alerts", "rerank", "tryon"):
        yield Fault(f"flows/{name}", GONE, "service-unused", "services.")
    yield Fault("services/extra", {"hosts": ["push"], "ports": [7000]}, "service-unused", "services.extra")
    for name in ("shard-sql", "shard-replication", "patroni"):
        yield Fault(f"services/{name}/hosts", ["local-shard-0"], "flow-shard-member", f"services.{name}")
    for name in ("app-recognition", "orchestrator-catalog"):
        yield Fault(f"flows/{name}/to", ["redis-broker"], "redis-across-sites", f"flows.{name}")
    for name in ("core-api", "tryon", "recognition-pipeline"):
        yield Fault(f"flows/{name}/to", ["redis-cache"], "redis-across-sites", f"flows.{name}")
    yield Fault("services/voice/standby", "helsinki", "service-standby", "services.voice")
    yield Fault("services/voice/standby", "helsingfors", "service-standby", "services.voice")
    yield Fault("services/orchestrator/hosts", ["local-orchestrator"], "service-standby", "services.orchestrator")


def work() -> Iterator[Fault]:
    """Rollout, monitoring, costs, claims and secrets."""
    for name in ("embedder", "unde-app", "local-app", "etcd-3"):
        yield Fault(f"hosts/{name}/day", None, "rollout-no-day", f"hosts.{name}.day")
        yield Fault(f"hosts/{name}/day", 77, "reference-unknown", f"hosts.{name}.day")
    yield Fault("shards/replica/day", None, "rollout-no-day", "shards.replica")
    for day, needs in {3: [4], 1: [15], 8: [8], 12: [99], 5: [6]}.items():
        yield Fault(f"rollout/days/{day}", SHIPPED["rollout"]["days"][day] | {"needs": needs}, "rollout-order", f"rollout.days[{day}]")
    yield Fault("rollout/days/3", SHIPPED["rollout"]["days"][3] | {"phase": 2}, "rollout-order", "phase")
    yield Fault("rollout/days/3", SHIPPED["rollout"]["days"][3] | {"phase": 7}, "reference-unknown", "phase")
    yield Fault("hosts/helsinki-gw/day", 15, "rollout-too-early", "day")
    yield Fault("shards/replica/day", 8, "rollout-too-early", "shards.replica")
    yield Fault("hosts/local-app/day", 8, "rollout-too-early", "hosts.local-app.day")
    yield Fault("hosts/local-orchestrator/day", 8, "rollout-too-early", "hosts.local-orchestrator.day")
    for name in ("scraper", "collage", "local-voice"):
        others = [each for each in SHIPPED["hosts"] if each != name]
        yield Fault("services/node-exporter/hosts", [*others, "role:postgres_shard"], "monitoring-missing", f"hosts.{name}")
    for service in ("node-exporter", "redis-exporter", "postgres-exporter", "ximilar-gw"):
        yield Fault("flows/scrape/to", [each for each in SHIPPED["flows"]["scrape"]["to"] if each != service], "monitoring-denied", f"services.{service}")
    yield Fault("hosts/collage/price_eur", 26, "price-differs", "price_eur")
    yield Fault("hosts/scraper/price_eur", 9, "price-differs", "price_eur")
    for name in SHIPPED["costs"]["configurations"]:
        yield Fault(f"costs/configurations/{name}/decision", None, "cost-total", f"configurations.{name}")
        yield Fault(f"costs/configurations/{name}/shards", 152, "cost-reference", "shards")
        yield Fault(f"costs/configurations/{name}/prices", {"posthogg": 1}, "cost-reference", "posthogg")
    yield Fault("costs/local_site", "dubai", "cost-reference", "local_site_options")
    yield Fault("costs/local_site_options/other-local/low", 600, "schema-value", "other-local")
    for about, says in {"local_vcpu": 37, "local_ram_gb": 76, "hosts.push.type": "CX23", "users_16_shards": 20000}.items():
        yield Fault("document/claims/planted", {"about": about, "says": says, "where": "here"}, "document-claim", "claims.planted")
    yield Fault("document/claims/planted", {"about": "local_vcpus", "says": 1, "where": "here"}, "document-claim", "claims.planted")
    yield Fault("document/claims/local-vcpu/decision", 99, "document-claim", "claims.local-vcpu")
    yield Fault("shards/users_per_shard/most", 4000, "working-set", "users_per_shard.most")
    yield Fault("shards/primary/ram_gb", 16, "working-set", "users_per_shard.most")
    yield Fault("shards/embedding/text_bytes", 4000, "working-set", "users_per_shard.most")
    key = "YAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
    for path, value in {
        "hosts/push/password": "changeme", "clusters/redis/cache/password": "s3cr3t", "services/ssh/note": "password: hunter22", "document/title": f"key {key}",
        "services/posthog/note": "phc_abcdefghijklmnopqrstuvwx", "flows/alerts/note": "bot 123456789:AAE-abcdefghijklmnopqrstuvwxyz01234",
        "services/gitlab/external": "https://deploy:gl-token@gitlab.example", "costs/api_token": "abc", "services/llm-api/note": "token=sk-123456789",
        "tunnels/peers/wg-app/private_key": key, "shards/master_key/secret": "0" * 64, "hosts/push/type": "-----BEGIN OPENSSH PRIVATE KEY-----",
    }.items():
        yield Fault(path, value, "secret-in-layout", path.split("/")[-1])


FAULTS = [fault for family in (schema, addresses, tunnels, hosts, clusters, flows, work) for fault in family()]


def test_there_are_at_least_two_hundred() -> None:
    """As many as were promised, and none twice."""
    assert len({str(fault.data) for fault in FAULTS}) == len(FAULTS) >= 200


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_planted_fault_is_named(fault: Fault) -> None:
    """The rule names it, near where it stands, with a fix; and nothing named it before."""
    found = [finding for finding in said(fault.data) if finding.rule == fault.rule and fault.about in finding.path]
    fresh = [finding for finding in found if (finding.rule, finding.path, finding.message) not in BEFORE]
    assert fresh, f"missed; said instead: {[str(finding) for finding in said(fault.data)][:5]}"
    assert all(finding.message and finding.fix for finding in fresh)


BEFORE = {(finding.rule, finding.path, finding.message) for finding in said(SHIPPED)}
