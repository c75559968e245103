"""Routing: each site's Redis is told by one host of that site who leads a shard."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Estate
from ..plan import routing
from ..plan.flows import Flows
from .rules import Violation, rule


@rule("routing-writer", rows=(24,))
def writer(estate: Estate) -> Iterator[Violation]:
    """A site that keeps the shards' routing in its Redis keeps it in one instance, which one host writes."""
    for site in estate.layout.sites:
        kept, writers = routing.instances(estate, site), routing.writers(estate, site)
        if kept and not writers:
            yield Violation(
                ("clusters", "redis", kept[0], "families", routing.FAMILY),
                f"Redis '{kept[0]}' keeps at '{site}' who leads a shard, but no host there has the role {routing.ROLE}: nobody writes it",
                f"give the role {routing.ROLE} to a host of '{site}' that has etcd, or remove the family", warn=True,
            )
        if len(kept) > 1:
            yield Violation(
                ("clusters", "redis", kept[1], "families", routing.FAMILY),
                f"Redis '{kept[0]}' and '{kept[1]}' both keep at '{site}' who leads a shard: only the first is written", f"remove the family from '{kept[1]}'",
            )
        if writers and not kept:
            yield Violation(
                (*writers[0].path, "roles"),
                f"'{writers[0].name}' has the role {routing.ROLE}, but no Redis at '{site}' has a family '{routing.FAMILY}' to write to",
                f"add the family to an instance at '{site}', or remove the role",
            )
        if len(writers) > 1:
            yield Violation(
                (*writers[1].path, "roles"),
                f"'{writers[0].name}' and '{writers[1].name}' at '{site}' would both write who leads a shard",
                f"leave the role {routing.ROLE} to one of them",
            )


@rule("routing-denied", rows=(24,), derives=True)
def denied(estate: Estate) -> Iterator[Violation]:
    """Whoever writes the shards' routing may connect to the Redis that keeps it."""
    flows = Flows(estate)
    for site in estate.layout.sites:
        for name in routing.instances(estate, site):
            instance = estate.layout.clusters.redis[name]
            callers = {caller.name for caller in flows.callers_of(instance.host, instance.port)} | {instance.host}
            for host in routing.writers(estate, site):
                if host.name not in callers:
                    yield Violation(
                        (*host.path, "roles"),
                        f"'{host.name}' is to write Redis '{name}' on '{instance.host}', but no flow lets it in at port {instance.port}",
                        f"add a flow from '{host.name}' to the service on '{instance.host}'",
                    )
