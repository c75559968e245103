"""The layout with its templates expanded: every host and every tunnel as an object, shards' included.

Addresses come from stable numbers in the layout, never from a position in a list: number n of a pool stands at
``base + n`` (``zero`` for number 0 where it is given), slot s of the tunnels owns the s-th /24 of their network.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from netaddr import IPAddress, IPNetwork

from ..errors import InvalidLayout
from .roles import ROLES
from .schema import HostKind, Layout, Pool, ShardHost, ShardVariant, Site
from .source import DataPath, Source

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
    purpose: str
    path: DataPath

    def other(self, host: str) -> str:
        """Return the host at the other end."""
        return self.far if host == self.near else self.near

    def address_of(self, host: str) -> IPAddress:
        """Return the tunnel address of one of the two ends."""
        return self.near_address if host == self.near else self.far_address


@dataclass(frozen=True)
class Estate:
    """The expanded layout: what checks and plan work on."""

    layout: Layout
    source: Source
    hosts: dict[str, HostView]
    tunnels: dict[str, TunnelView]

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
        return {
            name: tuple(tunnel for tunnel in self.tunnels.values() if name in (tunnel.near, tunnel.far)) for name in self.hosts
        }

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


def place(pool: Pool, number: int) -> IPAddress | int:
    """Return the place of a number in a pool.

    Raises:
        ValueError: the number is beyond the pool.

    """
    if number > pool.size:
        raise ValueError(f"number {number} is beyond the pool's {pool.size}")
    if number == 0 and pool.zero is not None:
        return pool.zero
    return pool.base + number


def expand(layout: Layout, source: Source) -> Estate:
    """Expand the templates of a layout.

    Raises:
        InvalidLayout: a template names an unknown pool or one that is exhausted, or a derived name is taken.

    """
    findings = []
    hosts = {
        name: HostView(name, host, host.address, host.public_address, ("hosts", name)) for name, host in layout.hosts.items()
    }
    tunnels = {
        name: _tunnel(layout, name, tunnel.near, tunnel.far, tunnel.slot, tunnel.purpose, ("tunnels", "peers", name))
        for name, tunnel in layout.tunnels.peers.items()
    }
    shards = layout.shards
    for template, kind in ((shards.primary, "address"), (shards.replica, "address"), (shards.tunnel, "slot")):
        path: DataPath = ("shards", {id(shards.primary): "primary", id(shards.replica): "replica"}.get(id(template), "tunnel"), "pool")
        pool = layout.pools.get(template.pool)
        if pool is None or pool.kind != kind:
            known = ", ".join(name for name, each in layout.pools.items() if each.kind == kind)
            findings.append(source.finding(path, "reference-pool", f"'{template.pool}' is not a pool of {kind}s", f"one of: {known}"))
        elif shards.count - 1 > pool.size:
            findings.append(
                source.finding(("shards", "count"), "pool-exhausted",
                               f"{shards.count} shards, but the pool '{template.pool}' ends at shard {pool.size}",
                               f"at most {pool.size + 1} shards, or enlarge pools.{template.pool}.size")
            )
    if findings:
        raise InvalidLayout(findings)

    for number in range(shards.count):
        primary = _shard_host(layout, shards.primary, number, "primary")
        replica = _shard_host(layout, shards.replica, number, "replica")
        slot = place(layout.pools[shards.tunnel.pool], number)
        interface = shards.tunnel.interface.format(n=number)
        tunnel = _tunnel(layout, interface, primary.name, shards.tunnel.far, int(slot), shards.tunnel.purpose, ("shards", "tunnel"))
        for derived, known, what in ((primary, hosts, "host"), (replica, hosts, "host"), (tunnel, tunnels, "tunnel")):
            if derived.name in known:
                findings.append(
                    source.finding(known[derived.name].path, "name-taken", f"the {what} '{derived.name}' follows from 'shards' already",
                                   "remove it here, or change the template's name")
                )
            known[derived.name] = derived  # type: ignore[assignment]
    if findings:
        raise InvalidLayout(findings)

    ends = {end for tunnel in tunnels.values() for end in (tunnel.near, tunnel.far)}
    gateways = {site.gateway.host for site in layout.sites.values() if site.gateway}
    hosts = {name: _with_roles(host, name in ends and name not in gateways) for name, host in hosts.items()}
    return Estate(layout, source, hosts, tunnels)


def _with_roles(host: HostView, tunnel_end: bool) -> HostView:
    """Return the host with base, tunnel and implied roles added to those that the layout types."""

    def closed(roles: list[Role]) -> tuple[Role, ...]:
        ordered: list[Role] = []
        for role in roles:
            ordered += [implied for implied in (*ROLES[role].implies, role) if implied not in ordered]
        return tuple(ordered)

    tunnel: list[Role] = ["wireguard_peer"] if tunnel_end else []
    # A host that takes part in the estate's clusters cannot do so without its tunnel: adopting one role adopts the tunnel.
    adopted = [*(tunnel if host.kind.adopt else []), *host.kind.adopt]
    return replace(host, roles=closed(["base", *tunnel, *host.kind.roles]), adopt=closed(adopted))


def _shard_host(layout: Layout, template: ShardHost, number: int, member: str) -> HostView:
    """Return the host that follows from a template for one shard."""
    variants = [template.starting[start] for start in sorted(template.starting) if start <= number]
    if number in template.only:
        variants.append(template.only[number])
    changes: dict[str, object] = {}
    for variant in variants:
        changes |= {key: getattr(variant, key) for key in ShardVariant.model_fields if key in variant.model_fields_set}
    public = changes.pop("public_address", None)
    address = place(layout.pools[template.pool], number)
    kind = template.model_copy(update=changes)
    return HostView(
        template.name.format(n=number), kind, IPAddress(address), public, ("shards", member),  # type: ignore[arg-type]
        shard=number, member=member,
    )


def _tunnel(layout: Layout, name: str, near: str, far: str, slot: int, purpose: str, path: DataPath) -> TunnelView:
    """Return a tunnel with the addresses and the port of its slot."""
    common = layout.tunnels
    block = IPNetwork((common.network.first + slot * 256, 24))
    return TunnelView(
        name, near, far, slot,
        IPAddress(block.first + common.near_octet), IPAddress(block.first + common.far_octet),
        common.base_port + slot, purpose, path,
    )
