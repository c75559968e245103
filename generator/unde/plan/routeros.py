"""A gateway's configuration as RouterOS has it: menu → entries, in the order in which they have to be made.

Menus and keys are those of RouterOS 7.21 (help.mikrotik.com, "RouterOS": WireGuard, IP Address, IP Routing, Filter, Services, NTP).
Values are canonical, as the router itself prints them (``25s``, no ``/32`` behind a host's address in a filter; what is yes or no is a
boolean), so that a comparison with what is there finds nothing when nothing differs. Everything of ours carries a comment that
begins with ``unde:``; what is there besides was made by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..model import Estate
from . import firewall, routes, tunnels
from .flows import Flows

Entry = dict[str, str | bool]
OURS = "unde: "
#: Lists of interfaces and addresses, of which rules speak.
TUNNELS, MANAGEMENT, BEHIND, ESTATE = "unde-tunnels", "unde-management", "unde-behind-tunnels", "unde-estate"
#: Services of RouterOS that nobody needs here.
UNUSED = ("telnet", "ftp", "www", "www-ssl", "api", "ssh")
#: Services by which it is managed: RouterOS's name → TCP port.
MANAGED = {"winbox": 8291, "api-ssl": 8729}
ICMP = ("0:0", "3:0-255", "8:0", "11:0-255", "12:0-255")
PEERS = "interface wireguard peers"
DNS = 53
#: Entries of ports and ranges that one rule takes (help.mikrotik.com, "Filter": as iptables' multiport).
PORTS_AT_MOST = 15
#: Refused connections are told of at most so often; the rest are counted.
TELL_AT_MOST = "10/1m,20:packet"


@dataclass(frozen=True)
class Menu:
    """One menu.

    Attributes:
        path: as the API has it, ``ip firewall filter``.
        entries: what is in it, in order.
        settings: what is set where a menu is one thing.
        fixed: name of an entry that is always there → what is set on it.
        ordered: whether the order of the entries matters.
        shared: whether others' entries are of no concern, so that nobody looks for them.

    """

    path: str
    entries: list[Entry] = field(default_factory=list)
    settings: Entry = field(default_factory=dict)
    fixed: Mapping[str, Entry] = field(default_factory=dict)
    ordered: bool = False
    shared: bool = False


def configuration(estate: Estate, host: str) -> list[Menu]:
    """Return the whole configuration of a gateway but the public keys of its peers (``with_keys``)."""
    # Where the gateway calls (a tunnel between two gateways), it is an end like any other; this one answers.
    ends = [end for end in tunnels.ends_of(estate, host) if end.listen_port is not None]
    lists, rules = _forwarding(estate, host)
    managers = management(estate, host)
    return [
        Menu("system identity", settings={"name": host}),
        Menu("interface list", [{"name": TUNNELS, "comment": f"{OURS}all tunnels"}], shared=True),
        Menu("interface wireguard", [
            {"name": end.interface, "listen-port": str(end.listen_port), "mtu": str(end.mtu), "comment": f"{OURS}{end.far_host}"} for end in ends
        ]),
        Menu("interface list member", [
            {"list": TUNNELS, "interface": end.interface, "comment": f"{OURS}{end.far_host}"} for end in ends
        ]),
        Menu(PEERS, [
            {"name": end.far_host, "interface": end.interface, "allowed-address": ",".join(end.allowed_ips), "responder": True,
             "comment": f"{OURS}{end.far_host}"}
            for end in ends
        ]),
        Menu("ip address", [
            {"address": end.address, "network": end.far_address, "interface": end.interface, "comment": f"{OURS}{end.far_host}"} for end in ends
        ]),
        Menu("ip route", [
            {"dst-address": route, "gateway": end.interface, "comment": f"{OURS}{end.far_host}"} for end in ends for route in end.routes
        ]),
        Menu("ip firewall address-list", [*_lists(estate, host, ends, managers), *lists]),
        Menu("ip firewall raw", list(_spoofed(ends)), ordered=True),
        Menu("ip firewall mangle", [
            {"chain": "forward", "action": "change-mss", "new-mss": "clamp-to-pmtu", "passthrough": True, "protocol": "tcp", "tcp-flags": "syn",
             "out-interface-list": TUNNELS, "comment": f"{OURS}a tunnel is narrower than the networks on both sides"},
        ], ordered=True),
        # Whatever masquerading somebody adds behind it: between our hosts real addresses stay as they are.
        Menu("ip firewall nat", [
            {"chain": "srcnat", "action": "accept", "src-address-list": ESTATE, "dst-address-list": ESTATE,
             "comment": f"{OURS}real addresses end to end"},
        ], ordered=True),
        Menu("ip firewall filter", [*_input(estate, host, managers), *rules], ordered=True),
        Menu("ip service", fixed={
            **{name: {"disabled": True} for name in UNUSED},
            **{name: {"disabled": False, "port": str(port), "address": ",".join(managers)} for name, port in MANAGED.items()},
        }),
        Menu("tool mac-server", settings={"allowed-interface-list": "none"}),
        Menu("tool mac-server mac-winbox", settings={"allowed-interface-list": "none"}),
        Menu("ip neighbor discovery-settings", settings={"discover-interface-list": "none"}),
        Menu("tool bandwidth-server", settings={"enabled": False}),
        *([Menu("ip dns", settings={"servers": ",".join(resolvers)})] if (resolvers := _resolvers(estate)) else []),
        Menu("system ntp client", settings={"enabled": True, "servers": "pool.ntp.org"}),
        Menu("system logging", [{"topics": "firewall", "action": "memory", "prefix": "unde"}], shared=True),
        Menu("system scheduler", [
            {"name": "unde-export", "interval": "1d", "on-event": "/export file=unde", "comment": f"{OURS}what the router is, every day"},
        ]),
    ]


def with_keys(menus: Iterable[Menu], keys: Mapping[str, str]) -> list[Menu]:
    """Return a configuration with the public keys of tunnels' far ends; a tunnel without one gets no peer."""
    return [
        replace(menu, entries=[{**entry, "public-key": keys[str(entry["interface"])]} for entry in menu.entries if entry["interface"] in keys])
        if menu.path == PEERS else menu
        for menu in menus
    ]


