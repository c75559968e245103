"""What the modules of this room share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...model import Estate, HostView
from ..flows import Flows

Variables = dict[str, Any]
#: Role → what is equal on all its hosts, published once, on the role's group.
Shared = Mapping[str, Callable[[Estate, Flows], Variables]]
#: Role → what differs from host to host.
Own = Mapping[str, Callable[[Estate, Flows, HostView], Variables]]


class Expression(str):
    """A value that Ansible evaluates, as where the vault keeps a secret. All else that a plan says is data, whatever braces are in it."""

    __slots__ = ()


PACKAGE_DIRECTORY = "/var/lib/postgresql"  #: where Debian's packages keep PostgreSQL's data


def data_directory(estate: Estate) -> str:
    """Return where PostgreSQL keeps its data, by Debian's packages."""
    return f"{PACKAGE_DIRECTORY}/{estate.layout.clusters.postgres.version}/main"


def members(hosts: Iterable[HostView]) -> list[dict[str, str]]:
    """Return hosts as roles want them."""
    return [{"name": host.name, "address": str(host.address)} for host in hosts]
