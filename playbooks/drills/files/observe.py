#!/usr/bin/python3
"""Write down what a member of a shard sees of it during a drill: who leads, how far each is behind, whether all follow.

``observe.py SETTINGS`` asks the Patroni of its own host every half second, until the file ``stop`` stands beside the settings, and says by ``over``
that it is done. What it writes is a file of ``unde drill report`` (docs/drills.md); this program judges nothing.
"""

from __future__ import annotations

import json
import os
import platform
import ssl
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

EVERY_S, TIMEOUT_S = 0.5, 2
#: Even without a word to stop.
LONGEST_S = 3600

Sight = dict[str, Any]


def sights(shard: str, cluster: Mapping[str, Any], members: int) -> Iterator[tuple[tuple[str, ...], Sight]]:
    """Yield what Patroni's answer to ``/cluster`` says, by what it is about."""
    seen = cluster.get("members", [])
    leaders = [each for each in seen if each.get("role") == "leader" and each.get("state") == "running"]
    leader = leaders[0] if len(leaders) == 1 else {}
    yield ("leader",), {"kind": "leader", "shard": shard, "member": leader.get("name"), "timeline": leader.get("timeline")}
    following = [each for each in seen if each.get("role") != "leader" and each.get("state") == "streaming"]
    yield ("whole",), {"kind": "whole", "shard": shard, "whole": bool(leader) and len(following) == members - 1}
    for each in seen:
        if isinstance(each.get("lag"), int):
            yield ("lag", each["name"]), {"kind": "lag", "shard": shard, "member": each["name"], "lag_bytes": each["lag"]}


def moment() -> dict[str, Any]:
    """Return which clock times are of, and what it says now."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return {"host": platform.node(), "boot": boot, "wall": time.time(), "monotonic": time.monotonic()}


def ask(settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what the host's own Patroni says; nothing when it does not answer."""
    try:
        context = ssl.create_default_context(cafile=f"{settings['tls_directory']}/ca.crt")
        context.load_cert_chain(f"{settings['tls_directory']}/host.crt", f"{settings['tls_directory']}/host.key")
        with urllib.request.urlopen(f"https://{settings['address']}:{settings['port']}/cluster", context=context, timeout=TIMEOUT_S) as answer:
            return dict(json.load(answer))
    except (OSError, ValueError, TypeError):
        return None


def main() -> None:
    """Observe."""
    file = Path(sys.argv[1])
    settings = json.loads(file.read_text(encoding="utf-8"))
    os.umask(0o077)
    known: dict[tuple[str, ...], Sight] = {}
    last: dict[tuple[str, ...], float] = {}
    lines, end = 0, time.monotonic() + LONGEST_S
    with (file.parent / f"{settings['name']}-patroni.jsonl").open("w", encoding="utf-8") as to:
        def add(line: Mapping[str, Any]) -> None:
            to.write(json.dumps({name: value for name, value in line.items() if value is not None or name == "member"}) + "\n")
            to.flush()

        add({"kind": "observer", "format": 1, "observer": f"{settings['name']}-patroni", **moment()})
        while not (file.parent / "stop").exists() and time.monotonic() < end:
            answer = ask(settings)
            at = time.monotonic()
            for about, sight in sights(settings["shard"], answer, settings["members"]) if answer is not None else ():
                if known.get(about) != sight:
                    add({**sight, "at": at, "since": last.get(about)})
                    lines += 1
                known[about], last[about] = sight, at
            time.sleep(EVERY_S)
        add({"kind": "end", "wall": time.time(), "monotonic": time.monotonic(), "lines": lines})
    (file.parent / "over").touch()


if __name__ == "__main__":
    main()
