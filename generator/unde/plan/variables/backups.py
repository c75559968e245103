"""What the hosts with backups are told, and the host from which the buckets are managed."""

from __future__ import annotations

from ...model import Estate, HostView
from ...model.schema import PgbackrestCluster
from .. import buckets, clusters, postgres
from ..flows import Flows
from . import databases
from .common import Own, Shared, Variables, data_directory, members


def _repository(estate: Estate, backups: PgbackrestCluster) -> Variables:
    store = estate.layout.clusters.object_storage
    if backups.bucket is None or store is None:
        return {"type": "posix", "path": backups.path}
    name, port = buckets.address(estate, store)
    return {
        "type": "s3", "path": backups.path, "key": backups.key, "bucket": backups.bucket,
        "endpoint": name, "port": port, "region": store.region, "style": store.style, "ca_file": store.ca_file or buckets.PUBLIC_AUTHORITIES,
    }


def _pgbackrest_shared(estate: Estate, flows: Flows) -> Variables:
    backups = estate.layout.clusters.pgbackrest
    return {
        "pgbackrest_repo": _repository(estate, backups),
        "pgbackrest_retention_full": backups.retention_full,
        "pgbackrest_data_directory": data_directory(estate),
    } | ({"pgbackrest_former_path": backups.former_path} if backups.former_path else {})


def _pgbackrest_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    common = {
        "pgbackrest_archive_queue_max": postgres.archive_queue_max(host.kind, estate.layout.clusters.postgres.wal),
        "pgbackrest_process_max": max(1, host.kind.vcpu // 4),
    }
    if host.shard is None:
        return common | {"pgbackrest_stanza": databases.stanza(estate, host)}
    cluster = clusters.scope(estate, host.shard)
    own = common | {"pgbackrest_stanza": cluster.settings["stanza"]}
    if not estate.layout.clusters.pgbackrest.from_replica:
        return own
    return own | {
        "pgbackrest_address": str(host.address),
        "pgbackrest_port": estate.port("shard-backup"),
        "pgbackrest_others": members(member for member in cluster.members if member != host),
    }


def _object_storage_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    store = estate.layout.clusters.object_storage
    assert store is not None, "a host with the role and no buckets is refused by the checks"
    return {
        "object_storage_endpoint": buckets.endpoint(estate, store),
        "object_storage_region": store.region,
        "object_storage_style": store.style,
        "object_storage_ca_file": store.ca_file or buckets.PUBLIC_AUTHORITIES,
        "object_storage_principal": store.principal or "",
        "object_storage_buckets": [{"name": name} | bucket.model_dump(exclude_none=True) for name, bucket in store.buckets.items()],
    }


SHARED: Shared = {"pgbackrest": _pgbackrest_shared}
OWN: Own = {"object_storage": _object_storage_own, "pgbackrest": _pgbackrest_own}
