"""A difference between two layouts as rows for programs and as text for people."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from ..diff import Consequence, Difference, HostChange, Item

Row = dict[str, Any]
SIGNS = {"added": "+", "removed": "-", "changed": "~", "told": "·"}
SHORT = 48  #: a longer value is not printed


def rows(difference: Difference) -> list[Row]:
    """Return one object for each host and each item of the plan that differs, and one for the cost."""
    found = [_host(change) for change in difference.hosts]
    found += [{"name": f"{item.kind}/{item.name}", "kind": item.kind, "change": item.change, "old": item.old, "new": item.new} for item in difference.items]
    if difference.cost[0] != difference.cost[1]:
        found.append({"name": "cost", "kind": "cost", "change": "changed", "old": difference.cost[0], "new": difference.cost[1]})
    return found


def _host(change: HostChange) -> Row:
    """Return a host's row."""
    return {
        "name": f"host/{change.name}", "kind": "host", "change": change.change, "touched": change.touched,
        "variables": {name: {"old": old, "new": new} for name, (old, new) in change.variables.items()},
        "facts": {name: {"old": old, "new": new} for name, (old, new) in change.facts.items()},
        "consequences": [
            {"role": each.role, "file": each.file, "service": each.service, "action": each.action, "because": list(each.because), "leader": each.leader}
            for each in change.consequences
        ],
        "held_back": list(change.held_back),
        "refused": [{"role": each.role, "because": list(each.because), "why": each.why, "way": each.way} for each in change.refused],
    }


def text(difference: Difference) -> str:
    """Return everything for people: hosts to which the same happens stand together."""
    alike: dict[tuple[str, ...], list[HostChange]] = {}
    for change in difference.hosts:
        alike.setdefault((change.change, *_lines(change)), []).append(change)
    blocks = ["\n".join(_hosts(same)) for same in alike.values()]
    for kind, same in groupby(difference.items, key=lambda item: item.kind):
        blocks.append("\n".join([f"{kind}s", *(f"  {_item(item)}" for item in same)]))
    old, new = difference.cost
    if old != new:
        blocks.append(f"cost\n  ~ €{old:,.2f} → €{new:,.2f} a month ({new - old:+,.2f})")
    return "\n\n".join(blocks)


def _hosts(changes: list[HostChange]) -> Iterator[str]:
    """Yield the lines of hosts to which the same happens."""
    names = [change.name for change in changes]
    yield f"{'!' if changes[0].refused else SIGNS[changes[0].change]} {', '.join(names)}" + ("" if len(names) == 1 else f"  ({len(names)} hosts)")
    yield from _lines(changes[0])


def _lines(change: HostChange) -> Iterator[str]:
    """Yield what happens on a host."""
    if change.change == "removed":
        yield "    leaves the inventory; what runs there is left alone"
    if change.change == "added":
        yield f"    new: {', '.join(each.role for each in change.consequences)}"
        return
    for refused in change.refused:
        yield f"    REFUSED by {refused.role} ({', '.join(refused.because)}): {refused.why}"
        yield f"      the way: {refused.way}"
    for each in change.consequences:
        yield f"    {_consequence(each)}"
    for name, (old, new) in {**change.facts, **change.variables}.items():
        yield f"      {name}{_values(old, new)}"
    if change.held_back:
        yield f"    may not be touched by {', '.join(change.held_back)}: not in the host's adopt list"


def _consequence(each: Consequence) -> str:
    """Return one line for one consequence."""
    words = {
        "start": f"{each.service or each.role} starts", "stop": f"{each.service} ends",
        "restart": f"{each.service} RESTARTS", "reload": f"{each.service} reloads",
        "restart waits": f"{each.service} waits for a restart, which needs -e unde_may_restart=true", "none": "",
    }
    done = [f"writes {each.file}" if each.file else "", words[each.action], "by the member that leads" if each.leader else ""]
    return f"{each.role}: {', '.join(filter(None, done))}"


def _values(old: object, new: object) -> str:
    """Return old and new value where they are short enough to read."""
    shown = f" {old} → {new}"
    return shown if len(shown) <= SHORT and not isinstance(old, (list, dict)) else ""


def _item(item: Item) -> str:
    """Return one line for something of the plan."""
    if item.change == "changed":
        return f"~ {item.name}: {item.old} ⇒ {item.new}"
    return f"{SIGNS[item.change]} {item.name}: {item.new or item.old}"