def _resolvers(estate: Estate) -> list[str]:
    """Return the name servers that the layout knows by their addresses; a router finds its time servers by name."""
    services = estate.layout.services.values()
    return list(dict.fromkeys(
        _bare(str(network)) for service in services if service.external and DNS in service.ports for network in service.networks if network.size == 1
    ))


def management(estate: Estate, host: str) -> list[str]:
    """Return the networks that the gateway is managed from; none: from anywhere.

    They are those of the flows' people, the hosts of ours that the flows name, and, where the router is a guest, its host.
    """
    outside = operators(estate, host)
    gateway = estate.layout.sites[estate.gateways[host]].gateway
    # By nobody known it is managed by anybody, or nobody could mend it.
    return [*outside, *([f"{gateway.guests_host}/32"] if outside and gateway and gateway.guests else [])]


def operators(estate: Estate, host: str) -> list[str]:
    """Return the networks from which the flows let the gateway be managed."""
    flows = Flows(estate)
    openings = [each for each in firewall.inbound(flows, estate.hosts[host]) if set(each.ports) & set(MANAGED.values())]
    return list(dict.fromkeys(f"{peer}" if "/" in peer else f"{peer}/32" for each in openings for peer in each.peers))


def behind(estate: Estate, host: str) -> list[str]:
    """Return the networks that a gateway's tunnels lead to: the other sites, and the tunnels' own addresses."""
    return [*map(str, routes.other_sites(estate, estate.gateways[host])), str(estate.layout.tunnels.network)]


