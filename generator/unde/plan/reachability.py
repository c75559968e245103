"""Which host reaches which TCP port of which other: every declared port, and a sample of those that nobody declared."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Estate, select
from . import balancers
from .flows import Flows

#: Ports that something often listens on; each host is asked some that no service declares there.
STRANGE = (23, 111, 3306, 5432, 6379, 8080, 11211)
SAMPLE = 2


@dataclass(frozen=True)
class Cell:
    """One port of one host, seen from another host.

    Attributes:
        address: the target's, as its callers know it.
        declared: whether a service of the layout has the port there.
        flows: the connections that open it; none: it is denied.

    """

    source: str
    target: str
    address: str
    port: int
    declared: bool
    flows: tuple[str, ...]

    @property
    def open(self) -> bool:
        """Tell whether the plan opens it."""
        return bool(self.flows)


def cells(estate: Estate) -> list[Cell]:
    """Return every cell, by source and target in the order of the layout, ports ascending."""
    opened, ports = _opened(estate), _ports(estate)
    return [
        Cell(source, target, str(host.address), port, declared, tuple(opened.get((source, target, port), ())))
        for source in estate.hosts
        for target, host in estate.hosts.items() if target != source
        for port, declared in ports[target]
    ]


def _opened(estate: Estate) -> dict[tuple[str, str, int], list[str]]:
    """Return (source, target, port) → the connections that open it."""
    opened: dict[tuple[str, str, int], list[str]] = {}
    for connection in Flows(estate).connections:
        if connection.protocol == "tcp":
            for caller in connection.callers:
                for target in connection.targets:
                    for port in connection.ports:
                        opened.setdefault((caller.name, target.name, port), []).append(connection.name)
    return opened


def _ports(estate: Estate) -> dict[str, list[tuple[int, bool]]]:
    """Return host → its ports, each with whether a service declares it."""
    declared: dict[str, set[int]] = {name: set() for name in estate.hosts}
    for service in estate.layout.services.values():
        if service.protocol == "tcp":
            for host in (*select.hosts(estate, service.hosts), *balancers.endpoints(estate, service)):
                declared[host.name] |= set(service.ports)
    return {
        name: sorted([*((port, True) for port in ports), *((port, False) for port in [each for each in STRANGE if each not in ports][:SAMPLE])])
        for name, ports in declared.items()
    }
