# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The connections that the kernel tracks, held against the rules of an nftables table.

Rules accept what is established: a connection outlives the rule that let it in. So each tracked connection of TCP and UDP is held against the loaded
rules as its first packet would be. What cannot be told from here (an interface) counts for the connection.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import struct
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from ansible_collections.unde.infra.plugins.module_utils import systemd

PROTOCOLS = {socket.IPPROTO_TCP: "tcp", socket.IPPROTO_UDP: "udp"}
#: Names of include/uapi/linux/netfilter/nfnetlink_conntrack.h and nfnetlink.h.
NETLINK_NETFILTER, NFNL_SUBSYS_CTNETLINK, CT_GET, CT_DELETE = 12, 1, 1, 2
CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_ID, CTA_ZONE = 1, 2, 12, 18
CTA_TUPLE_IP, CTA_TUPLE_PROTO = 1, 2
CTA_IP_V4_SRC, CTA_IP_V4_DST, CTA_IP_V6_SRC, CTA_IP_V6_DST = 1, 2, 3, 4
CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT = 1, 2, 3
NLA_F_NESTED, NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLMSG_ERROR, NLMSG_DONE = 0x8000, 0x1, 0x4, 0x300, 2, 3
HEADER, ATTRIBUTE, FAMILY = struct.Struct("=IHHII"), struct.Struct("=HH"), struct.Struct("=BBH")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Refused(Exception):
    """What stands in the way, in words that a person can act on."""


class Packet(NamedTuple):
    """The first packet of a connection, as a filter sees it."""

    hook: str
    protocol: str
    source: Address
    source_port: int
    target: Address
    target_port: int

    def __str__(self) -> str:
        """Return who talks to whom."""
        return f"{self.protocol} {self.source}:{self.source_port} > {self.target}:{self.target_port}"


class Tracked(NamedTuple):
    """A tracked connection: its packet, and what names it to the kernel."""

    family: int
    packet: Packet
    key: bytes


# ── The kernel's connections ──────────────────────────────────────────────────────────────────────────────────────────
def attributes(data: bytes) -> dict[int, bytes]:
    """Return netlink's attributes by type."""
    found = {}
    while len(data) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(data)
        found[kind & 0x3FFF] = data[ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]
    return found


def attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute, padded."""
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def messages(channel: socket.socket, command: int, flags: int, body: bytes) -> Iterator[bytes]:
    """Send a request and yield the bodies of the answers.

    Raises:
        OSError: the kernel refuses it.

    """
    channel.send(HEADER.pack(HEADER.size + len(body), NFNL_SUBSYS_CTNETLINK << 8 | command, NLM_F_REQUEST | flags, 0, 0) + body)
    while True:
        data = channel.recv(1 << 20)
        while data:
            length, kind = HEADER.unpack_from(data)[:2]
            body, data = data[HEADER.size : length], data[(length + 3) & ~3 :]
            if kind == NLMSG_DONE:
                return
            if kind == NLMSG_ERROR:
                error = -struct.unpack_from("=i", body)[0]
                if error:
                    raise OSError(error, os.strerror(error))
                return
            yield body


def ends(direction: bytes) -> tuple[Address, int, Address, int, int]:
    """Return source, source port, target and target port of one direction, and the protocol."""
    parts = attributes(direction)
    addresses, ports = attributes(parts[CTA_TUPLE_IP]), attributes(parts[CTA_TUPLE_PROTO])
    source = addresses.get(CTA_IP_V4_SRC) or addresses[CTA_IP_V6_SRC]
    target = addresses.get(CTA_IP_V4_DST) or addresses[CTA_IP_V6_DST]
    numbers = [int.from_bytes(ports.get(kind, b""), "big") for kind in (CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT)]
    return ipaddress.ip_address(source), numbers[0], ipaddress.ip_address(target), numbers[1], ports[CTA_PROTO_NUM][0]


def tracked(channel: socket.socket, local: set[Address]) -> Iterator[Tracked]:
    """Yield the connections of TCP and UDP that leave or enter this host, or pass it."""
    for body in list(messages(channel, CT_GET, NLM_F_DUMP, FAMILY.pack(socket.AF_UNSPEC, 0, 0))):
        found = attributes(body[FAMILY.size :])
        source, source_port, _target, _target_port, protocol = ends(found[CTA_TUPLE_ORIG])
        # A filter sees the target as it is after its translation, which is who answers; the source before.
        target, target_port = ends(found[CTA_TUPLE_REPLY])[:2]
        hook = {(True, False): "output", (False, True): "input", (False, False): "forward"}.get((source in local, target in local))
        if hook and protocol in PROTOCOLS:
            named = {NLA_F_NESTED | CTA_TUPLE_ORIG: CTA_TUPLE_ORIG, CTA_ZONE: CTA_ZONE, CTA_ID: CTA_ID}
            key = b"".join(attribute(kind, found[which]) for kind, which in named.items() if which in found)
            yield Tracked(body[0], Packet(hook, PROTOCOLS[protocol], source, source_port, target, target_port), key)


def end(channel: socket.socket, connection: Tracked) -> bool:
    """End one connection; return whether it had not ended by itself."""
    try:
        list(messages(channel, CT_DELETE, NLM_F_ACK, FAMILY.pack(connection.family, 0, 0) + connection.key))
    except FileNotFoundError:
        return False
    return True


# ── The rules ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@cache
def network(text: str, length: int | None = None) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return an address or a network."""
    return ipaddress.ip_network(text if length is None else f"{text}/{length}")


