"""The databases beside the shards: settings, users by caller, and what is told to whom."""

from __future__ import annotations

from typing import Any

import support
import unde
from unde.model import Estate
from unde.plan import databases, secrets
from unde.plan.flows import Flows


def variables_of(estate: Estate, host: str) -> dict[str, Any]:
    """Return all that a host is told."""
    plan = unde.inventory(estate)
    result: dict[str, Any] = {}
    for group in plan.members[host]:
        result |= plan.groups[group]
    return result | plan.hosts[host]


def test_every_caller_comes_as_itself_alone(estate: Estate) -> None:
    """Indexing comes from its host as its own user and as no other; a standby as what it stands in for, too."""
    production = estate.layout.clusters.databases["production"]
    coming = {caller.name: users for caller, users in databases.callers(estate, Flows(estate), production)}
    assert coming["embed-batch"] == ["embed_batch"]
    assert coming["local-orchestrator"] == ["orchestrator"]
    assert coming["unde-app"] == ["app", "orchestrator"]
    assert all(coming.values())


def test_indexing_may_insert_and_nothing_else(estate: Estate) -> None:
    """As the document has it."""
    assert estate.layout.clusters.databases["production"].users["embed-batch"].access == ["embeddings-insert"]


def test_settings_follow_from_the_host_and_the_pool(estate: Estate) -> None:
    """A quarter of the memory, and as many connections as the pool and the few others need."""
    settings = variables_of(estate, "production-db")["core_database_settings"]
    assert (settings["shared_buffers"], settings["effective_cache_size"], settings["maintenance_work_mem"]) == ("16GB", "48GB", "4GB")
    assert settings["max_connections"] == 60 + 13
    assert settings["synchronous_commit"] == "on"
    assert settings["archive_command"] == "pgbackrest --stanza=production archive-push %p"


def test_the_pooler_the_archive_and_the_exporter_know_whose_they_are(estate: Estate) -> None:
    """Passwords are named, never given."""
    staging = variables_of(estate, "staging-db")
    assert (staging["pgbackrest_stanza"], staging["pgbouncer_pool_size"], staging["pgbouncer_port"]) == ("staging", 20, 6432)
    assert staging["pgbouncer_auth_password"] == "{{ lookup('unde.infra.vault', 'vault_core_database_passwords/staging-pgbouncer') }}"
    assert staging["exporters_postgres_of"] == "core"
    assert {each["name"] for each in staging["exporters_wanted"]} == {"node", "postgres", "pgbouncer", "pgbackrest"}
    shard = variables_of(estate, "local-shard-0")
    assert shard["pgbouncer_pool_size"] == 40
    assert not {"pgbouncer_auth_password", "exporters_postgres_of"} & set(shard)


def test_an_exporter_waits_until_what_it_looks_at_is_adopted(estate: Estate) -> None:
    """The broker and the failover entry serve already: their monitors come with the roles that make them."""
    for host, exporter, role in (("push", "redis", "redis"), ("unde-app", "nginx", "nginx_gateway")):
        assert {each["name"] for each in variables_of(estate, host)["exporters_wanted"]} == {"node"}
        adopted = support.estate({"hosts": {host: {"adopt": ["base", "firewall", "exporters", role]}}})
        assert exporter in {each["name"] for each in variables_of(adopted, host)["exporters_wanted"]}


def test_a_database_that_serves_is_left_alone(estate: Estate) -> None:
    """No role of ours acts on production, and its exporters look at nothing that only such a role makes."""
    production = variables_of(estate, "production-db")
    assert not {"core_database", "pgbouncer", "pgbackrest", "certificates"} & set(production["unde_adopt"])
    assert "exporters_postgres_password" not in production


def test_a_layout_without_databases() -> None:
    """The section may be left out: then there is nobody to make a password for."""
    assert secrets.database_users(support.estate(file=support.ROOT / "tests" / "golden" / "base.yml")) == []
