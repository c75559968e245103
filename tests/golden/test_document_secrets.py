"""The document's secrets against ours: every row has its place, and reaches whom it is for, replicas and standby services included."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import yaml

import support
from unde.model import Estate
from unde.plan import rotations

with (Path(__file__).parent / "document" / "secrets.csv").open(encoding="utf-8", newline="") as table:
    ROWS = {row["Секрет"].removeprefix("🔄 v5.1: "): row["Кто использует"] for row in csv.DictReader(table)}

#: Row → the vault's variable (with the entry of a mapping), and the hosts that have it; None: made on the host, or not kept by us.
SECRETS: dict[str, tuple[str | None, set[str]]] = {
    "WireGuard private keys": (None, set()),  # each is made where it stays: test_every_tunnel_s_keys_are_made_where_they_stay
    "MikroTik CHR license": (None, set()),  # bought and entered by hand, once; the layout's sites.helsinki.gateway.licence
    "PostHog API key": ("app_service_given_secrets/posthog-api-key", {"local-app", "unde-app"}),
    "PostHog DB password": ("vault_posthog_database_password", {"posthog"}),
    "Local shard DB passwords": (
        "vault_postgres_shard_app_password", {"local-shard-0", "shard-replica-0", "local-orchestrator", "local-persona", "unde-app"},
    ),
    "Master Encryption Key": ("vault_postgres_shard_master_key", {"local-shard-0", "shard-replica-0", "local-orchestrator", "unde-app"}),
    "Grafana admin password": ("vault_grafana_admin_password", {"monitoring"}),
    "Alertmanager Telegram bot token": ("vault_alertmanager_telegram_token", {"monitoring", "local-etcd-1"}),
    "Alertmanager Slack webhook URL": ("vault_alertmanager_slack_url", {"monitoring", "local-etcd-1"}),
    "Production DB password (embeddings)": ("vault_core_database_passwords/production-embed_batch", {"embed-batch"}),
    "S3 Access Key (originals read)": ("app_service_given_secrets/s3-originals-access-key", {"embed-batch"}),
}


def holders(secret: str, estate: Estate, told: dict[str, Any]) -> set[str]:
    """Return the hosts that a secret is for: by a role's defaults, or handed to a service of ours."""
    variable, _, entry = secret.partition("/")
    services = {
        host for host, variables in told.items() for service in variables.get("app_service_services", []) for each in service["secrets"]
        if each["variable"] == variable and (not entry or each.get("key") == entry)
    }
    if entry:
        return services
    roles = {
        path.parts[-3] for path in (support.ROOT / "roles").glob("*/defaults/main.yml")
        if any(variable in str(value) for value in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).values())
    }
    return services | {host.name for host in estate.hosts.values() if roles & set(host.roles)}


def test_every_row_is_here() -> None:
    assert set(ROWS) == set(SECRETS)


@pytest.mark.parametrize("row", SECRETS)
def test_every_secret_reaches_whom_it_is_for(row: str, estate: Estate, listed: dict[str, Any]) -> None:
    """Nobody else has a single-purpose secret; what several services share reaches at least those of the document."""
    secret, hosts = SECRETS[row]
    if secret is None:
        return
    found = holders(secret, estate, listed["_meta"]["hostvars"])
    assert hosts <= found
    if not secret.startswith("app_service_given_secrets/s3"):
        assert found == hosts


def test_every_tunnel_s_keys_are_made_where_they_stay(estate: Estate) -> None:
    for tunnel in estate.tunnels.values():
        assert {"wireguard_keys", "wireguard_peer"} <= set(estate.hosts[tunnel.near].roles)
        assert {"wireguard_keys", "mikrotik_chr"} & set(estate.hosts[tunnel.far].roles)


def test_the_licence_is_of_the_layout(estate: Estate) -> None:
    gateway = estate.layout.sites["helsinki"].gateway
    assert gateway is not None
    assert gateway.licence == "p1"


def test_every_row_is_rotated_or_has_its_reason() -> None:
    """What is made on the host has a playbook of its own; the licence is bought."""
    ours = {row: (secret or "").partition("/")[0].replace("app_service_given", "vault_app_service_given") for row, (secret, _) in SECRETS.items()}
    assert [row for row, variable in ours.items() if variable and variable not in {*rotations.ROTATIONS, *rotations.FIXED}] == []
    assert {row for row, variable in ours.items() if not variable} == {"WireGuard private keys", "MikroTik CHR license"}
    assert (support.ROOT / "playbooks/operate/rotate_tunnel_keys.yml").is_file()