def among(value: Any, right: Any, sets: dict[str, list[Any]]) -> bool:
    """Return whether a value is what a rule compares with: one, a range, a network, a set of them."""
    if isinstance(right, str) and right.startswith("@"):
        right = sets[right[1:]]
    if isinstance(right, dict) and "set" in right:
        right = right["set"]
    if isinstance(right, list):
        return any(among(value, each, sets) for each in right)
    if isinstance(right, dict) and "elem" in right:
        return among(value, right["elem"]["val"], sets)
    if isinstance(right, dict) and "range" in right:
        bounds: list[Any] = [ipaddress.ip_address(each) if isinstance(each, str) else each for each in right["range"]]
        return type(bounds[0]) is type(value) and bool(bounds[0] <= value <= bounds[1])
    if isinstance(value, ipaddress.IPv4Address | ipaddress.IPv6Address):
        prefix = right["prefix"] if isinstance(right, dict) else {"addr": right, "len": None}
        return value in network(prefix["addr"], prefix["len"])
    return bool(value == right)


def holds(match: dict[str, Any], packet: Packet, sets: dict[str, list[Any]]) -> bool | None:
    """Return whether a match holds for the first packet of a connection; None where that cannot be told."""
    left, right = match["left"], match["right"]
    version = "ip" if packet.source.version == 4 else "ip6"
    known: dict[str, Any]
    if "payload" in left:
        layer, field = left["payload"].get("protocol"), left["payload"].get("field")
        if layer not in (version, packet.protocol, "th"):
            return False if layer in ("ip", "ip6", "tcp", "udp", "icmp", "icmpv6") else None
        known = {"saddr": packet.source, "daddr": packet.target, "sport": packet.source_port, "dport": packet.target_port}
    elif "meta" in left:
        field = left["meta"]["key"]
        known = {"l4proto": packet.protocol, "nfproto": "ipv4" if version == "ip" else "ipv6"}
        if field in ("iif", "oif", "iifname", "oifname") and right == "lo":
            return bool(match["op"] == "!=")
    else:
        field, known = left.get("ct", {}).get("key"), {"state": "new"}
    if field not in known:
        return None
    return among(known[field], right, sets) is not bool(match["op"] == "!=")


