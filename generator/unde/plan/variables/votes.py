"""What the voting members of etcd are told, and whoever has a certificate."""

from __future__ import annotations

from ...model import Estate, HostView
from .. import clusters, entries
from ..flows import Flows
from .common import Own, Shared, Variables, members


def _etcd_shared(estate: Estate, flows: Flows) -> Variables:
    cluster, wanted = clusters.etcd(estate), estate.layout.clusters.etcd
    return {
        "etcd_members": members(cluster.members),
        "etcd_token": wanted.token,
        "etcd_heartbeat_ms": cluster.settings["heartbeat_ms"],
        "etcd_election_ms": cluster.settings["election_ms"],
        "etcd_client_port": estate.port("etcd-client"),
        "etcd_peer_port": estate.port("etcd-peer"),
        "etcd_quota_backend_mb": wanted.quota_backend_mb,
    }


def _etcd_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    return {"etcd_name": host.name, "etcd_address": str(host.address)}


def _certificates_shared(estate: Estate, flows: Flows) -> Variables:
    return {"certificates_ca_host": estate.layout.clusters.certificates.host}


def _certificates_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    return {"certificates_names": [host.name, *entries.names(estate, host), str(host.address), "localhost", "127.0.0.1"]}


SHARED: Shared = {
    "certificates": _certificates_shared,
    "etcd": _etcd_shared,
}
OWN: Own = {
    "certificates": _certificates_own,
    "etcd": _etcd_own,
}