def _lists(estate: Estate, host: str, ends: list[tunnels.TunnelEnd], managers: list[str]) -> Iterator[Entry]:
    """Yield the address lists that are not a flow's own."""
    own = [str(network) for network in estate.layout.sites[estate.gateways[host]].networks.values()]
    for each in behind(estate, host):
        yield {"list": BEHIND, "address": each, "comment": f"{OURS}behind tunnels"}
    for each in (*behind(estate, host), *own):
        yield {"list": ESTATE, "address": each, "comment": f"{OURS}ours"}
    for each in managers:
        yield {"list": MANAGEMENT, "address": _bare(each), "comment": f"{OURS}managers"}
    for end in ends:
        for each in end.allowed_ips:
            yield {"list": f"unde-from-{end.interface}", "address": _bare(each), "comment": f"{OURS}{end.far_host}"}


def _base(chain: str) -> list[Entry]:
    """Return what every chain begins with."""
    icmp: list[Entry] = [
        {"chain": chain, "action": "accept", "protocol": "icmp", "icmp-options": each, "comment": f"{OURS}icmp"} for each in ICMP
    ]
    return [
        {"chain": chain, "action": "accept", "connection-state": "established,related,untracked", "comment": f"{OURS}established"},
        {"chain": chain, "action": "drop", "connection-state": "invalid", "comment": f"{OURS}invalid"},
        *icmp,
    ]


def _rest(chain: str) -> list[Entry]:
    """Return what every chain ends with."""
    return [
        {"chain": chain, "action": "log", "limit": TELL_AT_MOST, "log-prefix": "unde drop", "comment": f"{OURS}told"},
        {"chain": chain, "action": "drop", "comment": f"{OURS}no flow"},
    ]


def _input(estate: Estate, host: str, managers: list[str]) -> list[Entry]:
    """Return what may be opened towards the router itself."""
    restricted: Entry = {"src-address-list": MANAGEMENT} if managers else {}
    ports = [tunnel.port for tunnel in estate.tunnels_of[host] if tunnel.far == host]
    managed = ",".join(map(str, MANAGED.values()))
    rules: list[Entry] = [
        {"chain": "input", "action": "accept", "protocol": "udp", "dst-port": some, "in-interface-list": f"!{TUNNELS}", "comment": f"{OURS}tunnels"}
        for some in _ports(ports)
    ]
    rules.append({"chain": "input", "action": "accept", "protocol": "tcp", "dst-port": managed, "in-interface-list": f"!{TUNNELS}", **restricted,
                  "comment": f"{OURS}management"})
    return [*_base("input"), *rules, *_rest("input")]


def _spoofed(ends: list[tunnels.TunnelEnd]) -> Iterator[Entry]:
    """Yield the rules that drop what claims to come from where it cannot come from, before anything else looks at it."""
    for end in ends:
        yield {"chain": "prerouting", "action": "drop", "in-interface": end.interface, "src-address-list": f"!unde-from-{end.interface}",
               "comment": f"{OURS}spoofed {end.interface}"}
    yield {"chain": "prerouting", "action": "drop", "in-interface-list": f"!{TUNNELS}", "src-address-list": BEHIND,
           "comment": f"{OURS}spoofed, outside its tunnel"}


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
        ports: list[int] = rule["ports"]  # type: ignore[assignment]
        rules += [{**entry, "dst-port": some, "comment": f"{OURS}{rule['name']}"} for some in _ports(ports)]
    return lists, [*rules, *_rest("forward")]


def _ports(ports: Iterable[int]) -> list[str]:
    """Return ports as rules take them: neighbours as ranges, so many at most in one."""
    ranges: list[list[int]] = []
    for port in sorted(set(ports)):
        if ranges and port == ranges[-1][1] + 1:
            ranges[-1][1] = port
        else:
            ranges.append([port, port])
    written = [str(first) if first == last else f"{first}-{last}" for first, last in ranges]
    return [",".join(written[start:start + PORTS_AT_MOST]) for start in range(0, len(written), PORTS_AT_MOST)]


def _bare(network: str) -> str:
    """Return an address as RouterOS prints it: a host without its prefix length."""
    return network.removesuffix("/32")