class Table:
    """The chains and sets of a table."""

    def __init__(self, listing: list[dict[str, Any]]) -> None:
        """Take what nft lists."""
        chains = [item["chain"] for item in listing if "chain" in item]
        self.rules = {chain["name"]: [item["rule"]["expr"] for item in listing if item.get("rule", {}).get("chain") == chain["name"]] for chain in chains}
        # What leads to the same hook earlier decides nothing about a connection.
        self.filters = {chain["hook"]: chain for chain in chains if chain.get("type") == "filter" and chain.get("prio") == 0}
        self.sets = {item["set"]["name"]: item["set"].get("elem", []) for item in listing if "set" in item}

    def outcomes(self, chain: str, packet: Packet) -> set[str]:
        """Return what may become of a packet in a chain: accept, drop, or next where it comes out at the end."""
        possible: set[str] = set()
        for rule in self.rules[chain]:
            fits = [holds(part["match"], packet, self.sets) for part in rule if "match" in part]
            fits += [None for part in rule if "limit" in part]
            if False in fits:
                continue
            ends_in = self.verdict(rule, packet)
            comes_back = any("jump" in part for part in rule) and "next" in ends_in
            possible |= ends_in - {"next"} if comes_back else ends_in
            if ends_in and None not in fits and not comes_back:
                return possible
        return possible | {"next"}

    def verdict(self, rule: list[dict[str, Any]], packet: Packet) -> set[str]:
        """Return what a rule that fits may lead to; empty where it only counts or logs."""
        for part in rule:
            if "accept" in part or "vmap" in part:
                return {"accept"}
            if "drop" in part or "reject" in part:
                return {"drop"}
            if "return" in part:
                return {"next"}
            for way in ("jump", "goto"):
                if way in part:
                    return self.outcomes(part[way]["target"], packet)
        return set()

    def may_pass(self, packet: Packet) -> bool:
        """Return whether the table may let a connection's first packet through."""
        chain = self.filters.get(packet.hook)
        if chain is None:
            return True
        possible = self.outcomes(chain["name"], packet)
        return "accept" in possible or ("next" in possible and chain["policy"] == "accept")


def turned(packet: Packet) -> Packet:
    """Return the connection the other way round: one that was open before the kernel followed it may be known by its answer."""
    hook = {"input": "output", "output": "input"}.get(packet.hook, packet.hook)
    return Packet(hook, packet.protocol, packet.target, packet.target_port, packet.source, packet.source_port)


# ── Both together ─────────────────────────────────────────────────────────────────────────────────────────────────────
def loaded(run: systemd.Run, name: str) -> Table:
    """Return a table as it is loaded; ``name`` begins with its family.

    Raises:
        Refused: it is not loaded, or cannot be read.

    """
    code, listing, complaint = run(["nft", "-j", "list", "table", *name.split()])
    if code != 0:
        raise Refused(f"the table {name} cannot be read: {complaint.strip()}")
    return Table(json.loads(listing)["nftables"])


def local_addresses(run: systemd.Run) -> set[Address]:
    """Return this host's addresses.

    Raises:
        Refused: ``ip`` does not tell them.

    """
    code, shown, complaint = run(["ip", "-json", "address", "show"])
    if code != 0:
        raise Refused(f"ip address show: {complaint.strip()}")
    return {ipaddress.ip_address(each["local"]) for link in json.loads(shown) for each in link.get("addr_info", []) if "local" in each}


def prune(run: systemd.Run, name: str, check_mode: bool) -> list[str]:
    """End the connections that no rule of a table would let through, either way round; return them.

    Raises:
        Refused: the table or the host's addresses cannot be read.
        OSError: the kernel lets nobody look at its connections.

    """
    table, local, ended = loaded(run, name), local_addresses(run), []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as channel:
        channel.bind((0, 0))
        for connection in list(tracked(channel, local)):
            passes = table.may_pass(connection.packet) or table.may_pass(turned(connection.packet))
            if not passes and (check_mode or end(channel, connection)):
                ended.append(str(connection.packet))
    return ended
