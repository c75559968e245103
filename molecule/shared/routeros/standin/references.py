"""Which arguments speak of other items by name: they are checked, follow a renaming, and keep an identifier when the item is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import interfaces
from .errors import unmatched

if TYPE_CHECKING:
    from .router import Router

FIREWALL = tuple(f"ip firewall {table}" for table in ("filter", "mangle", "nat", "raw"))
#: (menu, argument) → whose name it is.
REFERENCES = {
    ("interface wireguard peers", "interface"): "interface",
    ("interface list member", "interface"): "interface",
    ("interface list member", "list"): "interface list",
    ("interface list", "include"): "interface list",
    ("interface list", "exclude"): "interface list",
    ("ip address", "interface"): "interface",
    ("ip dhcp-client", "interface"): "interface",
    ("ip neighbor discovery-settings", "discover-interface-list"): "interface list",
    ("ip service", "certificate"): "certificate",
    ("system logging", "action"): "system logging action",
    ("tool mac-server", "allowed-interface-list"): "interface list",
    ("tool mac-server mac-winbox", "allowed-interface-list"): "interface list",
    ("user", "group"): "user group",
    **{(table, f"{way}-interface"): "interface" for table in FIREWALL for way in ("in", "out")},
    **{(table, f"{way}-interface-list"): "interface list" for table in FIREWALL for way in ("in", "out")},
}
#: What a name may be although no item has it.
ALWAYS = {"certificate": ("none",)}


def names(router: Router, kind: str) -> list[str]:
    """Return the names that items of a menu have."""
    if kind == "interface":
        return interfaces.names(router)
    return [row["name"] for row in router.table(kind).rows]


def require(router: Router, kind: str, field: str, value: str) -> None:
    """Refuse a name that no item has."""
    known = (*names(router, kind), *ALWAYS.get(kind, ()))
    if any(name.removeprefix("!") not in known for name in value.split(",") if value):
        raise unmatched(field)


def rename(router: Router, path: str, old: str, new: str) -> None:
    """Let what speaks of an item speak of its new name."""
    kind = "interface" if path in interfaces.MENUS else path
    for (menu, field), target in REFERENCES.items():
        if target != kind:
            continue
        for row in router.table(menu).rows:
            parts = row.get(field, "").split(",")
            if any(part.removeprefix("!") == old for part in parts):
                replaced = [part[: len(part) - len(old)] + new if part.removeprefix("!") == old else part for part in parts]
                row[field] = "none" if kind == "certificate" and new.startswith("*") else ",".join(replaced)
