"""A gateway's configuration as RouterOS has it: menu → entries, in the order in which they have to be made.

Menus and keys are those of RouterOS 7.21 (help.mikrotik.com, "RouterOS": WireGuard, IP Address, IP Routing, Filter, Services, NTP).
Values are canonical, as the router itself prints them (``yes``, ``25s``, no ``/32`` behind a host's address in a filter), so that a
comparison with what is there finds nothing when nothing differs. Everything of ours carries a comment that begins with ``unde:``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..model import Estate
from . import firewall, tunnels
from .flows import Flows

Entry = dict[str, str]
OURS = "unde: "
#: Lists of interfaces and addresses, of which rules speak.
TUNNELS, MANAGEMENT = "unde-tunnels", "unde-management"
#: Services of RouterOS that nobody needs here.
UNUSED = ("telnet", "ftp", "www", "www-ssl", "api", "ssh")
#: Services by which it is managed: RouterOS's name → TCP port.
MANAGED = {"winbox": 8291, "api-ssl": 8729}
ICMP = ("0:0", "3:0-255", "8:0", "11:0-255", "12:0-255")


@dataclass(frozen=True)
class Menu:
    """One menu.

    Attributes:
        path: as typed, ``/ip firewall filter``.
        entries: what is added, in order.
        settings: what is set where a menu is one thing.
        fixed: name of an entry that is always there → what is set on it.

    """

    path: str
    entries: list[Entry] = field(default_factory=list)
    settings: Entry = field(default_factory=dict)
    fixed: Mapping[str, Entry] = field(default_factory=dict)


def configuration(estate: Estate, host: str, keys: Mapping[str, str]) -> list[Menu]:
    """Return the whole configuration of a gateway.

    Args:
        estate: the estate.
        host: the gateway.
        keys: tunnel → public key of its far end; a tunnel without one gets no peer yet.

    """
    ends = tunnels.ends_of(estate, host)
    lists, rules = _forwarding(estate, host)
    management = _management(estate, host)
    return [
        Menu("/system identity", settings={"name": host}),
        Menu("/interface list", [{"name": TUNNELS, "comment": f"{OURS}all tunnels"}]),
        Menu("/interface wireguard", [
            {"name": end.interface, "listen-port": str(end.listen_port), "mtu": str(end.mtu), "comment": f"{OURS}{end.far_host}"} for end in ends
        ]),
        Menu("/interface list member", [{"list": TUNNELS, "interface": end.interface} for end in ends]),
        Menu("/interface wireguard peers", [
            {"name": end.far_host, "interface": end.interface, "public-key": keys[end.interface], "allowed-address": ",".join(end.allowed_ips),
             "responder": "yes", "comment": f"{OURS}{end.far_host}"}
            for end in ends if end.interface in keys
        ]),
        Menu("/ip address", [
            {"address": end.address, "network": end.far_address, "interface": end.interface, "comment": f"{OURS}{end.far_host}"} for end in ends
        ]),
        Menu("/ip route", [
            {"dst-address": route, "gateway": end.interface, "comment": f"{OURS}{end.far_host}"} for end in ends for route in end.routes
        ]),
        Menu("/ip firewall address-list", [*lists, *({"list": MANAGEMENT, "address": each, "comment": f"{OURS}operators"} for each in management)]),
        Menu("/ip firewall mangle", [
            {"chain": "forward", "action": "change-mss", "new-mss": "clamp-to-pmtu", "passthrough": "yes", "protocol": "tcp", "tcp-flags": "syn",
             "out-interface-list": TUNNELS, "comment": f"{OURS}a tunnel is narrower than the networks on both sides"},
        ]),
        Menu("/ip firewall filter", [*_input(estate, host, management), *_spoofed(ends), *rules]),
        Menu("/ip service", fixed={
            **{name: {"disabled": "yes"} for name in UNUSED},
            **{name: {"disabled": "no", "port": str(port), "address": ",".join(management)} for name, port in MANAGED.items()},
        }),
        Menu("/system ntp client", settings={"enabled": "yes", "servers": "pool.ntp.org"}),
        Menu("/system logging", [{"topics": "firewall", "action": "memory", "prefix": "unde"}]),
        Menu("/system scheduler", [
            {"name": "unde-export", "interval": "1d", "on-event": "/export file=unde", "comment": f"{OURS}what the router is, every day"},
        ]),
    ]


def _management(estate: Estate, host: str) -> list[str]:
    """Return the networks that the gateway is managed from: those of the flows' people, and the hosts of ours that the flows name."""
    flows = Flows(estate)
    openings = [each for each in firewall.inbound(flows, estate.hosts[host]) if set(each.ports) & set(MANAGED.values())]
    return list(dict.fromkeys(peer for each in openings for peer in each.peers))


