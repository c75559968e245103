#!/usr/bin/python3
"""Write down what a host sees of the estate during a drill: who leads a shard and who follows, who leads etcd, whom a site's Redis names, which alerts fire.

``observe.py SETTINGS`` asks each source in the settings every half second, on its own host, until the file ``stop`` stands beside them, and says by ``over``
that it is done. What it writes are files of ``unde drill report`` (docs/drills.md), one for each source; this program judges nothing.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import platform
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

EVERY_S, TIMEOUT_S = 0.5, 2
#: Even without a word to stop.
LONGEST_S = 3600
#: Where the certificates of the estate are.
TLS = Path("/etc/unde/tls")
#: With which a host's Prometheus and its reconciler come in; root reads both.
PROMETHEUS_PASSWORD, ROUTING_PASSWORD = Path("/etc/prometheus/own.password"), Path("/etc/unde/routing/redis.password")

Settings = Mapping[str, Any]
#: What a sight is about → the line that says it.
Sights = dict[tuple[str, ...], dict[str, Any]]


def patroni(settings: Settings) -> Sights:
    """Return what a member's Patroni says of its shard."""
    return of_shard(settings["shard"], ask(settings, "GET", "/cluster"), settings["members"])


def of_shard(shard: str, cluster: Mapping[str, Any], members: int) -> Sights:
    """Return what Patroni's answer to ``/cluster`` says: who leads, whether all follow, how far each is behind."""
    seen = cluster.get("members", [])
    leaders = [each for each in seen if each.get("role") == "leader" and each.get("state") == "running"]
    leader = leaders[0] if len(leaders) == 1 else {}
    following = [each for each in seen if each.get("role") != "leader" and each.get("state") == "streaming"]
    found: Sights = {
        ("leader",): {"kind": "leader", "shard": shard, "member": leader.get("name"), "timeline": leader.get("timeline")},
        ("whole",): {"kind": "whole", "shard": shard, "whole": bool(leader) and len(following) == members - 1},
    }
    for each in seen:
        if isinstance(each.get("lag"), int):
            found["lag", each["name"]] = {"kind": "lag", "shard": shard, "member": each["name"], "lag_bytes": each["lag"]}
    return found


def votes(settings: Settings) -> Sights:
    """Return whom a member of etcd calls its leader."""
    leader = ask(settings, "POST", "/v3/maintenance/status").get("leader")
    members = ask(settings, "POST", "/v3/cluster/member/list")["members"] if leader else []
    return {("votes-leader",): {"kind": "votes-leader", "member": next((each["name"] for each in members if each["ID"] == leader), None)}}


def routing(settings: Settings) -> Sights:
    """Return what a site's Redis says of each shard."""
    import redis  # only hosts with a reconciler have it

    password = ROUTING_PASSWORD.read_text(encoding="utf-8").splitlines()[0]
    with redis.Redis(
        settings["address"], settings["port"], username=settings["user"], password=password, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S,
    ) as connection:  # fmt: skip
        try:
            values = connection.mget([settings["prefix"] + str(number) for number in settings["shards"]])
        except redis.RedisError as error:
            raise OSError(str(error)) from error
    return of_records(settings["site"], settings["shards"], values)


def of_records(site: str, shards: Mapping[str, str], values: list[bytes | None]) -> Sights:
    """Return what a site's records say; ``shards``: number → name."""
    found: Sights = {}
    for shard, value in zip(shards.values(), values, strict=True):
        record = json.loads(value or b"{}")
        found["routing", shard] = {
            "kind": "routing", "site": site, "shard": shard, "member": record.get("member"), "stale": bool(record.get("stale")), "epoch": record.get("epoch"),
        }  # fmt: skip
    return found


def alerts(settings: Settings) -> Sights:
    """Return the alerts that fire at a watch."""
    password = base64.b64encode(f"prometheus:{PROMETHEUS_PASSWORD.read_text(encoding='utf-8').strip()}".encode()).decode()
    return of_alerts(settings["site"], ask(settings, "GET", "/api/v1/alerts", {"Authorization": f"Basic {password}"})["data"]["alerts"])


def of_alerts(watch: str, found: list[Mapping[str, Any]]) -> Sights:
    """Return what Prometheus's alerts say, those that wait left out."""
    firing = [each["labels"] for each in found if each["state"] == "firing"]
    named = [(labels["alertname"], labels.get("host") or labels.get("instance") or labels.get("shard") or "") for labels in firing]
    return {("alert", name, about): {"kind": "alert", "name": name, "state": "firing", "watch": watch, "about": about} for name, about in named}


SOURCES: dict[str, Callable[[Settings], Sights]] = {"patroni": patroni, "votes": votes, "routing": routing, "alerts": alerts}


def ask(settings: Settings, method: str, path: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what a service of the host answers.

    Raises:
        OSError, http.client.HTTPException, ValueError: it does not, or not with an object.

    """
    context = ssl.create_default_context(cafile=TLS / "ca.crt")
    context.load_cert_chain(TLS / "host.crt", TLS / "host.key")
    connection = http.client.HTTPSConnection(settings["address"], settings["port"], timeout=TIMEOUT_S, context=context)
    try:
        connection.request(method, path, body="{}" if method == "POST" else None, headers=dict(headers or {}))
        return dict(json.load(connection.getresponse()))
    finally:
        connection.close()


def moment() -> dict[str, Any]:
    """Return which clock times are of, and what it says now."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return {"host": platform.node(), "boot": boot, "wall": time.time(), "monotonic": time.monotonic()}


class Log:
    """What a source has said so far; only what is new is a line.

    An answer is all that there is: an alert that is not in it any more is resolved.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.known: Sights = {}
        self.last: dict[tuple[str, ...], float] = {}

    def lines(self, seen: Sights, at: float) -> Iterator[dict[str, Any]]:
        """Yield a line for everything that is otherwise than at the last look."""
        gone = {about: {**line, "state": "resolved"} for about, line in self.known.items() if line["kind"] == "alert" and about not in seen}
        for about, line in {**seen, **gone}.items():
            if self.known.get(about) != line:
                since = self.last.get(about)
                yield {name: value for name, value in {**line, "at": at, "since": since}.items() if value is not None or name == "member"}
            self.known[about], self.last[about] = line, at


def observe(folder: Path, name: str, settings: Settings) -> None:
    """Look at a source until the file ``stop`` is there."""
    source, log = SOURCES[settings["source"]], Log()
    observer, lines, end = f"{name}-{settings['source']}", 0, time.monotonic() + LONGEST_S
    with (folder / f"{observer}.jsonl").open("w", encoding="utf-8") as to:
        def add(line: Mapping[str, Any]) -> None:
            to.write(json.dumps(line) + "\n")
            to.flush()

        add({"kind": "observer", "format": 1, "observer": observer, **moment()})
        while not (folder / "stop").exists() and time.monotonic() < end:
            try:
                seen = source(settings)
            except (OSError, http.client.HTTPException, ValueError, TypeError, KeyError):
                seen = None  # who does not answer says nothing
            at = time.monotonic()
            for line in log.lines(seen, at) if seen is not None else ():
                add(line)
                lines += 1
            time.sleep(EVERY_S)
        add({"kind": "end", "wall": time.time(), "monotonic": time.monotonic(), "lines": lines})


def main() -> None:
    """Observe."""
    file = Path(sys.argv[1])
    settings = json.loads(file.read_text(encoding="utf-8"))
    os.umask(0o077)
    threads = [threading.Thread(target=observe, args=(file.parent, settings["name"], each)) for each in settings["sources"]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (file.parent / "over").touch()


if __name__ == "__main__":
    main()
