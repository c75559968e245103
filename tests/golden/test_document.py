"""The document against what Ansible is told: every server, tunnel, scrape target and setting of it.

Where the layout says otherwise on purpose, ``EXCEPTIONS`` says so with the row of ``decisions`` that decided it. An
exception that is not needed fails as well, so that the table stays true.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import support
from unde.model import Estate
from unde.plan import postgres
from unde.reports import listings

DOCUMENT = Path(__file__).parent / "document"
EXTERNAL = ("Object Storage", "GitLab")  #: rows of the server table that are no servers: services of the layout
STATES = {"✅ Развёрнут": "deployed", "✅ Работает": "running", "🆕 Создать": "create"}

#: (what, field) → (the document's value, the layout's, the row that decided it)
EXCEPTIONS: dict[tuple[str, str], tuple[Any, Any, int]] = {
    ("embedder", "address"): ("10.1.0.15", "10.1.1.40", 2),
    ("embedder", "public_address"): ("89.167.98.219", None, 2),
    ("etcd-3", "address"): ("10.1.0.15", "10.4.0.15", 8),
    ("etcd-3", "public_address"): ("89.167.98.219", None, 8),
    ("etcd-3", "site"): ("helsinki", "witness", 8),
    ("etcd-3", "state"): ("deployed", "create", 8),
    ("embed-batch", "address"): ("10.1.0.17", "10.1.1.41", 3),
    ("embed-batch", "public_address"): ("65.109.162.92", None, 3),
    ("job helsinki-app", "10.1.0.2:9100"): (None, "10.1.0.18:9100", 1),
    ("job helsinki-etcd", "10.1.0.15:2379"): (None, "10.4.0.15:2379", 8),
    ("job helsinki-embedder", "10.1.0.15:9100"): (None, "10.1.1.40:9100", 2),
    ("job helsinki-embedder", "10.1.0.15:8003"): (None, "10.1.1.40:8003", 2),
    ("job helsinki-embed-batch", "10.1.0.17:9100"): (None, "10.1.1.41:9100", 3),
    ("job helsinki-embed-batch", "10.1.0.17:8004"): (None, "10.1.1.41:8004", 3),
}

#: Scrape jobs that the document lacks, all by row 27 but the witness's (row 8): every host has its node exporter scraped.
ADDED_JOBS = {
    "helsinki-gw": 27, "helsinki-model-generator": 27, "helsinki-tryon-service": 27, "helsinki-monitoring": 27,
    "local-etcd-node": 27, "helsinki-etcd-node": 27, "witness-etcd": 8, "witness-etcd-node": 27,
    # What else there is to be asked about a service.
    "local-shard-patroni": 27, "local-shard-pgbouncer": 27, "local-shard-pgbackrest": 27, "local-app-nginx": 27,
    "helsinki-shard-replica-patroni": 27, "helsinki-shard-replica-pgbouncer": 27, "helsinki-shard-replica-pgbackrest": 27,
    "helsinki-staging-db-pgbouncer": 27, "helsinki-staging-db-pgbackrest": 27, "helsinki-app-nginx": 27, "helsinki-monitoring-blackbox": 27,
}

#: Hosts that the document's server tables lack.
ADDED_HOSTS = {"unde-app": 1}
ADDED_TUNNELS = {"wg-witness": 8, "wg-direct": 8}


def rows(table: str) -> list[dict[str, str]]:
    """Return the rows of one of the document's tables."""
    with (DOCUMENT / table).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def price(text: str) -> float | None:
    """Return a price; a dash is none."""
    found = re.search(r"\d+(\.\d+)?", text)
    return float(found[0]) if found else None


def machine(text: str) -> tuple[str, int | None]:
    """Return type and memory as the tables have them: a machine type may name its memory."""
    memory = re.search(r"(\d+) GB[,/]", text + ",")
    return text, int(memory[1]) if memory else None


