"""Addresses and routes: what is there is asked, what differs is changed."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..interfaces import live
from ..menus.addresses import network
from .programs import program, succeeds

if TYPE_CHECKING:
    from ..router import Router

#: By this our routes are told from the kernel's.
PROTOCOL = "201"


@dataclass(frozen=True, order=True)
class Address:
    """An address on an interface; ``far`` is a network, or the other end of a link of two."""

    interface: str
    local: str
    far: str


@dataclass(frozen=True)
class Route:
    """A route.

    Attributes:
        number: the identifier of the item that it is.
        place: what tells it from all others: kind, target, metric.
        way: where it leads.

    """

    number: str
    place: tuple[str, ...]
    way: tuple[str, ...]


def wanted(router: Router) -> list[Address]:
    """Return the addresses that are to be, each once, in the order of the table."""
    up = live(router)
    found = [
        Address(row["interface"], row["address"], f"{row['network']}/{row['address'].partition('/')[2]}")
        for row in router.table("ip address").show()
        if row["disabled"] != "true" and row["interface"] in up
    ]
    return list(dict.fromkeys(found))


def place(addresses: list[Address]) -> None:
    """Let the interfaces have these addresses and no others."""
    there = set()
    for link in json.loads(program("ip", "-j", "-4", "address", "show")):
        for each in link["addr_info"]:
            local = f"{each['local']}/{each['prefixlen']}"
            far = f"{each['address'] if 'address' in each else network(local)}/{each['prefixlen']}"
            there.add(Address(link["ifname"], local, far))
    for each in sorted(there - set(addresses)):
        if each.interface != "lo":
            program("ip", "address", "delete", *_placed(each))
    for each in addresses:
        if each not in there:
            program("ip", "address", "add", *_placed(each))


def _placed(each: Address) -> list[str]:
    own = each.far.partition("/")[0] == network(each.local)
    return [*([each.local] if own else [each.local.partition("/")[0], "peer", each.far]), "dev", each.interface]


def routes(router: Router) -> list[Route]:
    """Return the routes that are to be."""
    found = []
    for row in router.table("ip route").show():
        if row["disabled"] == "true" or row.get("connect") == "true":
            continue
        way = [] if "blackhole" in row else _by(row["gateway"])
        if row.get("pref-src"):
            way += ["src", row["pref-src"]]
        found.append(Route(row[".id"], _place("blackhole" if "blackhole" in row else "unicast", row["dst-address"], row["distance"]), tuple(way)))
    return found


def _by(gateway: str) -> list[str]:
    address, _, interface = gateway.partition("%")
    if interface:
        return ["via", address, "dev", interface]
    return ["via", gateway] if gateway.replace(".", "").isdecimal() else ["dev", gateway]


def _place(kind: str, target: str, metric: str) -> tuple[str, ...]:
    return (kind, "0.0.0.0/0" if target == "default" else target.removesuffix("/32"), "metric", metric, "protocol", PROTOCOL)


def lead(wanted_routes: list[Route], led: set[Route]) -> set[Route]:
    """Let these routes be and no others of ours; return those that lead somewhere now.

    Args:
        wanted_routes: the routes.
        led: those of the last time, which need nothing as long as the kernel has kept them.

    """
    listed = json.loads(program("ip", "-j", "-4", "-details", "route", "show", "protocol", PROTOCOL))
    there = {_place(each["type"], each["dst"], str(each["metric"])) for each in listed}
    for place_of in there - {each.place for each in wanted_routes}:
        program("ip", "-4", "route", "delete", *place_of)
    kept = {each for each in led if each.place in there}
    tried = [each for each in wanted_routes if each not in kept]
    commands = "".join(f"route replace {' '.join((*each.place, *each.way))}\n" for each in tried)
    done = subprocess.run(["ip", "-4", "-force", "-batch", "-"], input=commands, text=True, capture_output=True, check=False)
    nowhere = {tried[int(line) - 1] for line in re.findall(r"^Command failed -:(\d+)$", done.stderr, re.MULTILINE)}
    for each in nowhere:
        # Where it led before, it shall not lead any longer.
        succeeds("ip", "-4", "route", "delete", *each.place)
    return set(wanted_routes) - nowhere
