"""What can be lost, by name: ``host:X``, ``tunnel:X``, ``site:X``, ``link:A:B``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import WrongCall, nearest
from ..model import select
from .ways import Ways


@dataclass(frozen=True)
class Loss:
    """Something that is lost.

    Attributes:
        name: as on the command line.
        bits: what goes with it (see ``ways``): a site takes all its hosts.
        hosts: the hosts among that.

    """

    name: str
    bits: int
    hosts: tuple[str, ...] = ()


def every(ways: Ways) -> dict[str, Loss]:
    """Return everything that can be lost, by name: sites, links, hosts, tunnels, each in the order of the layout."""
    hosts: dict[str, tuple[str, ...]] = {f"host:{name}": (name,) for name in ways.estate.hosts}
    hosts |= {f"site:{name}": tuple(host.name for host in members) for name, members in ways.estate.by_site.items()}
    return {
        name: Loss(name, ways.bits.get(name) or sum(map(ways.host, hosts[name])), hosts.get(name, ())) for name in select.losable(ways.estate)
    }


def named(known: dict[str, Loss], names: Iterable[str]) -> tuple[Loss, ...]:
    """Return losses by their names; a link may be named from either end.

    Raises:
        WrongCall: a name is not known; the message says the nearest one.

    """
    result = []
    for name in names:
        kind, _, rest = name.partition(":")
        turned = ":".join(("link", *reversed(rest.split(":")))) if kind == "link" else name
        loss = known.get(name) or known.get(turned)
        if loss is None:
            raise WrongCall(f"'{name}' cannot be lost, it is not in the layout — {_hint(known, name)}")
        result.append(loss)
    return tuple(dict.fromkeys(result))


def _hint(known: dict[str, Loss], name: str) -> str:
    """Return how the name is to be mended: the same without its kind, the nearest of its kind, the nearest of all, or the form."""
    bare = [each for each in known if each.partition(":")[2] == name]
    if bare:
        return f"did you mean '{bare[0]}'?"
    same_kind = [each for each in known if each.startswith(f"{name.partition(':')[0]}:")]
    near = nearest(name, same_kind or known)
    return near if same_kind or near.startswith("did") else "write host:NAME, tunnel:NAME, site:NAME or link:SITE:SITE"
