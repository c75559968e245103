"""Which interfaces there are, and which of them are up or in a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .router import Router

MENUS = ("interface ethernet", "interface wireguard")
#: Lists that every router has.
BUILTIN = {
    "all": "contains all interfaces", "none": "contains no interfaces", "dynamic": "contains dynamic interfaces",
    "static": "contains static interfaces",
}  # fmt: skip


def names(router: Router) -> list[str]:
    """Return all of them."""
    return [row["name"] for path in MENUS for row in router.table(path).rows] + ["lo"]


def live(router: Router) -> set[str]:
    """Return those that are up."""
    return {row["name"] for path in MENUS for row in router.table(path).enabled()} | {"lo"}


def members_of(router: Router, name: str) -> set[str]:
    """Return the interfaces of a list; every interface here is a static one."""
    if name in BUILTIN:
        return set(names(router)) if name in ("all", "static") else set()
    row = router.table("interface list").find(name)[0]
    members = {each["interface"] for each in router.table("interface list member").enabled() if each["list"] == name}
    for other in filter(None, row.get("include", "").split(",")):
        members |= members_of(router, other)
    for other in filter(None, row.get("exclude", "").split(",")):
        members -= members_of(router, other)
    return members
