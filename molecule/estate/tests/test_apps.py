"""Our own services, each by its stand-in: all of them run, and each really speaks to every neighbour that the flows give it."""

from __future__ import annotations

import json
from typing import Any

import lab


def services(host: str) -> dict[str, str]:
    """Return the services of a host, each with where it listens."""
    said = lab.run(host, "grep -H ^UNDE_LISTEN= /etc/unde/app/*/environment")
    return {line.split("/")[4]: line.partition("=")[2] for line in said.splitlines()}


def ask(host: str, path: str) -> dict[str, dict[str, Any]]:
    """Return what each service of a host answers."""
    return {name: json.loads(lab.run(host, f"curl -sSf -m 30 http://{place}{path}")) for name, place in services(host).items()}


def test_every_host_of_ours_runs_its_services() -> None:
    """A stand-in for each of the layout's services, and on unde-app the warm standbys."""
    answers = lab.everywhere(lab.hosts("app_service"), lambda host: ask(host, "/"))
    assert all(name == who["standin_for"] and who["host"] == host for host, found in answers.items() for name, who in found.items())
    assert set(answers["unde-app"]) == {"app", "orchestrator", "mood", "persona", "context"}
    assert len({name for found in answers.values() for name in found}) == 18


def test_each_speaks_to_its_neighbours() -> None:
    """Redis with the service's own users, the shards' writable members by TLS, everybody else by health; nothing outside is called."""
    answers = lab.everywhere(lab.hosts("app_service"), lambda host: ask(host, "/neighbours"))
    them = {(host, name, neighbour): came for host, found in answers.items() for name, who in found.items() for neighbour, came in who["neighbours"].items()}
    assert {who: came["said"] for who, came in them.items() if came["asked"] and not came["well"]} == {}
    for host in ("local-orchestrator", "unde-app"):
        assert "SELECT 1 is 1" in them[host, "orchestrator", "SHARD_SQL_0"]["said"]
    assert "as embed_batch" in them["embed-batch", "embed-batch", "PRODUCTION_SQL"]["said"]
    assert "may ask for ratelimit:" in them["local-app", "app", "REDIS_LIMITS"]["said"]
    assert not them["local-voice", "voice", "ELEVENLABS"]["asked"]


def test_the_master_key_is_in_memory_alone() -> None:
    """Beside the shards only the orchestrator and its standby have it, on tmpfs."""
    found = lab.everywhere(lab.hosts("app_service"), lambda host: lab.run(host, "find /run/unde /etc/unde /opt/unde /var/lib -name master-key"))
    where = {host: said.split() for host, said in found.items() if said}
    assert set(where) == {"local-orchestrator", "unde-app"}
    for host, files in where.items():
        assert {lab.run(host, f"stat --file-system --format %T {file}") for file in files} == {"tmpfs"}
