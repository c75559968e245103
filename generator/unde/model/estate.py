"""The layout with its templates expanded: every host and every tunnel as an object, shards' included.

Addresses come from stable numbers in the layout, never from a position in a list: number n of a pool stands at
``base + n`` (``zero`` for number 0 where it is given), slot s of the tunnels owns the s-th /24 of their network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from typing import Any, TypeVar

from netaddr import IPAddress

from ..errors import Finding, InvalidLayout, nearest
from .roles import ENGINES, EVERYWHERE, ROLES
from .schema import Gateway, HostKind, Layout, Pool, ShardHost, ShardTunnel, ShardVariant, Site, Tunnel
from .source import DataPath, Source
from .types import SLOT

Role = str


@dataclass(frozen=True)
class HostView:
    """One host, typed in the layout or derived from the shards' templates.

    Attributes:
        kind: size, price, state and the rest that typed hosts and templates share.
        roles: all roles in the order in which they run: base, implied ones, the typed ones.
        adopt: all roles that may touch the host while it is not ``create``, implied ones included.
        shard: the shard's number, where it is a member of one.
        member: ``primary`` or ``replica`` at first; later Patroni decides.
        path: where the host comes from in the layout.

    """

    name: str
    kind: HostKind
    address: IPAddress
    public_address: IPAddress | None
    path: DataPath
    roles: tuple[Role, ...] = ()
    adopt: tuple[Role, ...] = ()
    shard: int | None = None
    member: str | None = None

    @property
    def site(self) -> str:
        """The name of the host's site."""
        return self.kind.site

    @property
    def ours(self) -> bool:
        """Whether the host is ours to build, so that roles may initialize and restart without asking."""
        return self.kind.state == "create"

    def may(self, role: Role) -> bool:
        """Return whether a role may touch this host (the guard of the contract)."""
        return role in self.roles and (self.ours or role in self.adopt)


@dataclass(frozen=True)
class TunnelView:
    """One WireGuard tunnel with everything that follows from its slot."""

    name: str
    near: str
    far: str
    slot: int
    near_address: IPAddress
    far_address: IPAddress
    port: int
    gb_day: float | None
    purpose: str
    path: DataPath

    def other(self, host: str) -> str:
        """Return the host at the other end."""
        return self.far if host == self.near else self.near

    def address_of(self, host: str) -> IPAddress:
        """Return the tunnel address of one of the two ends."""
        return self.near_address if host == self.near else self.far_address


View = TypeVar("View", HostView, TunnelView)
Derived = TypeVar("Derived")


@dataclass(frozen=True)
class Estate:
    """The expanded layout: what checks and plan work on."""

    layout: Layout
    source: Source
    hosts: dict[str, HostView]
    tunnels: dict[str, TunnelView]

    @cached_property
    def derived(self) -> dict[Callable[[Estate], Any], Any]:
        """What was derived of it so far, by the functions that do it (`once`)."""
        return {}

    @cached_property
    def by_role(self) -> dict[Role, tuple[HostView, ...]]:
        """Hosts of each role, in the order of the layout."""
        return {role: tuple(host for host in self.hosts.values() if role in host.roles) for role in ROLES}

    @cached_property
    def by_site(self) -> dict[str, tuple[HostView, ...]]:
        """Hosts of each site, in the order of the layout."""
        return {site: tuple(host for host in self.hosts.values() if host.site == site) for site in self.layout.sites}

    @cached_property
    def tunnels_of(self) -> dict[str, tuple[TunnelView, ...]]:
        """Tunnels that end on each host."""
        found: dict[str, list[TunnelView]] = {name: [] for name in self.hosts}
        for tunnel in self.tunnels.values():
            for end in dict.fromkeys((tunnel.near, tunnel.far)):
                if end in found:
                    found[end].append(tunnel)
        return {name: tuple(tunnels) for name, tunnels in found.items()}

    @cached_property
    def places(self) -> dict[str, int]:
        """Host → its place in the order of the layout."""
        return {name: place for place, name in enumerate(self.hosts)}

    @cached_property
    def shards(self) -> dict[int, tuple[HostView, ...]]:
        """Hosts of each shard, in the order of the layout."""
        found: dict[int, list[HostView]] = {}
        for host in self.hosts.values():
            if host.shard is not None:
                found.setdefault(host.shard, []).append(host)
        return {number: tuple(members) for number, members in found.items()}

    @cached_property
    def gateways(self) -> dict[str, str]:
        """Gateway host → its site."""
        return {site.gateway.host: name for name, site in self.layout.sites.items() if site.gateway}

    def port(self, service: str) -> int:
        """Return the (first) port of one of the services that the plan itself relies on."""
        return self.layout.services[service].ports[0]

    def site_of(self, host: str) -> Site:
        """Return the site of a host."""
        return self.layout.sites[self.hosts[host].site]

    def rtt_ms(self, one: str, other: str) -> float:
        """Return the round-trip time between two sites, milliseconds; 0 within a site."""
        if one == other:
            return 0.0
        return next(link.rtt_ms for link in self.layout.links.values() if set(link.between) == {one, other})


