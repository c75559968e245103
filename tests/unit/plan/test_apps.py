"""What our own services are told: their neighbours by the flows, their secrets by name, their bounds by the host."""

from __future__ import annotations

from typing import Any

import pytest

import support
import unde


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, dict[str, Any]]]:
    """Return host → service → what the role is told, of an estate with two shards."""
    plan = unde.inventory(support.estate({"shards": {"count": 2}}))
    return {
        host: {service["name"]: service for service in variables["app_service_services"]}
        for host, variables in plan.hosts.items() if "app_service_services" in variables
    }


def test_every_service_of_the_document_is_somewhere(told: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Each stands on its host; those that a dialogue needs once more in Helsinki, as standbys."""
    assert {name for name, service in told["unde-app"].items() if service["standby"]} == {"app", "orchestrator", "mood", "persona", "context"}
    alone = {name: host for host, services in told.items() for name, service in services.items() if not service["standby"]}
    assert sorted(alone) == sorted((
        "app", "orchestrator", "mood", "persona", "context", "voice", "recognition", "ximilar-gw", "ximilar-sync", "llm-reranker", "embedder",
        "embed-batch", "apify", "photo-downloader", "collage", "scraper", "model-generator", "tryon",
    ))


def test_neighbours_follow_from_the_flows(told: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Every member of every shard, nearest first; each Redis instance by its name; what is outside by its names; nothing that no flow names."""
    here = told["local-orchestrator"]["orchestrator"]["environment"]
    assert here["UNDE_SHARD_SQL_0"] == "10.2.0.10:6432,10.1.1.10:6432"
    assert here["UNDE_SHARD_SQL_1"] == "10.2.0.101:6432,10.1.2.1:6432"
    assert (here["UNDE_REDIS_CACHE"], here["UNDE_REDIS_LIMITS"]) == ("10.2.0.4:6379", "10.2.0.4:6380")
    assert here["UNDE_MOOD"] == "10.2.0.11:8011,10.1.0.18:8011"
    assert told["local-voice"]["voice"]["environment"]["UNDE_ELEVENLABS"] == "api.elevenlabs.io:443"
    assert not {"UNDE_POSTHOG", "UNDE_PACKAGES", "UNDE_WIREGUARD", "UNDE_REDIS_BROKER"} & set(here)


def test_a_standby_has_what_is_near_it(told: dict[str, dict[str, dict[str, Any]]]) -> None:
    """The shards' members there first, the agents beside it, no Redis of another site, and smaller bounds."""
    there = told["unde-app"]["orchestrator"]
    assert there["environment"]["UNDE_SHARD_SQL_0"] == "10.1.1.10:6432,10.2.0.10:6432"
    assert there["environment"]["UNDE_MOOD"] == "10.1.0.18:8011"
    assert not {"UNDE_REDIS_CACHE", "UNDE_REDIS_LIMITS", "UNDE_REDIS_CACHE_KEYS"} & set(there["environment"])
    assert there["secrets"] == told["local-orchestrator"]["orchestrator"]["secrets"]
    assert (there["memory_mb"], there["cpu_percent"]) == (2048, 360)


def test_redis_users_are_those_that_the_layout_names(told: dict[str, dict[str, dict[str, Any]]]) -> None:
    """A service knows the keys of its own families and has the passwords of no others."""
    app = told["local-app"]["app"]
    assert app["environment"]["UNDE_REDIS_LIMITS_KEYS"] == "ratelimit=ratelimit:,session=session:"
    users = {secret["key"] for secret in app["secrets"] if secret["variable"] == "vault_redis_passwords"}
    assert users == {"limits-ratelimit", "limits-session"}


def test_the_master_key_never_reaches_a_disk(told: dict[str, dict[str, dict[str, Any]]]) -> None:
    """It goes to the orchestrator and its standby, and is the only secret that is kept in memory alone."""
    volatile = {(host, name, secret["file"]) for host, services in told.items() for name, service in services.items()
                for secret in service["secrets"] if secret["volatile"]}
    assert volatile == {("local-orchestrator", "orchestrator", "master-key"), ("unde-app", "orchestrator", "master-key")}


def test_no_value_of_a_secret_is_published(told: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Only where it is."""
    assert all(set(secret) <= {"file", "variable", "key", "volatile"} for services in told.values() for service in services.values()
               for secret in service["secrets"])


def test_what_only_the_loopback_may_ask(told: dict[str, dict[str, dict[str, Any]]]) -> None:
    """A batch service, and the application behind the entry."""
    for host, name in (("local-app", "app"), ("apify", "apify")):
        assert told[host][name]["environment"]["UNDE_LISTEN"] == f"127.0.0.1:{told[host][name]['port']}"