def said() -> Iterator[tuple[str, str, Any]]:
    """Yield what the document says of each server: name, field, value."""
    for row in rows("servers-local.csv"):
        vcpu, ram = re.findall(r"(\d+) (?:vCPU|GB)", row["Конфиг"])
        yield from ((row["Сервер"], key, value) for key, value in {
            "site": "local", "label": row["#"], "vcpu": int(vcpu), "ram_gb": int(ram), "state": STATES[row["Статус"]],
        }.items())
    for row in rows("servers-helsinki.csv"):
        if row["Сервер"] in EXTERNAL:
            continue
        name, (kind, memory) = row["Сервер"].lower().replace(" ", "-"), machine(row["Тип"])
        public = None if row["IP (public)"] == "—" else row["IP (public)"]
        values = {
            "site": "helsinki", "label": row["#"], "address": row["IP (private)"], "public_address": public, "type": kind,
            "price_eur": price(row["€/мес"]), "state": STATES[row["Статус"]],
        }
        yield from ((name, key, value) for key, value in values.items())
        if memory:
            yield name, "ram_gb", memory


@pytest.fixture(scope="module")
def hosts(listed: dict[str, Any], estate: Estate) -> dict[str, dict[str, Any]]:
    """Return what is known of each host, addresses and state from Ansible, sizes from ``unde plan hosts``."""
    planned = {row["name"]: row for row in listings.hosts(estate)}
    cost = {row["name"]: row["eur"] for row in listings.bill(estate)}
    told = listed["_meta"]["hostvars"]
    assert set(planned) == set(told)
    return {
        name: planned[name] | {
            "site": variables["unde_site"], "address": variables["unde_address"], "public_address": variables["unde_public_address"],
            "state": variables["unde_state"], "price_eur": cost[name],
        }
        for name, variables in told.items()
    }


@pytest.fixture(scope="module")
def jobs(listed: dict[str, Any], estate: Estate) -> dict[str, list[str]]:
    """Return the targets of each scrape job, as Ansible is told and as ``unde plan scrape`` lists them."""
    told = listed["_meta"]["hostvars"]["monitoring"]["prometheus_scrape_jobs"]
    assert told == [{key: row[key] for key in ("name", "scheme", "targets")} for row in listings.jobs(estate)]
    return {job["name"]: job["targets"] for job in told}


def excepted(what: str, field: str, document: Any, layout: Any, used: set[tuple[str, str]]) -> bool:
    """Return whether a difference is one of the exceptions, word for word; note that it was used."""
    used.add((what, field))
    return EXCEPTIONS.get((what, field), ())[:2] == (document, layout)


def test_every_server_and_target_of_the_document_is_there(hosts: dict[str, dict[str, Any]], jobs: dict[str, list[str]]) -> None:
    """Every server with each of its values, every scrape job with each of its targets, except by decision."""
    used: set[tuple[str, str]] = set()
    wrong = []
    servers: dict[str, None] = {}
    for name, field, value in said():
        servers[name] = None
        held = hosts[name][field] if name in hosts else "no such host"
        if held != value and not excepted(name, field, value, held, used):
            wrong.append(f"{name}.{field}: the document says {value!r}, the inventory {held!r}")
    config = yaml.safe_load((DOCUMENT / "prometheus.yml").read_text(encoding="utf-8"))
    every_target = {target for targets in jobs.values() for target in targets}
    for job in config["scrape_configs"]:
        for target in job["static_configs"][0]["targets"]:
            key = (f"job {job['job_name']}", target)
            if target in jobs.get(job["job_name"], []):
                continue
            used.add(key)
            if key not in EXCEPTIONS or EXCEPTIONS[key][1] not in every_target:
                wrong.append(f"{key[0]} does not scrape {target}")
    assert not wrong, "\n".join(wrong)
    assert used == set(EXCEPTIONS), f"exceptions that are not needed: {set(EXCEPTIONS) - used}"
    assert set(hosts) - set(servers) == set(ADDED_HOSTS)
    assert set(jobs) - {job["job_name"] for job in config["scrape_configs"]} == set(ADDED_JOBS)


def test_exceptions_name_rows_that_exist(estate: Estate) -> None:
    """Every exception's row is one of the layout's decisions."""
    rows_used = {row for *_, row in EXCEPTIONS.values()} | {*ADDED_JOBS.values(), *ADDED_HOSTS.values(), *ADDED_TUNNELS.values()}
    assert rows_used <= set(estate.layout.decisions)