def once(derive: Callable[[Estate], Derived]) -> Callable[[Estate], Derived]:
    """Have a function of an estate compute its result once and keep it there; nobody changes what it returns."""

    @wraps(derive)
    def kept(estate: Estate) -> Derived:
        if derive not in estate.derived:
            estate.derived[derive] = derive(estate)
        result: Derived = estate.derived[derive]
        return result

    return kept


def expand(layout: Layout, source: Source) -> Estate:
    """Expand the templates of a layout.

    Raises:
        InvalidLayout: a template names an unknown pool or one that is exhausted, a slot has no place, or a derived name is taken.

    """
    hosts = {
        name: HostView(name, host, host.address, host.public_address, ("hosts", name)) for name, host in layout.hosts.items()
    }
    findings = list(_slot_findings(layout, source))
    if findings:
        raise InvalidLayout(findings)
    tunnels = {
        name: _tunnel(layout, name, tunnel.near, tunnel.far, tunnel.slot, tunnel, ("tunnels", "peers", name))
        for name, tunnel in layout.tunnels.peers.items()
    }
    findings = list(_pool_findings(layout, source))
    if findings:
        raise InvalidLayout(findings)
    for number in range(layout.shards.count):
        primary = _shard_host(layout, layout.shards.primary, number, "primary")
        replica = _shard_host(layout, layout.shards.replica, number, "replica")
        findings += [*_claim(hosts, primary, "host", source), *_claim(hosts, replica, "host", source)]
        if layout.shards.tunnel:
            findings += _claim(tunnels, _shard_tunnel(layout, layout.shards.tunnel, number, primary.name), "tunnel", source)
    if findings:
        raise InvalidLayout(findings)
    ends = {end for tunnel in tunnels.values() for end in (tunnel.near, tunnel.far)}
    gateways = {site.gateway.host: site.gateway for site in layout.sites.values() if site.gateway}
    hosts = {name: _with_roles(host, name in ends, gateways.get(name)) for name, host in hosts.items()}
    return Estate(layout, source, hosts, tunnels)


def resized(estate: Estate, shards: int) -> Estate:
    """Return the estate with another number of shards.

    Raises:
        InvalidLayout: a pool has no room for them.

    """
    layout = estate.layout.model_copy(update={"shards": estate.layout.shards.model_copy(update={"count": shards})})
    return expand(layout, estate.source)


def _pool_findings(layout: Layout, source: Source) -> Iterator[Finding]:
    """Yield what is wrong with the pools that the shards' templates draw from."""
    shards = layout.shards
    drawn = [("primary", shards.primary.pool, "address"), ("replica", shards.replica.pool, "address")]
    if shards.tunnel:
        drawn.append(("tunnel", shards.tunnel.pool, "slot"))
    for key, name, kind in drawn:
        pool = layout.pools.get(name)
        if pool is None or pool.kind != kind:
            fitting = [each for each, candidate in layout.pools.items() if candidate.kind == kind]
            path = ("shards", key, "pool")
            yield source.finding(path, "reference-pool", f"'{name}' is not a pool of kind {kind}", nearest(name, fitting))
        elif shards.count - 1 > pool.size:
            yield source.finding(
                ("shards", "count"), "pool-exhausted", f"{shards.count} shards, but the pool '{name}' ends at shard {pool.size}",
                f"at most {pool.size + 1} shards, or enlarge pools.{name}.size",
            )


