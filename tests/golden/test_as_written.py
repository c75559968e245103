"""The document taken literally: every row of the decisions that is marked is named, at its place, with the other party."""

from __future__ import annotations

import re

import pytest

import support
import unde
from unde import checks
from unde.errors import Finding

AS_WRITTEN = support.ROOT / "inventory" / "examples" / "as-written.yml"
REFUSED = {1, 2, 3, 4, 7, 14}
#: Rows that nothing in a layout can break: they are about words, packages, or what is measured in drills.
UNMARKED = {13, 15, 28, 29}

#: (row, rule, path, a word of the message)
NAMED: list[tuple[int, str, str, str]] = [
    (1, "address-duplicate", "hosts.unde-app.address", "helsinki-gw"),
    (1, "address-duplicate", "hosts.unde-app.public_address", "helsinki-gw"),
    (2, "address-duplicate", "hosts.etcd-3.address", "embedder"),
    (2, "address-duplicate", "hosts.etcd-3.public_address", "embedder"),
    (3, "address-duplicate", "hosts.etcd-2.address", "embed-batch"),
    (3, "address-duplicate", "hosts.etcd-2.public_address", "embed-batch"),
    (4, "label-duplicate", "hosts.unde-app.label", "helsinki-gw"),
    (4, "document-claim", "document.claims.gateway-label", "H20"),
    (5, "document-claim", "document.claims.gateway-type", "CPX22"),
    (6, "gateway-virtualization", "sites.helsinki.gateway.placement", "nested virtualization"),
    (7, "rollout-no-day", "hosts.embedder.day", "embedder"),
    (7, "rollout-no-day", "hosts.embed-batch.day", "embed-batch"),
    (7, "rollout-no-day", "hosts.unde-app.day", "unde-app"),
    (8, "etcd-majority", "hosts.etcd-3.site", "2 of 3 votes"),
    (9, "cost-total", "costs.configurations.start.components.new.document", "€148.00"),
    (10, "cost-total", "costs.configurations.10k.document", "€705–1,105"),
    (10, "cost-total", "costs.configurations.50k.document", "€2,450–4,450"),
    (10, "cost-currency", "costs.configurations.10k.document", "USD"),
    (10, "cost-currency", "costs.configurations.50k.document", "USD"),
    (11, "document-claim", "document.claims.local-vcpu", "39 vCPU"),
    (11, "document-claim", "document.claims.local-ram", "78 GB"),
    (11, "document-claim", "document.claims.stateless", "8 hosts"),
    (12, "document-claim", "document.claims.users-16-shards", "8000–12800"),
    (14, "pool-collision", "pools.shard-primary.base", "10.2.0.11 of 'local-mood'"),
    (14, "pool-collision", "pools.shard-replica.base", "10.1.1.30 of 'posthog'"),
    (14, "pool-collision", "pools.shard-tunnel.base", "wg-etcd"),
    (16, "document-claim", "document.claims.promotion", "16–29 s"),
    (17, "wal-bounds", "clusters.postgres.wal.slot_share", "no bound"),
    (17, "wal-bounds", "clusters.postgres.wal.archive_share", "no bound"),
    (17, "watch-domain", "hosts.monitoring.roles", "nobody would be told"),
    (18, "index-trigger", "shards.embedding.measured_by", "pg_relation_size"),
    (19, "working-set", "shards.users_per_shard.most", "effective_cache_size counts shared_buffers"),
    (20, "replica-smaller", "shards.replica.type", "8 vCPU for 16"),
    (21, "document-claim", "document.claims.gateway-speed", "1000 Mbit/s"),
    (22, "price-differs", "hosts.etcd-2.price_eur", "3 prices"),
    (23, "sentinel-votes", "clusters.sentinel.sentinels", "2 sentinels"),
    (24, "routing-writer", "clusters.redis.limits.families.shards", "nobody writes it"),
    (25, "master-key", "shards.master_key.kept_in", ".env"),
    (25, "master-key", "shards.master_key.readers", "shard-replica-0"),
    (26, "service-standby", "services.orchestrator.standby", "helsinki"),
    (26, "service-standby", "services.mood.standby", "helsinki"),
    (27, "monitoring-missing", "hosts.model-generator", "model-generator"),
    (27, "monitoring-missing", "hosts.tryon-service", "tryon-service"),
    (27, "monitoring-missing", "hosts.monitoring", "monitoring"),
    (27, "monitoring-missing", "hosts.helsinki-gw", "helsinki-gw"),
    (30, "document-claim", "document.claims.etcd-traffic", "0.288 GB a day"),
    (31, "index-filtered", "shards.embedding.index", "half-precision"),
]


#: From where the servers are managed; what the router's image and PostHog are known by; how the provider routes its private network.
UNSAID = {"flow-from-anywhere", "gateway-image", "gateway-next-hop", "posthog-pins"}


@pytest.fixture(scope="module")
def found() -> list[Finding]:
    """What is said of the document as it is."""
    return unde.check(unde.estate(unde.load(AS_WRITTEN)))


def test_every_row_has_its_findings() -> None:
    """All rows but those that are about words are in the table above."""
    assert {row for row, *_ in NAMED} == set(range(1, 32)) - UNMARKED


@pytest.mark.parametrize(("row", "rule", "path", "word"), NAMED, ids=lambda value: str(value))
def test_a_row_is_named(row: int, rule: str, path: str, word: str, found: list[Finding]) -> None:
    """With its rule at its place, the message says what is wrong and how to mend it; refused rows are errors."""
    there = [finding for finding in found if (finding.rule, finding.path) == (rule, path) and word in finding.message]
    assert len(there) == 1
    assert there[0].fix
    claim = rule == "document-claim"  # a claim of the document's text is no error of the layout
    assert there[0].level == ("error" if row in REFUSED and not claim else "warning")
    assert row in checks.RULES[rule].rows or claim


def test_nothing_else_is_said(found: list[Finding]) -> None:
    """Every finding belongs to a row, but for what the document does not say at all: what is not in it is not invented."""
    rules = {rule for _, rule, _, _ in NAMED}
    assert {finding.rule for finding in found} == rules | UNSAID


def test_the_shipped_layout_decides_what_the_document_leaves_wrong(found: list[Finding]) -> None:
    """Not one of the literal document's errors is in the shipped layout, and every claim that fails there names its decision here."""
    shipped = unde.estate(unde.load(support.LAYOUT))
    assert not [finding for finding in unde.check(shipped) if finding.level == "error"]
    failing = {re.sub(r"^document\.claims\.", "", finding.path) for finding in found if finding.rule == "document-claim"}
    decided = {name for name, claim in shipped.layout.document.claims.items() if claim.decision is not None}
    # Those two are values of the layout, decided in place; the users of one shard are the document's way to find vectors, which is another here (row 31).
    assert failing - {"gateway-type", "gateway-label"} | {"users-1-shard"} == decided
