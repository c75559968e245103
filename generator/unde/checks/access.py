"""Operators: every host lets them in, and a database lets in whom its firewall lets through."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Estate
from ..plan import firewall
from ..plan.flows import Flows
from .rules import Violation, rule

SSH = "ssh"  #: the layout's service by which hosts are managed
SSH_PORT = 22


@rule("ssh-closed", derives=True)
def operators(estate: Estate) -> Iterator[Violation]:
    """Every host lets somebody in at SSH: one that enforces its firewall would shut its operator out, and Ansible."""
    service = estate.layout.services.get(SSH)
    ports = set(service.ports) if service else {SSH_PORT}
    flows, bare = Flows(estate), {site.gateway.host for site in estate.layout.sites.values() if site.gateway and site.gateway.bare}
    path = ("services", SSH, *(["ports"] if not ports else [])) if service else ("services",)
    shut: dict[bool, list[str]] = {True: [], False: []}
    for host in estate.hosts.values():
        open_at = {port for opening in firewall.inbound(flows, host) if opening.protocol == "tcp" for port in opening.ports}
        if host.name not in bare and not open_at & (ports | {SSH_PORT}):
            shut[(host.kind.firewall or ("enforce" if host.ours else "observe")) == "enforce"].append(host.name)
    why = f"services.{SSH} has no port" if service and not ports else f"no flow leads to {SSH} there"
    for enforced, hosts in shut.items():
        if hosts:
            others = f" (and {len(hosts) - 1} more hosts)" if len(hosts) > 1 else ""
            yield Violation(
                path,
                f"'{hosts[0]}'{others} {'shuts' if enforced else 'would shut, once its firewall enforces,'} its operators out: {why}",
                "services.ssh: {hosts: [all], ports: [22]}, and a flow to it from whoever manages the hosts", warn=not enforced,
            )


@rule("database-caller", derives=True)
def strangers(estate: Estate) -> Iterator[Violation]:
    """Who calls a database is a host of ours: its pooler and PostgreSQL know each by its address, and would turn others away behind an open firewall."""
    services, core = estate.layout.services, {database.port: database.host for database in estate.layout.clusters.databases.values()}
    known = {name: set(services[name].ports) for name in ("shard-sql", "shard-replication") if name in services}
    shards = {port for ports in known.values() for port in ports}
    for connection in Flows(estate).connections:
        there = [
            host for host in connection.targets
            if any(("postgres_shard" in host.roles and port in shards) or core.get(port) == host.name for port in connection.ports)
        ]
        if connection.outside_callers and there:
            flow = estate.layout.flows[connection.flow]
            yield Violation(
                ("flows", connection.flow, "from", flow.callers.index(connection.outside_callers[0])),
                f"'{connection.outside_callers[0]}' is let through to the database on '{there[0].name}', which has no client of that name",
                "a host of ours in between, as a service or by SSH",
            )
