"""Lay a second file, or single values, over a layout: what a laboratory or a what-if question changes.

An overlay has the layout's own shape and holds only what differs. Under ``hosts`` the key ``"*"`` stands for every
host that the layout types; the key ``vars`` holds variables for Ansible alone. Mappings merge key by key; everything else replaces.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ..errors import UnreadableLayout, clipped
from .source import DataPath, Position, Source, dotted, parse, walk

EVERY_HOST = "*"
NUMBER = re.compile("0|[1-9][0-9]{0,8}")  #: a part of a path that is a key of numbers, as a day's


def lay_over(source: Source, overlay: Source) -> Source:
    """Return a new source: ``source`` with ``overlay`` merged over it, each value keeping its own position."""
    changes = dict(overlay.data)
    variables, findings = changes.pop("vars", None) or {}, [*source.findings, *overlay.findings]
    if not (isinstance(variables, dict) and all(isinstance(name, str) for name in variables)):
        findings.append(overlay.finding(("vars",), "schema-value", "not a mapping of names to values", "write name: value"))
        variables = {}
    if isinstance(changes.get("hosts"), dict):
        changes["hosts"] = _spread(source.data.get("hosts"), changes["hosts"])
    positions = dict(source.positions)
    for path, value in walk(changes):
        origin = (path[0], EVERY_HOST, *path[2:]) if path[:1] == ("hosts",) and path not in overlay.positions else path
        merely_entered = isinstance(value, dict) and path in positions
        if origin in overlay.positions and not merely_entered:
            positions[path] = overlay.positions[origin]
    positions |= {("vars", name): overlay.positions[("vars", name)] for name in variables if ("vars", name) in overlay.positions}
    return Source(source.file, _merge(source.data, changes), positions, findings, {**source.variables, **variables})


def _spread(typed: Any, changes: dict[Any, Any]) -> dict[Any, Any]:
    """Return the changes of hosts with those of ``"*"`` given to each host that the layout types."""
    every = changes.get(EVERY_HOST)
    if not (isinstance(every, dict) and isinstance(typed, dict)):
        return changes
    own = {name: change for name, change in changes.items() if name != EVERY_HOST}
    return {**{name: _merge(every, own.pop(name, {})) for name in typed}, **own}


def assign(source: Source, assignments: str) -> Source:
    """Return a new source with single values set: ``shards.count=2,sites.helsinki.gateway.engine=linux``.

    A comma divides assignments only where another ``path=`` follows, so that a value may be a list: ``[base, etcd]``.

    Raises:
        UnreadableLayout: an assignment has no ``=``, or its value is not YAML.

    """
    for assignment in filter(None, (part.strip() for part in re.split(r",(?=[^,=\[\]{}]*=|\s*$)", assignments))):
        key, equals, value = assignment.partition("=")
        if not equals or not key.strip():
            raise UnreadableLayout(f"'{clipped(assignment)}' sets nothing: write path=value, as in shards.count=2")
        path: DataPath = tuple(int(part) if NUMBER.fullmatch(part.strip()) else part.strip() for part in key.split("."))
        place = f"({clipped(assignment)})"
        try:
            read = parse(f"value: {value}", place)
        except UnreadableLayout as error:
            raise UnreadableLayout(f"'{clipped(assignment)}': the value is not YAML") from error
        if list(read.data) != ["value"]:
            raise UnreadableLayout(f"'{clipped(assignment)}': the value is not one value")
        tree: Any = read.data["value"]
        for part in reversed(path):
            tree = {part: tree}
        where = {path[:depth]: Position(place, 1) for depth in range(1, len(path))}
        where |= {(*path, *inner[1:]): replace(at, line=1) for inner, at in read.positions.items()}
        findings = [replace(finding, path=dotted(path) + finding.path.removeprefix("value"), line=1) for finding in read.findings]
        source = lay_over(source, Source("(set)", tree, where, findings))
    return source


def _merge(below: Any, above: Any) -> Any:
    """Return ``below`` with ``above`` over it; neither is changed."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    result = dict(below)
    for key, value in above.items():
        result[key] = _merge(below[key], value) if key in below else value
    return result
