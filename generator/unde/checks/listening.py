"""Listening: a service that somebody calls, scrapes or configures himself from says where it listens."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Estate, select
from ..model.schema import Service
from ..plan import exporters
from .references import RELIED_ON
from .rules import Violation, rule


@rule("service-ports")
def ports(estate: Estate) -> Iterator[Violation]:
    """A service says its ports; a UDP one without any stands for the tunnels that end on its hosts, each with its own."""
    wanted = {target for flow in estate.layout.flows.values() for target in flow.to}
    for name, service in estate.layout.services.items():
        if service.ports or name in RELIED_ON or (service.app and service.app.local_port):
            continue
        if service.external is not None:
            if name in wanted:
                yield Violation(
                    ("services", name), f"a flow leads to '{name}', which says no port: its callers could reach none, or every one",
                    f"write services.{name}.ports",
                )
        elif not _of_tunnels(estate, name, service):
            yield Violation(
                ("services", name), f"'{name}' says no port: nobody could call it, and no role could configure it",
                f"write services.{name}.ports" + (", or app.local_port for what is called on its own host alone" if service.app else ""),
            )


def _of_tunnels(estate: Estate, name: str, service: Service) -> bool:
    """Return whether a service without ports stands for tunnels: what is scraped, or configured by its name, does not."""
    if service.protocol != "udp" or service.metrics or name.endswith(exporters.SUFFIX):
        return False
    hosts = {host.name for host in select.hosts(estate, service.hosts)}
    return any(tunnel.far in hosts for tunnel in estate.tunnels.values())
