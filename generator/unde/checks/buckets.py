"""The object storage outside: every bucket can be reached, every key is somebody's, backups have their place."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import nearest
from ..model import Estate, select
from ..model.source import DataPath
from ..plan import buckets
from ..plan.flows import Flows
from .rules import Violation, rule

HERE = ("clusters", "object_storage")
SERVER = "shard-backup"  #: the service by which the members of a shard reach each other for backups


@rule("object-storage-host")
def host(estate: Estate) -> Iterator[Violation]:
    """The buckets are managed from one host, which has the role object_storage."""
    store = estate.layout.clusters.object_storage
    for view in estate.by_role["object_storage"]:
        if store is None or store.host != view.name:
            yield Violation(
                (*view.path, "roles"),
                f"'{view.name}' has the role object_storage, but {'there is no clusters.object_storage' if store is None else 'it is not its host'}",
                "name it as clusters.object_storage.host, or remove the role",
            )
    if store and store.host in estate.hosts and "object_storage" not in estate.hosts[store.host].roles:
        yield Violation(
            (*HERE, "host"), f"the buckets are to be managed from '{store.host}', which has not the role object_storage",
            f"give '{store.host}' the role object_storage",
        )


@rule("object-storage-name")
def names(estate: Estate) -> Iterator[Violation]:
    """The store is an external service with one port, and its names cover every bucket, so that firewalls let them through."""
    store = estate.layout.clusters.object_storage
    service = estate.layout.services.get(store.service) if store else None
    if store is None or service is None:
        return
    if service.external is None or not service.names or len(service.ports) != 1:
        yield Violation(
            (*HERE, "service"), f"service '{store.service}' is not an external one with names and one port",
            f"write services.{store.service} with external, names (the store's own first) and ports",
        )
        return
    for bucket, name in buckets.called(estate, store).items():
        if name not in service.names:
            yield Violation(
                (*HERE, "buckets", bucket),
                f"bucket '{bucket}' is called as {name}, which is none of the names of service '{store.service}': no firewall lets it through",
                f"add {name} to services.{store.service}.names, or style: path",
            )


@rule("object-storage-principal")
def principal(estate: Estate) -> Iterator[Violation]:
    """Policies can name the holder of a key."""
    store = estate.layout.clusters.object_storage
    if store is None:
        return
    if store.principal is None:
        yield Violation(
            (*HERE, "principal"),
            "how a policy names the holder of a key is not known: each key could do everything in every bucket, and the role refuses that",
            "fill in principal before day 1, as arn:aws:iam:::user/p<number of the project>:{key}", warn=True,
        )
    elif "{key}" not in store.principal:
        yield Violation((*HERE, "principal"), f"'{store.principal}' names one holder for every key", "write {key} where the access key goes")


@rule("object-storage-key", derives=True)
def keys(estate: Estate) -> Iterator[Violation]:
    """Every key that is asked for opens some bucket, and whoever has one may call the store; the administrator's is nobody else's."""
    store = estate.layout.clusters.object_storage
    if store is None:
        return
    known, flows = buckets.keys(store), Flows(estate)
    for bucket, wanted in store.buckets.items():
        if buckets.ADMINISTRATOR in wanted.access:
            yield Violation(
                (*HERE, "buckets", bucket, "access", buckets.ADMINISTRATOR),
                "the administrator's key may do everything everywhere: a policy that narrowed it would lock everybody out", "remove it",
            )
    for name, number, key in buckets.asked_for(estate):
        if key not in known:
            yield Violation(("services", name, "app", "secrets", number), f"'{key}' is no key to a bucket", nearest(key, known))
    asking: dict[str, DataPath] = {name: ("services", name, "app", "secrets") for name, _, _ in buckets.asked_for(estate)}
    callers = [(path, caller) for name, path in asking.items() for caller in select.hosts(estate, estate.layout.services[name].hosts)]
    callers += [((*HERE, "host"), caller) for caller in estate.by_role["object_storage"]]
    if estate.layout.clusters.pgbackrest.bucket is not None:
        callers += [(("clusters", "pgbackrest", "bucket"), caller) for caller in estate.by_role["pgbackrest"]]
    for path, caller in callers:
        if store.service not in {connection.service for connection in flows.out_of(caller.name)}:
            yield Violation(
                path, f"'{caller.name}' has a key to the object storage, but no flow leads there from it",
                f"add '{caller.name}' to a flow to {store.service}",
            )


@rule("backup-bucket")
def backups(estate: Estate) -> Iterator[Violation]:
    """Backups go to a bucket that their key may write; they are read from a replica only where its shard's members share one repository and a way."""
    wanted, store = estate.layout.clusters.pgbackrest, estate.layout.clusters.object_storage
    if wanted.bucket is None:
        for field, value in (("from_replica", wanted.from_replica), ("former_path", wanted.former_path)):
            if value:
                yield Violation(
                    ("clusters", "pgbackrest", field), "the repository is a directory of each host, which no other host can read",
                    f"write bucket, or remove {field}",
                )
        return
    known = list(store.buckets) if store else []
    if store is None or wanted.bucket not in store.buckets:
        yield Violation(("clusters", "pgbackrest", "bucket"), f"'{wanted.bucket}' is no bucket of clusters.object_storage", nearest(wanted.bucket, known))
    elif store.buckets[wanted.bucket].access.get(wanted.key) != "write":
        yield Violation(
            ("clusters", "pgbackrest", "key"), f"the key '{wanted.key}' may not write to '{wanted.bucket}'",
            f"write access: {{{wanted.key}: write}} at the bucket",
        )
    server = estate.layout.services.get(SERVER)
    if wanted.from_replica and (server is None or not server.ports):
        yield Violation(
            ("clusters", "pgbackrest", "from_replica"),
            f"the replica asks its primary by service '{SERVER}', which is not defined with a port",
            f"add services.{SERVER}, and a flow to it within the shard",
        )
