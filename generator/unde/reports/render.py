"""How rows and findings reach a terminal or a program."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..errors import Finding
from .output import holds, show

__all__ = ["as_json", "as_json_lines", "as_lines", "as_table", "findings_as_rows", "show"]

Row = dict[str, Any]

#: What a table leaves out: it can be read off other columns, and JSON has it.
NOT_IN_TABLES = {"groups", "purpose", "scheme"}


def as_json(rows: Sequence[Row]) -> str:
    """Return rows as indented JSON, in their own order."""
    return _encodable(list(rows), indent=2)


def _encodable(value: Any, indent: int | None = None) -> str:
    """Return a value as JSON; where standard output lacks a character, it is written as JSON's escape."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return text if holds(text) else json.dumps(value, indent=indent)


def as_json_lines(rows: Sequence[Row]) -> str:
    """Return rows as JSON with a line for each: for listings of thousands."""
    return "[\n" + ",\n".join(_encodable(row) for row in rows) + "\n]" if rows else "[]"


def as_lines(title: str, rows: Sequence[Row]) -> str:
    """Return rows as aligned columns without colour or folding: for listings of thousands, which a table draws slowly."""
    lines = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)] if rows else []
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join([title, *("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)])


def findings_as_rows(findings: Sequence[Finding]) -> list[Row]:
    """Return findings as the contract's objects."""
    keys = ("level", "rule", "file", "line", "path", "message", "fix")
    return [{key: values[key] for key in keys} for values in map(asdict, findings)]


def _cell(value: Any) -> str:
    """Return a value as a table shows it."""
    if value is None:
        return "–"
    if isinstance(value, dict):
        return "\n".join(f"{key} {inner}" for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return "\n".join(map(str, value)) if len(value) <= 3 else ", ".join(map(str, value))
    return str(value)


def as_table(title: str, rows: Sequence[Row]) -> str:
    """Return rows as a table; colour only where the terminal has it, no truncation where there is none."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    columns = [column for column in (rows[0] if rows else {}) if column not in NOT_IN_TABLES]
    table = Table(title=title, title_justify="left", header_style="bold", row_styles=["", "dim"], box=None, pad_edge=False)
    for column in columns:
        numeric = all(isinstance(row[column], (int, float, type(None))) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    with console.capture() as captured:
        console.print(table)
    return captured.get().rstrip("\n")
