"""No false alarm: what is sound is passed, and what the shipped layout is warned of is what its decisions keep."""

from __future__ import annotations

from typing import Any

import pytest

import support
import unde

EXAMPLES = support.ROOT / "inventory" / "examples"
GOLDEN = support.ROOT / "tests" / "golden"
SOUND = {
    **{name: (EXAMPLES / f"{name}.yml", None) for name in ("single-site", "game-studio", "clinic")},
    "golden base": (GOLDEN / "base.yml", None),
    **{f"golden {path.parent.name}": (GOLDEN / "base.yml", path) for path in sorted((GOLDEN / "valid").glob("*/overlay.yml"))},
}
#: What the decisions keep although it is doubtful: rule → decision.
KEPT = {"gateway-virtualization": 6, "price-differs": 22, "replica-smaller": 20, "tunnel-endpoint-missing": 8}
#: What its users have to fill in before they roll it out; nobody else knows it.
TO_BE_FILLED_IN = {
    "flow-from-anywhere": "services.operators", "gateway-image": "sites.helsinki.gateway.image_checksum",
    "posthog-pins": "clusters.posthog.app_commit", "entry-name": "services.app-entry.entry.names", "app-version": "services.orchestrator.app",
    "object-storage-principal": "clusters.object_storage.principal", "gateway-next-hop": "sites.helsinki.gateway.next_hop",
}
#: The shipped layout as it would be with every doubt removed.
MENDED: dict[str, Any] = {
    "sites": {"helsinki": {"gateway": {"engine": "linux", "next_hop": "10.1.0.1"}}},
    "services": {
        "operators": {"networks": ["203.0.113.0/24"]}, "app-entry": {"entry": {"names": ["api.example.org"]}},
        **{name: {"app": {"version": "1"}} for name, service in support.shipped()["services"].items() if "app" in service},
    },
    "clusters": {
        "posthog": {"app_commit": "0" * 40, "app_image": f"sha256:{'0' * 64}", "node_image": f"sha256:{'0' * 64}"},
        "object_storage": {"principal": "arn:aws:iam:::user/p1:{key}"},
    },
    "hosts": {
        **{name: {"price_eur": None} for name in ("helsinki-gw", "apify", "photo-downloader", "ximilar-sync", "ximilar-gw", "llm-reranker", "etcd-2")},
        "etcd-3": {"public_address": "198.51.100.7", "price_eur": None},
    },
    "shards": {
        "replica": {"type": "AX41 (dedicated)", "vcpu": 16, "ram_gb": 64, "disk_gb": 512, "starting": {"4": None}},
    },
}


@pytest.mark.parametrize("name", SOUND)
def test_nothing_is_said_of_a_sound_layout(name: str) -> None:
    """Neither an error nor a warning."""
    assert unde.check(unde.estate(unde.load(*SOUND[name]))) == []


def test_the_newsroom_is_warned_of_what_it_has_to_fill_in() -> None:
    """PostHog has no releases: which commit runs is its user's to say."""
    assert {(finding.level, finding.rule) for finding in unde.check(unde.estate(unde.load(EXAMPLES / "newsroom.yml")))} == {("warning", "posthog-pins")}


@pytest.mark.parametrize("count", [1, 2, 16, 100, 151])
def test_nothing_is_said_of_the_shipped_layout_with_its_doubts_removed(count: int) -> None:
    """However many shards it has."""
    mended = MENDED | {"shards": MENDED["shards"] | {"count": count, "replica": {**MENDED["shards"]["replica"], "starting": {}, "only": {}}}}
    data = support.shipped()
    data["shards"]["replica"] |= {"starting": {}, "only": {}}
    merged = support.merged(data, mended)
    assert unde.check(support.estate_of(merged)) == []


@pytest.mark.parametrize("file", ["layout.yml", "examples/sixteen-shards.yml"])
def test_the_shipped_layouts_are_warned_of_what_was_decided(file: str) -> None:
    """No error, and no warning without its decision or something to fill in."""
    estate = unde.estate(unde.load(support.ROOT / "inventory" / file))
    found = unde.check(estate)
    assert {finding.level for finding in found} == {"warning"}
    assert {finding.rule for finding in found} <= KEPT.keys() | TO_BE_FILLED_IN.keys()
    assert {finding.path for finding in found if finding.rule in TO_BE_FILLED_IN} == set(TO_BE_FILLED_IN.values())
    assert set(KEPT.values()) <= estate.layout.decisions.keys()


def test_the_laboratory_may_be_built() -> None:
    """Its overlay leaves no error."""
    unde.refuse_errors(unde.estate(unde.load(support.LAYOUT, support.ROOT / "molecule" / "estate" / "lab.yml")))


def on_bookworm(**changed: Any) -> list[str]:
    """Return what the rule of releases says of the shipped layout, every typed host in use on Debian 12 and changed as given."""
    in_use = [name for name, host in support.shipped()["hosts"].items() if host["state"] != "create"]
    data = support.merged(support.shipped(), {"hosts": {name: {"release": "bookworm"} | changed for name in in_use}})
    estate = support.estate_of(data)
    return [finding.message for finding in unde.check(estate) if finding.rule == "release-role"]


def test_what_is_adopted_first_works_on_debian_12() -> None:
    """Nothing is refused where only that acts; beyond it every role that does not work there is named, with its host."""
    assert on_bookworm(adopt=["base", "firewall", "exporters"]) == []
    said = on_bookworm()
    for host, role in (("staging-db", "core_database"), ("monitoring", "alertmanager"), ("unde-app", "app_service"), ("etcd-2", "etcd"), ("etcd-2", "routing")):
        assert any(message.startswith(f"'{host}' runs Debian 12 (bookworm), on which the role {role} does not work") for message in said), (host, role)
    assert not any("the role gateway " in message or "'push'" in message or "'production-db'" in message for message in said)