def _base(chain: str) -> list[Entry]:
    """Return what every chain begins with."""
    return [
        {"chain": chain, "action": "accept", "connection-state": "established,related,untracked", "comment": f"{OURS}established"},
        {"chain": chain, "action": "drop", "connection-state": "invalid", "comment": f"{OURS}invalid"},
        *({"chain": chain, "action": "accept", "protocol": "icmp", "icmp-options": each, "comment": f"{OURS}icmp"} for each in ICMP),
    ]


def _input(estate: Estate, host: str, management: list[str]) -> list[Entry]:
    """Return what may be opened towards the router itself; by nobody known it is managed by anybody, or nobody could mend it."""
    restricted = {"src-address-list": MANAGEMENT} if management else {}
    ports = ",".join(str(tunnel.port) for tunnel in estate.tunnels_of[host] if tunnel.far == host)
    managed = ",".join(map(str, MANAGED.values()))
    return [
        *_base("input"),
        {"chain": "input", "action": "accept", "protocol": "udp", "dst-port": ports, "in-interface-list": f"!{TUNNELS}", "comment": f"{OURS}tunnels"},
        {"chain": "input", "action": "accept", "protocol": "tcp", "dst-port": managed, **restricted, "comment": f"{OURS}management"},
        {"chain": "input", "action": "drop", "comment": f"{OURS}no flow"},
    ]


def _spoofed(ends: list[tunnels.TunnelEnd]) -> Iterator[Entry]:
    """Yield a rule for each tunnel that drops what claims to come from somebody else's host."""
    for end in ends:
        for route in end.routes:
            yield {"chain": "forward", "action": "drop", "in-interface": end.interface, "src-address": f"!{_bare(route)}",
                   "comment": f"{OURS}spoofed {end.interface}"}


def _forwarding(estate: Estate, host: str) -> tuple[list[Entry], list[Entry]]:
    """Return the address lists and the rules of what may pass."""
    lists: list[Entry] = []
    rules = _base("forward")
    for rule in Flows(estate).forwarded_by(host):
        entry: Entry = {"chain": "forward", "action": "accept", "protocol": str(rule["protocol"])}
        for side, key in (("src", "sources"), ("dst", "destinations")):
            addresses = [_bare(str(each)) for each in rule[key]]  # type: ignore[attr-defined]
            if len(addresses) == 1:
                entry[f"{side}-address"] = addresses[0]
            else:
                name = f"{side} {rule['name']}"
                entry[f"{side}-address-list"] = name
                lists += [{"list": name, "address": address, "comment": f"{OURS}{rule['name']}"} for address in addresses]
        entry |= {"dst-port": ",".join(map(str, rule["ports"])), "comment": f"{OURS}{rule['name']}"}  # type: ignore[call-overload]
        rules.append(entry)
    return lists, [*rules, {"chain": "forward", "action": "drop", "comment": f"{OURS}no flow"}]


def _bare(network: str) -> str:
    """Return an address as RouterOS prints it: a host without its prefix length."""
    return network.removesuffix("/32")
