# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write down whom a replicated Redis instance follows, before each start of it: ``unde-redis begin <instance>``.

Managed by unde.infra.redis. The unit runs it (``ExecStartPre``), and the role's modules use it: the role puts this file on the host, so it uses Python and
python3-redis alone.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

#: Where an instance's files are.
CONFIGURATION = Path("/etc/redis")
#: For one sentinel's answer; and for any, where this is not the first start.
ANSWER_S, SENTINELS_S = 1, 30
#: Whoever waits here does so itself: the library, in its newer versions, would try again on its own.
ONCE: dict[str, Any] = {"retry": None, "decode_responses": True}
#: The user as which a copy follows its master, and what its file says of that in the line before.
FOLLOWER, FOLLOWS = "replica", "replicaof "


def replication(name: str) -> dict[str, Any]:
    """Return what an instance needs to know of its copies; the role writes it."""
    return dict(json.loads((CONFIGURATION / f"replication-{name}.json").read_text(encoding="utf-8")))


def follower_settings(password: str) -> dict[str, str]:
    """Return the settings with which an instance may follow another one."""
    return {"masteruser": FOLLOWER, "masterauth": password}


def master(name: str, known: dict[str, Any]) -> str | None:
    """Ask every sentinel for the master's address; of several answers the one of the latest failover counts. None where nobody answers."""
    # Here, since the role's modules import this file before the package is there.
    import redis

    answers: list[tuple[int, str]] = []
    for place in known["sentinels"]:
        address, _colon, port = place.rpartition(":")
        sentinel: Any = redis.Redis(address, int(port), username="client", password=known["sentinel_password"], socket_timeout=ANSWER_S, **ONCE)
        try:
            told = sentinel.sentinel_master(name)
        except redis.RedisError:
            continue
        answers.append((told["config-epoch"], told["ip"]))
    return max(answers)[1] if answers else None


def begin(name: str) -> None:
    """Write down whom an instance follows from its start on: whom the sentinels say, before there are any the layout's first, else the one of the last time."""
    known = replication(name)
    file = CONFIGURATION / f"role-{name}.conf"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    last = next((line.split()[1] for line in lines if line.startswith(FOLLOWS)), known["address"]) if lines else None
    give_up = time.monotonic() + (SENTINELS_S if last else 0)
    while (found := master(name, known)) is None and time.monotonic() < give_up:
        time.sleep(0.5)
    leader = found or last or known["master"]
    print(f"{name}: {'the sentinels say' if found else 'no sentinel answers'}, {'this one leads' if leader == known['address'] else f'{leader} leads'}")
    text = ["# Written by unde-redis before each start.", *(f"{key} {value}" for key, value in follower_settings(known["password"]).items())]
    if leader != known["address"]:
        text.append(f"{FOLLOWS}{leader} {known['port']}")
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640), "w", encoding="utf-8") as to:
        to.write("\n".join(text) + "\n")
    shutil.chown(fresh, "root", "redis")
    fresh.replace(file)


def main() -> None:
    """Prepare the start of the instance that the command line names."""
    if len(sys.argv) != 3 or sys.argv[1] != "begin":
        sys.exit("usage: unde-redis begin <instance>")
    # Root's umask may be 077: what is made here is read by others.
    os.umask(0o022)
    begin(sys.argv[2])


if __name__ == "__main__":
    main()
