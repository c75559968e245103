"""What the firewall would let nobody through for: who listens and who is connected today, held against the flows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

import yaml

from .survey import Connection, Survey


@dataclass(frozen=True)
class Undeclared:
    """Something that no flow names.

    Attributes:
        now: whether somebody is connected at this moment; else it only waits for somebody.
        says: it in words.

    """

    now: bool
    says: str


def undeclared(survey: Survey, variables: dict[str, Any], roles: Path) -> list[Undeclared]:
    """Return what the firewall would log, and drop once it is enforced: connections first, then listeners that nobody may call."""
    defaults = yaml.safe_load((roles / "firewall" / "defaults" / "main.yml").read_text(encoding="utf-8"))
    openings = {way: variables.get(f"firewall_{long}", defaults[f"firewall_{long}"]) for way, long in (("in", "inbound"), ("out", "outbound"))}
    private = variables.get("firewall_private_networks", defaults["firewall_private_networks"])
    return [*_connections(survey, openings, private), *_listeners(survey, openings["in"])]


def _connections(survey: Survey, openings: dict[str, list[dict[str, Any]]], private: list[str]) -> Iterator[Undeclared]:
    """Yield the parties that are connected and that no flow names."""
    for each in survey.connections:
        if ip_address(each.peer).is_loopback or each.peer in survey.addresses:
            continue
        if not any(_passes(each, opening, private) for opening in openings[each.way]):
            times = "one connection" if each.count == 1 else f"{each.count} connections"
            way = (
                f"{each.peer} → {each.program or '?'} on tcp {each.port}" if each.way == "in"
                else f"{each.program or '?'} → {each.peer} tcp {each.port}"
            )
            yield Undeclared(True, f"{way}: {times} now, and no flow")


def _passes(connection: Connection, opening: dict[str, Any], private: list[str]) -> bool:
    """Tell whether an opening lets a connection through; a name or an interface, which cannot be told from here, does."""
    peer = ip_address(connection.peer)
    if opening["protocol"] != "tcp" or connection.port not in opening["ports"] or isinstance(peer, IPv6Address):
        return False
    if opening["peers"]:
        return any(peer in ip_network(network) for network in opening["peers"])
    return bool(opening["names"]) or connection.way == "in" or not any(peer in ip_network(network) for network in private)


def _listeners(survey: Survey, inbound: list[dict[str, Any]]) -> Iterator[Undeclared]:
    """Yield who listens where no flow lets anybody in."""
    declared = {(opening["protocol"], port) for opening in inbound for port in opening["ports"]}
    waiting = {(each.protocol, each.port): each for each in survey.listens if not each.near and (each.protocol, each.port) not in declared}
    for (protocol, port), each in sorted(waiting.items()):
        yield Undeclared(False, f"{protocol} {port} ({each.program or 'the kernel'}{', ' + each.unit if each.unit else ''}) listens, and no flow leads there")
