#!/usr/bin/env python3
"""Compare two manifests of a host; say what differs and may not, and fail if anything does.

    compare.py BEFORE AFTER <REPORT

REPORT is that of the first contact, or {}: then nothing may differ. What may differ follows from it: the files that it lists and what is below directories
that it lists, the files of the packages that it lists, links that enable the units that it lists, and the books that dpkg and apt keep of an installation.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

#: Kept by dpkg and apt, and written by an installation; accounts, where a package brings its user.
BOOKS = ("/var/lib/dpkg/", "/var/lib/apt/", "/var/cache/", "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/ld.so.cache", "/var/lib/ucf/")


def may_differ(report: dict[str, Any], owned: list[str], path: str) -> bool:
    """Tell whether the report foretold that a path changes."""
    if path in report["files"] or any(path.startswith(f"{named}/") for named in report["files"]):
        return True
    if path in owned or (report["installed"] and path.startswith(BOOKS)):
        return True
    if any(path.startswith(f"{folder}/") for folder in owned if folder.startswith("/var/lib/")):  # where the new services keep their figures
        return True
    if re.fullmatch(r"/etc/rc\d\.d/[SK]\d\d(\S+)", path):  # links to a script that a package brought
        return f"/etc/init.d/{path[14:]}" in owned
    units = {*report["started"], *(Path(name).name for name in owned if name.endswith((".service", ".timer")))}
    return path.startswith("/etc/systemd/system/") and (Path(path).name in units or path.endswith(".wants"))


def main() -> int:
    """Print each difference that was not foretold."""
    before, after = (json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:])
    report = {"files": {}, "installed": [], "started": []} | json.load(sys.stdin)
    if min(len(before["files"]), len(after["files"])) < 5000 or len(before["services"]) < 3:
        print("these are no manifests of a whole host")
        return 1
    changed = {path for path in {**before["files"], **after["files"]} if before["files"].get(path) != after["files"].get(path)}
    wrong = [f"{path}: {before['files'].get(path)} → {after['files'].get(path)}" for path in sorted(changed) if not may_differ(report, after["owned"], path)]
    wrong += [f"{unit} is not the process that it was" for unit, told in before["services"].items() if after["services"].get(unit) != told]
    if report["files"] and not changed:
        wrong.append("the report names files, and none changed")
    print("\n".join(wrong))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