def _slot_findings(layout: Layout, source: Source) -> Iterator[Finding]:
    """Yield the tunnels, and the rows of them, that run beyond the last slot."""
    last = layout.tunnels.last_slot
    typed = [(("tunnels", "peers", name, "slot"), f"tunnel '{name}' has", tunnel.slot) for name, tunnel in layout.tunnels.peers.items()]
    rows = [
        (("pools", name, "size"), f"pool '{name}' runs to", int(pool.base) + pool.size) for name, pool in layout.pools.items() if pool.kind == "slot"
    ]
    for path, whose, slot in [*typed, *rows]:
        if slot > last:
            yield source.finding(
                path, "slot-beyond", f"{whose} slot {slot}, but the last one of {layout.tunnels.network} from port {layout.tunnels.base_port} on is {last}",
                "choose a lower slot, or widen tunnels.network",
            )


def _claim(known: dict[str, View], derived: View, what: str, source: Source) -> Iterator[Finding]:
    """Add what follows from the shards to what is known; yield a finding when its name is taken."""
    if derived.name in known:
        yield source.finding(
            known[derived.name].path, "name-taken", f"the {what} '{derived.name}' follows from 'shards' already",
            "remove it here, or change the template's name",
        )
    known[derived.name] = derived


def _with_roles(host: HostView, tunnel_end: bool, gateway: Gateway | None) -> HostView:
    """Return the host with base, tunnel, disk and implied roles added to those that the layout types, and the gateway's engine for its role."""
    engine = {"gateway": ENGINES[gateway.engine]} if gateway else {}

    def closed(roles: list[Role]) -> tuple[Role, ...]:
        ordered: list[Role] = []
        for role in roles:
            ordered += [each for each in engine.get(role, (*ROLES[role].implies, role)) if each not in ordered]
        return tuple(ordered)

    # A server that is itself the router runs nothing of ours.
    everywhere: list[Role] = [] if gateway and gateway.bare else [*EVERYWHERE]
    tunnel: list[Role] = ["wireguard_peer"] if tunnel_end and gateway is None else []
    disk: list[Role] = ["luks"] if host.kind.encrypted_disk else []
    # A host that takes part in the estate's clusters cannot do so without its tunnel: adopting one role adopts the tunnel.
    adopted = [*(tunnel if host.kind.adopt else []), *host.kind.adopt]
    return replace(host, roles=closed([*everywhere, *tunnel, *disk, *host.kind.roles]), adopt=closed(adopted))


def _place(pool: Pool, number: int) -> int:
    """Return the place of a number in a pool, an address as a number too."""
    return int(pool.zero) if number == 0 and pool.zero is not None else int(pool.base) + number


def _shard_host(layout: Layout, template: ShardHost, number: int, member: str) -> HostView:
    """Return the host that follows from a template for one shard."""
    variants = [template.starting[start] for start in sorted(template.starting) if start <= number]
    if number in template.only:
        variants.append(template.only[number])
    changes: dict[str, Any] = {}
    for variant in variants:
        changes |= {key: getattr(variant, key) for key in ShardVariant.model_fields if key in variant.model_fields_set}
    public: IPAddress | None = changes.pop("public_address", None)
    return HostView(
        template.name.format(n=number), template.model_copy(update=changes), IPAddress(_place(layout.pools[template.pool], number), 4),
        public, ("shards", member), shard=number, member=member,
    )


def _shard_tunnel(layout: Layout, template: ShardTunnel, number: int, primary: str) -> TunnelView:
    """Return the tunnel of a shard's primary."""
    slot = _place(layout.pools[template.pool], number)
    return _tunnel(layout, template.interface.format(n=number), primary, template.far, slot, template, ("shards", "tunnel"))


def _tunnel(layout: Layout, name: str, near: str, far: str, slot: int, typed: Tunnel | ShardTunnel, path: DataPath) -> TunnelView:
    """Return a tunnel with the addresses and the port of its slot."""
    common = layout.tunnels
    block = common.network.first + slot * SLOT
    return TunnelView(
        name, near, far, slot,
        IPAddress(block + common.near_octet, 4), IPAddress(block + common.far_octet, 4),
        common.base_port + slot, typed.gb_day, typed.purpose, path,
    )
