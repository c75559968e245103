"""What monitoring is told: exporters on every host, and who looks at them."""

from __future__ import annotations

from dataclasses import asdict

from ...model import Estate, HostView, select
from .. import clusters, entries, exporters, postgres, scrape, watches, ways
from ..flows import Flows
from . import databases
from .common import Own, Shared, Variables

#: Of the disk, for samples. The write-ahead log and a compaction in progress come on top, then the system.
RETENTION_SHARE = 0.6
GB = 1024**3
ALERTMANAGER_PORT = 9093
PROMETHEUS_PORT = 9090


def _exporters_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    brought = entries.certificate(estate, host) if "nginx_gateway" in host.roles else None
    return {
        "exporters_address": str(host.address),
        "exporters_wanted": [
            {"name": name.removesuffix(exporters.SUFFIX), "port": service.ports[0]}
            for name, service in estate.layout.services.items()
            if name.endswith(exporters.SUFFIX) and host in select.hosts(estate, service.hosts) and exporters.installed(name, host)
        ],
        "exporters_redis_instances": [
            {"name": cluster.name, "port": cluster.settings["port"]} for cluster in clusters.redis(estate) if host in cluster.members
        ],
    } | (databases.exporters(estate, host) if host.may("core_database") else {}) | ({"exporters_certificates": [brought[0]]} if brought else {})


def _exporters_shared(estate: Estate, flows: Flows) -> Variables:
    return _port(estate, "exporters_pgbouncer_port", "shard-sql")


def _port(estate: Estate, variable: str, service: str) -> Variables:
    """Return the port of a service, where the layout says one: otherwise it is the software's own, as the role has it."""
    declared = estate.layout.services.get(service)
    return {variable: declared.ports[0]} if declared else {}


def _prometheus_shared(estate: Estate, flows: Flows) -> Variables:
    shards, wal = estate.layout.shards, estate.layout.clusters.postgres.wal
    bounds = {host.name: postgres.archive_queue_gib(host.kind, wal) for host in estate.by_role["postgres_shard"]}
    return {
        "prometheus_archive_bounds": [{"host": name, "bytes": bound * GB} for name, bound in bounds.items() if bound is not None],
        "prometheus_hosts": [{"name": host.name, "address": str(host.address), "site": host.site} for host in estate.hosts.values()],
        "prometheus_thresholds": {
            "wal_bytes": int(wal.alert_gb * GB),
            "embedding_index_bytes": int((ways.trigger_gb(shards) or ways.HNSW_TRIGGER_GB) * GB),  # without an index nothing reaches it
        },
    }


def _prometheus_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    watch = watches.of(estate, host)
    asked = [] if watch else scrape.probes(estate, host)
    return _port(estate, "prometheus_port", "prometheus") | {
        "prometheus_address": str(host.address),
        "prometheus_scrape_jobs": [
            {"name": job.name, "scheme": job.scheme, "targets": list(job.targets)} for job in scrape.watched(estate, flows, host)
        ],
        "prometheus_probes": [asdict(probe) | {"targets": [asdict(each) for each in probe.targets]} for probe in asked],
        "prometheus_peers": [f"{each.address}:{_port_of(estate, 'prometheus', PROMETHEUS_PORT)}" for each in watches.peers(estate, host)],
        "prometheus_retention_size": f"{int(host.kind.disk_gb * RETENTION_SHARE)}GB",
        "prometheus_alertmanagers": [
            f"{'localhost' if each == host else each.address}:{_port_of(estate, 'alertmanager', ALERTMANAGER_PORT)}"
            for each in watches.alertmanagers(estate, host)
        ],
    } | ({
        "prometheus_watch": True,
        "prometheus_retention_time": f"{watch.retention_days}d",
        "prometheus_retention_size": f"{watch.retention_mb}MB",
    } if watch else {})


def _alertmanager_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    return _port(estate, "alertmanager_port", "alertmanager") | {"alertmanager_address": str(host.address)}


def _grafana_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    result = _port(estate, "grafana_port", "grafana") | {
        "grafana_address": str(host.address),
        "grafana_prometheus_url": _url(estate, "prometheus", PROMETHEUS_PORT),
    }
    there = bool(watches.main(estate, "alertmanager"))
    return result | ({"grafana_alertmanager_url": _url(estate, "alertmanager", ALERTMANAGER_PORT)} if there else {})


def _url(estate: Estate, service: str, port: int) -> str:
    """Return where the first host of the main monitoring with the role of that name serves it, by TLS."""
    return f"https://{watches.main(estate, service)[0].address}:{_port_of(estate, service, port)}"


def _port_of(estate: Estate, service: str, port: int) -> int:
    """Return the port that the layout says of a service; where it says none, the one given."""
    declared = estate.layout.services.get(service)
    return declared.ports[0] if declared else port


SHARED: Shared = {
    "exporters": _exporters_shared,
    "prometheus": _prometheus_shared,
}
OWN: Own = {
    "alertmanager": _alertmanager_own,
    "exporters": _exporters_own,
    "grafana": _grafana_own,
    "prometheus": _prometheus_own,
}
