#!/usr/bin/env python3
"""Print what a RouterOS version knows, as JSON for the stand-in: dump_schema.py VERSION.

Two sources that were not written here: community.routeros's path data (keys, defaults, what can be unset; the modules judge by it) and
routeros-lsp's command database, read from a real CHR (commands, arguments, types of values, what is shown). A menu is known where both
know it, an argument where the real router has it.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from ansible_collections.community.routeros.plugins.module_utils._api_data import PATHS
from routeros_lsp.schema.schema import Schema

#: Menus that the modules do not manage, but a client asks or commands: known as far as the router's own database goes.
FURTHER = ("certificate", "file", "interface", "system resource", "system license", "user active")
#: Commands that are no menu's add, set or remove.
COMMANDS = (
    "certificate export-certificate", "certificate sign", "export", "file read", "system backup load", "system backup save", "system reboot",
    "system shutdown", "system script run",
)  # fmt: skip
#: Arguments that belong to the command, not to the item.
OF_COMMANDS = {"numbers", "copy-from", "place-before", "about"}
DURATION = re.compile(r"(\d+(w|d|h|m|s|ms))+")
DURATIONS = {"PersistentKeepalive", "ClientKeepalive", "Interval", "Timeout", "AddressListExtraTime", "InactivityTimeout"}
#: Their values are more than the words that the database lists.
OPEN = {"ttl", "new-ttl", "new-priority", "ipsec-policy", "subject-alt-name"}

Data = dict[str, Any]


def kind(name: str, argument: Data, default: object) -> Data:
    """Return what an argument's values are, from the router's own description."""
    text = str(argument.get("t", ""))
    words = [re.sub(r"\.0$", "", word) for word in argument.get("e", [])]
    negatable = {"negatable": True} if text.startswith("[!]") else {}
    numbers = re.search(r"(\d+)\.\.(\d+)", text)
    if words == ["no", "yes"]:
        return {"kind": "bool"}
    if text in DURATIONS or DURATION.fullmatch(str(default)):
        return {"kind": "duration"}
    if "IP address range" in text:
        return {"kind": "range", **negatable}
    if "IP prefix" in text or (text == "IPv4 | IPv6" and name.endswith("address")):
        return {"kind": "prefixes"}
    if "MAC address" in text:
        return {"kind": "mac", **negatable}
    if "Port; Range" in text:
        return {"kind": "ports", **negatable}
    if re.search(r"\[,\w+\*\]", text):
        return {"kind": "flags", "words": words[:-1] if re.match("[A-Z]", words[-1]) else words, **negatable}
    if text.startswith("Num; ") and numbers:
        return {"kind": "number", "least": int(numbers[1]), "most": int(numbers[2]), "words": words}
    if not text and len(words) > 1 and name not in OPEN:
        return {"kind": "word", "words": words}
    return {"kind": "text", **negatable}


def written(default: object, of_kind: str) -> str:
    """Return a default as the router shows it."""
    if isinstance(default, bool):
        return str(default).lower() if of_kind == "bool" else ("no", "yes")[default]
    return str(default)


def menu(path: str, node: Data, known: Any) -> Data:
    """Return one menu."""
    commands = {name: child.get("a", {}) for name, child in node["c"].items() if child.get("k")}
    arguments = {**commands.get("set", {}), **commands.get("add", {})}
    unset = (commands.get("unset", {}).get("value-name") or {}).get("e", [])
    fields = {}
    for name, argument in arguments.items():
        if name in OF_COMMANDS:
            continue
        info = known.fields.get(name) if known else None
        default = info.default if info else None
        field = kind(name, argument, default)
        if default is not None:
            field["default"] = written(default, field["kind"])
        if (info and info.can_disable) or name in unset:
            field["unset"] = True
        if info and info.remove_value is not None:
            field["removed_by"] = str(info.remove_value)
        if info and info.write_only:
            field["write_only"] = True
        fields[name] = field
    required = [name for name in node["c"].get("add", {}).get("r") or [] if name in fields]
    return {
        "path": path,
        "single": bool(known and known.single_value),
        "keys": list(known.primary_keys or []) if known else [],
        "required": [*required, *(name for name, info in (known.fields if known else {}).items() if info.required and name not in required)],
        "commands": sorted(commands),
        "shown": [name for name in (commands.get("print", {}).get("proplist") or {}).get("e", []) if name != "about"],
        "fields": fields,
    }


def schema(version: str) -> Data:
    """Return all that the version knows.

    Raises:
        SystemExit: the database is of another series.

    """
    database = Schema.bundled()
    series = version.split(".")[:2]
    if database is None or database.version.split(".")[:2] != series:
        raise SystemExit(f"The command database is RouterOS {database and database.version}; it says nothing about {version}")
    menus = {}
    commands = {}
    for command in COMMANDS:
        child = database.root
        for word in command.split():
            child = child["c"][word]
        commands[command] = {"arguments": sorted(child.get("a", {})), "required": child.get("r") or []}
    for path in sorted({*PATHS, *(tuple(each.split()) for each in FURTHER)}):
        node: Data | None = database.root
        for word in path:
            node = node["c"].get(word) if node and "c" in node else None
        if not node or "print" not in node.get("c", {}):
            continue
        data = PATHS.get(path)
        if data:
            data.provide_version(version)
        known = data._current if data else None
        if known or not data:
            menus[" ".join(path)] = menu(" ".join(path), node, known)
    return {"version": version, "database": database.version, "menus": menus, "commands": commands}


if __name__ == "__main__":
    json.dump(schema(sys.argv[1]), sys.stdout, separators=(",", ":"), sort_keys=True)