def test_every_tunnel_of_the_document_is_there(listed: dict[str, Any], estate: Estate) -> None:
    """Every tunnel, on both ends, with the document's interface and addresses; what it lacks is by decision."""
    told = listed["_meta"]["hostvars"]
    menu = next(menu for menu in told["helsinki-gw"]["mikrotik_chr_menus"] if menu["path"] == "ip address")
    gateway = {entry["interface"]: entry for entry in menu["data"]}
    names = set()
    for row in rows("tunnels.csv"):
        name, near, far = row["WG interface"], row["Tunnel IP (local)"], row["Tunnel IP (Helsinki)"]
        own = {tunnel["interface"]: tunnel for tunnel in told[row["Локальный сервер"]]["wireguard_peer_tunnels"]}[name]
        assert (own["address"], own["far_address"], own["far_host"]) == (near, far.removesuffix("/32"), "helsinki-gw")
        assert (gateway[name]["address"], gateway[name]["network"]) == (far, near.removesuffix("/32"))
        assert own["source"] == told[row["Локальный сервер"]]["unde_address"]
        assert "10.1.0.0/16" in own["routes"]
        names.add(name)
    assert len(names) == 9
    assert set(estate.tunnels) - names == set(ADDED_TUNNELS)


def test_external_services_of_the_document_are_there(estate: Estate) -> None:
    """What the server table lists without being a server is an external service."""
    external = {name: service.external for name, service in estate.layout.services.items() if service.external}
    for row in rows("servers-helsinki.csv"):
        if row["Сервер"] in EXTERNAL:
            name = row["Сервер"].lower().replace(" ", "-")
            assert {row["IP (private)"], row["IP (public)"]} - {"—"} <= set(re.findall(r"[\w.-]+\.[a-z]+", external[name]))
    assert estate.layout.costs.lines["object-storage"].eur == 10


def normal(value: object) -> str:
    """Return a setting's value in one notation: no quotes, sizes in kB."""
    text = str(value).strip().strip("'")
    size = re.fullmatch(r"(\d+)(kB|MB|GB)", text)
    return f"{int(size[1]) * {'kB': 1, 'MB': 1024, 'GB': 1024 ** 2}[size[2]]}kB" if size else text


def document_settings() -> dict[str, str]:
    """Return the document's postgresql.conf."""
    lines = re.findall(r"^(\w+) = (.*?)\s*(?:#.*)?$", (DOCUMENT / "postgresql.conf").read_text(encoding="utf-8"), re.MULTILINE)
    return {key: normal(value) for key, value in lines}


def test_postgresql_settings_are_the_document_s(listed: dict[str, Any], estate: Estate) -> None:
    """At 32 GB and 500 GB every key has the document's value; what is added is by rows 16 and 17."""
    shard = estate.hosts["local-shard-0"]
    assert (shard.kind.ram_gb, shard.kind.disk_gb) == (32, 500)
    wanted = document_settings()
    assert len(wanted) == 20
    told = listed["_meta"]["hostvars"]["local-shard-0"]["postgres_shard_settings"]
    planned = postgres.settings(shard.kind, estate.layout.clusters.postgres.wal, "shard0")
    assert told == planned
    assert {key: normal(value) for key, value in planned.items() if key in wanted} == wanted
    assert set(planned) - set(wanted) == {"max_slot_wal_keep_size"}  # row 17
    common = postgres.common(shard.kind, estate.layout.clusters.postgres.wal, "shard0")
    assert {key: normal(value) for key, value in common.items() if key in wanted} == {key: wanted[key] for key in common if key in wanted}


def test_every_row_is_decided(estate: Estate) -> None:
    """Rows 1 to 31 are all in ``decisions``, and each comment that names a row names one of them."""
    assert sorted(estate.layout.decisions) == list(range(1, 32))
    text = support.LAYOUT.read_text(encoding="utf-8")
    comments = re.findall(r"#.*", text)
    named = {int(row) for comment in comments for group in re.findall(r"rows? (\d+(?:(?:, | and | to )\d+)*)", comment)
             for row in re.findall(r"\d+", group)}
    assert named
    assert named <= set(estate.layout.decisions)
