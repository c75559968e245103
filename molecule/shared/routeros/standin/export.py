"""The router as a script of its own commands: what differs from a new router, without secrets unless asked for."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from .secret import SENSITIVE
from .table import Row, Table

if TYPE_CHECKING:
    from .router import Router

#: RouterOS exports neither users nor certificates nor files; the others have nothing to configure.
LEFT_OUT = {"certificate", "file", "interface", "system license", "system resource", "user", "user active"}


def script(router: Router, sensitive: bool) -> str:
    """Return the script."""
    lines = [f"# {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} by RouterOS {router.schema.version} (stand-in)"]
    for path in sorted(router.schema.menus.keys() - LEFT_OUT):
        table = router.table(path)
        if commands := _commands(table, sensitive):
            lines += [f"/{path}", *commands]
    return "\n".join([*lines, ""])


def _commands(table: Table, sensitive: bool) -> list[str]:
    new = Table(table.router, table.menu, table.behaviour).rows
    if table.menu.single or "add" not in table.menu.commands:
        before, now = ({"" if table.menu.single else row["name"]: row for row in rows} for rows in (new, table.rows))
        return [
            _line("set", [name] if name else [], changed) for name, row in now.items()
            if (changed := _changed(table, row, before.get(name, {}), sensitive))
        ]  # fmt: skip
    kept = [_plain(table, row) for row in new]
    return [
        _line("add", [], _changed(table, row, {name: field.default for name, field in table.menu.fields.items() if field.default is not None}, sensitive))
        for row in table.rows if _plain(table, row) not in kept
    ]  # fmt: skip


def _plain(table: Table, row: Row) -> Row:
    return {name: value for name, value in row.items() if name in table.menu.fields}


def _changed(table: Table, row: Row, before: Row, sensitive: bool) -> Row:
    return {name: value for name, value in sorted(_plain(table, row).items()) if before.get(name) != value and (sensitive or name not in SENSITIVE)}


def _line(verb: str, names: list[str], values: Row) -> str:
    return " ".join([verb, *names, *(f"{name}={_quoted(value)}" for name, value in values.items())])


def _quoted(value: str) -> str:
    value = {"true": "yes", "false": "no"}.get(value, value)
    if re.fullmatch(r"[\w.:/,!*-]+", value):
        return value
    return '"' + re.sub(r'(["\\$?])', r"\\\1", value).replace("\n", "\\n").replace("\r", "\\r") + '"'
