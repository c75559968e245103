"""What a vault lacks is said at once, by its names, before anything is touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import support
from unde.model import Estate
from unde.plan import secrets

#: A host that cannot be reached, whatever a role would do there.
NOWHERE = {"ansible_connection": "community.docker.docker", "ansible_host": "there-is-no-such-container", "unde_state": "create",
           "debian_release_seen": {"release": "trixie"}}


def played(folder: Path, role: str, hosts: str, vault: dict[str, Any]) -> str:
    """Run a role on hosts that are not there, and return what Ansible says."""
    (folder / "overlay.yml").write_text(json.dumps({"vars": NOWHERE}), encoding="utf-8")
    play = [{"hosts": hosts, "gather_facts": False, "vars": vault, "roles": [f"unde.infra.{role}"]}]
    (folder / "play.yml").write_text(json.dumps(play), encoding="utf-8")
    done = support.run(
        "ansible-playbook", "-i", support.LAYOUT, folder / "play.yml", UNDE_OVERLAY=str(folder / "overlay.yml"), ANSIBLE_INVENTORY_CACHE="false",
    )  # fmt: skip
    assert done.returncode
    return " ".join((done.stdout + done.stderr).split())


def test_all_that_is_missing_is_named_at_once(tmp_path: Path, estate: Estate) -> None:
    """Not one after the other, and not as an undefined variable."""
    said = played(tmp_path, "postgres_shard", "local-shard-0", {"vault_postgres_shard_app_password": "of-the-vault"})
    wanted = ("master_key", "replicator_password", "rewind_password", "monitor_password", "pgbouncer_password")
    assert "the vault lacks " + ", ".join(sorted(f"vault_postgres_shard_{name}" for name in wanted)) + ". `make secrets`" in said
    assert "app_password" not in said.partition("the vault lacks")[2].partition("make secrets")[0]
    assert "is undefined" not in said


def test_an_entry_that_the_layout_needs_is_named(tmp_path: Path, estate: Estate) -> None:
    """A family, a database's user or a host that is new since the vault was made."""
    made = secrets.fresh(estate)
    for instance in ("mood", "admin"):
        made[secrets.REDIS].pop(f"cache-{instance}")
    said = played(tmp_path, "redis", "local-redis", made)
    assert "the vault lacks vault_redis_passwords/cache-admin, vault_redis_passwords/cache-mood. `make secrets`" in said


@pytest.mark.parametrize("vault", [{}, {"vault_object_storage_keys": {}}], ids=["no variable", "no key"])
def test_the_keys_that_others_give_are_asked_for_by_the_role(tmp_path: Path, estate: Estate, vault: dict[str, Any]) -> None:
    """`make secrets` cannot make them: the provider's console does, and the role says so."""
    host = next(name for name, each in estate.hosts.items() if "object_storage" in each.roles)
    said = played(tmp_path, "object_storage", host, secrets.fresh(estate) | vault)
    assert "object_storage_keys lacks" in said
    assert "s3-admin-access-key" in said
    assert "The provider's console makes a pair for each name" in said
