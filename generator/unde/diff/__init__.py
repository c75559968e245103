"""What a change of the layout will do, before it is done: host by host, and in the plan."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Estate
from ..plan import cost, flows, inventory, scrape
from .effects import Effect, Effects, Refusal, find, load
from .hosts import Consequence, HostChange, compare
from .refusals import Refused

__all__ = ["Consequence", "Difference", "Effect", "Effects", "HostChange", "Item", "Refusal", "Refused", "between", "find", "load"]


@dataclass(frozen=True)
class Item:
    """Something of the plan that is added, removed or changed; ``old`` and ``new`` are how it is written."""

    kind: str
    name: str
    old: str | None
    new: str | None

    @property
    def change(self) -> str:
        """``added``, ``removed`` or ``changed``."""
        return "added" if self.old is None else "removed" if self.new is None else "changed"


@dataclass(frozen=True)
class Difference:
    """Everything that a change does.

    Attributes:
        items: tunnels, firewall rules, scrape targets, in this order.
        cost: EUR a month before and after, of the lines whose price is known.

    """

    hosts: tuple[HostChange, ...]
    items: tuple[Item, ...]
    cost: tuple[float, float]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.hosts and not self.items and self.cost[0] == self.cost[1]


def between(old: Estate, new: Estate, effects: Effects) -> Difference:
    """Return what it does to go from one estate to another."""
    hosts = compare((old, inventory.build(old)), (new, inventory.build(new)), effects)
    items = [
        *_items("tunnel", _tunnels(old), _tunnels(new)), *_items("rule", _rules(old), _rules(new)), *_items("target", _targets(old), _targets(new)),
    ]
    return Difference(tuple(hosts), tuple(items), (cost.total(old), cost.total(new)))


def _items(kind: str, old: dict[str, str], new: dict[str, str]) -> list[Item]:
    """Return what is in one of two mappings only, or another value in both."""
    return [Item(kind, name, old.get(name), new.get(name)) for name in {**old, **new} if old.get(name) != new.get(name)]


def _tunnels(estate: Estate) -> dict[str, str]:
    """Return each tunnel with its ends and its port."""
    return {
        name: f"{tunnel.near} {tunnel.near_address} → {tunnel.far} {tunnel.far_address}:{tunnel.port}, MTU {estate.layout.tunnels.mtu}"
        for name, tunnel in estate.tunnels.items()
    }


def _rules(estate: Estate) -> dict[str, str]:
    """Return what every gateway lets through, a rule for each caller, target and ports."""
    found = {}
    for connection in flows.Flows(estate).connections:
        ports = ",".join(map(str, connection.ports)) or "all ports"
        targets = [host.name for host in connection.targets] or [str(estate.layout.services[connection.service].external)]
        for caller in [*(host.name for host in connection.callers), *connection.outside_callers]:
            for target in targets:
                if target == caller:
                    continue
                found[f"{caller} → {target} {connection.service}"] = f"{connection.protocol} {ports}"
    return found


def _targets(estate: Estate) -> dict[str, str]:
    """Return every scrape target with its job."""
    return {f"{job.name}/{target}": job.scheme for job in scrape.jobs(estate) for target in job.targets}
