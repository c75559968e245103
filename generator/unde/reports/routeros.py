"""A RouterOS configuration as a script that ``/import`` takes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..plan.routeros import Entry, Menu

PLAIN = re.compile(r"[A-Za-z0-9_.,:/!-]+")


def quoted(value: str) -> str:
    """Return a value as a script has it: in quotes where it is more than a plain word."""
    if PLAIN.fullmatch(value):
        return value
    return '"' + re.sub(r'(["\\$?])', r"\\\1", value) + '"'


def _words(entry: Entry) -> str:
    said = {key: value if isinstance(value, str) else "yes" if value else "no" for key, value in entry.items()}
    return " ".join(f"{key}={quoted(value)}" for key, value in said.items())


def script(menus: Sequence[Menu], about: Sequence[str]) -> str:
    """Return the script; ``about`` stands above it as comments."""
    lines = [f"# {line}" for line in about]
    for menu in menus:
        body = [f"add {_words(entry)}" for entry in menu.entries]
        body += [f"set {_words(menu.settings)}"] * bool(menu.settings)
        body += [f"set [find name={name}] {_words(values)}" for name, values in menu.fixed.items()]
        if body:
            lines += ["", f"/{menu.path}", *body]
    return "\n".join(lines) + "\n"
