"""The figures that a document likes to state, computed: name → value, unit and formula."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..model import Estate
from . import clusters, ways
from .timing import Timing

#: Mbit/s that MikroTik's CHR licences allow on each interface (help.mikrotik.com, "Cloud Hosted Router, CHR": licence levels).
LICENCE_MBIT_S = {"free": 1, "p1": 1_000, "p10": 10_000, "unlimited": float("inf")}

#: Bytes of a heartbeat of etcd's leader to one member, with the answer: two messages and two acknowledgements with their TLS, TCP
#: and IP headers, as a tunnel's counters see them (WireGuard adds 60 to each of the four packets). It gives the 290 MB a day that
#: were measured at 120 ms (decision 30); the estate's ``test_clusters.py`` measures it again.
HEARTBEAT_BYTES = 400


@dataclass(frozen=True)
class Figure:
    """A computed figure; a range is (low, high)."""

    value: float | str | tuple[float, float]
    unit: str
    formula: str

    def __str__(self) -> str:
        """Return it as people write it."""
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        text = "–".join(each if isinstance(each, str) else f"{each:g}" for each in values)
        return f"{text} {self.unit}".strip()


def known_figures(estate: Estate) -> dict[str, Figure]:
    """Return every figure; ``users_<N>_shards`` for the shard counts that claims ask for."""
    figures = {**_sizes(estate), **_times(estate), **_memory(estate)}
    for claim in estate.layout.document.claims.values():
        found = re.fullmatch(r"users_(\d+)_shards?", claim.about)
        if found:
            figures[claim.about] = users(estate, int(found[1]))
    return figures


def users(estate: Estate, shards: int) -> Figure:
    """Return how many users a number of shards holds."""
    each = estate.layout.shards.users_per_shard
    return Figure(
        (shards * each.comfortable, shards * each.most), "users", f"{shards} × {each.comfortable} to {each.most} users per shard"
    )


def _sizes(estate: Estate) -> dict[str, Figure]:
    """Return the sizes of each site."""
    found: dict[str, Figure] = {}
    for site, hosts in estate.by_site.items():
        what = f"{len(hosts)} hosts of '{site}'"
        stateless = [host for host in hosts if host.shard is None]
        found |= {
            f"{site}_hosts": Figure(len(hosts), "hosts", what),
            f"{site}_vcpu": Figure(sum(host.kind.vcpu for host in hosts), "vCPU", f"the sum over the {what}"),
            f"{site}_ram_gb": Figure(sum(host.kind.ram_gb for host in hosts), "GB", f"the sum over the {what}"),
            f"{site}_stateless_hosts": Figure(len(stateless), "hosts", f"hosts of '{site}' that are in no shard"),
        }
    return found


def _times(estate: Estate) -> dict[str, Figure]:
    """Return what follows from the clusters' timing, and the gateways' licences."""
    timing = estate.layout.clusters.patroni
    heartbeat = float(str(clusters.etcd(estate).settings["heartbeat_ms"]))
    found = {
        "promotion_s": Figure(
            Timing.of(estate).failover_s(election=False), "s",
            f"ttl {timing.ttl} s, loop_wait {timing.loop_wait} s and the clients' routing, from the last renewal of the lease"
        ),
        "etcd_tunnel_gb_day": Figure(
            round(86_400_000 / heartbeat * HEARTBEAT_BYTES / 1e9, 3), "GB a day",
            f"a heartbeat of {HEARTBEAT_BYTES} bytes every {heartbeat:g} ms to each member",
        ),
    }
    for site in estate.layout.sites.values():
        if site.gateway and site.gateway.licence:
            licence = site.gateway.licence
            found["gateway_interface_mbit_s"] = Figure(LICENCE_MBIT_S[licence], "Mbit/s", f"the licence {licence} for each interface")
    return found


def _memory(estate: Estate) -> dict[str, Figure]:
    """Return what a shard's data takes in memory."""
    shards = estate.layout.shards
    ram = next(host.kind.ram_gb for host in estate.hosts.values() if host.member == "primary")
    each = ways.of_message(shards.embedding)
    sizes = [round(ways.gb(shards.embedding, each.all, users), 1) for users in (shards.users_per_shard.comfortable, shards.users_per_shard.most)]
    return {
        "working_set_gb": Figure(
            (sizes[0], sizes[1]), "GB", f"{each.all:.0f} bytes a message × {shards.embedding.messages_per_user_year} messages a year × users per shard"
        ),
        "users_in_memory": Figure(
            ways.users_in_memory(shards.embedding, ram), "users", f"{ways.MEMORY_SHARE:.0%} of {ram} GB, shared_buffers counted once"
        ),
    }
