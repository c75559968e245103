"""Lay a second file, or single values, over a layout: what a laboratory or a what-if question changes.

An overlay has the layout's own shape and holds only what differs. Under ``hosts`` the key ``"*"`` stands for every
host that the layout types; the key ``vars`` holds variables for Ansible alone. Mappings merge key by key; everything else replaces.
"""

from __future__ import annotations

from typing import Any

import yaml

from ..errors import UnreadableLayout
from .source import DataPath, Position, Source, walk

EVERY_HOST = "*"


def lay_over(source: Source, overlay: Source) -> Source:
    """Return a new source: ``source`` with ``overlay`` merged over it, each value keeping its own position."""
    changes = dict(overlay.data)
    variables = {**source.variables, **(changes.pop("vars", None) or {})}
    merged = Source(source.file, source.data, dict(source.positions), [*source.findings, *overlay.findings], variables)
    hosts = dict(changes.get("hosts") or {})
    every = hosts.pop(EVERY_HOST, None)
    if every is not None:
        names = [*(source.data.get("hosts") or {})]
        spread = {name: {**every, **(hosts.pop(name, None) or {})} for name in names}
        hosts = {**spread, **hosts}
    if "hosts" in changes:
        changes["hosts"] = hosts
    merged.data = _merge(source.data, changes)
    for path, _ in walk(changes):
        original = (path[0], EVERY_HOST, *path[2:]) if path[:1] == ("hosts",) and path not in overlay.positions else path
        if original in overlay.positions:
            merged.positions[path] = overlay.positions[original]
    return merged


def assign(source: Source, assignments: str) -> Source:
    """Return a new source with single values set: ``shards.count=2,sites.helsinki.gateway.engine=linux``.

    Raises:
        UnreadableLayout: an assignment has no ``=``, or its value is not YAML.

    """
    for assignment in filter(None, (part.strip() for part in assignments.split(","))):
        key, equals, value = assignment.partition("=")
        if not equals:
            raise UnreadableLayout(f"'{assignment}' sets nothing: write path=value, as in shards.count=2")
        try:
            tree: Any = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UnreadableLayout(f"'{assignment}': the value is not YAML") from error
        path: DataPath = tuple(key.strip().split("."))
        for part in reversed(path):
            tree = {part: tree}
        where = {path[:depth]: Position(f"({assignment})", 1) for depth in range(1, len(path) + 1)}
        source = lay_over(source, Source("(set)", tree, {path: where[path]}))
    return source


def _merge(below: Any, above: Any) -> Any:
    """Return ``below`` with ``above`` over it; neither is changed."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    result = dict(below)
    for key, value in above.items():
        result[key] = _merge(below[key], value) if key in below else value
    return result
