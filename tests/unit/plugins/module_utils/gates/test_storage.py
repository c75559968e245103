"""The gate of the object storage, against a store in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import s3
from ansible_collections.unde.infra.plugins.module_utils.gates import storage
from ansible_collections.unde.infra.plugins.module_utils.gates.measuring import Host, NotYet, Red
from ansible_collections.unde.infra.plugins.modules import buckets
from object_store import Store

STORE = {"endpoint": "https://store.example", "region": "hel1", "style": "host", "ca_file": "/etc/ssl/certs/ca-certificates.crt"}
BUCKETS = [
    {"name": "images", "abort_uploads_days": 7, "access": {"pipeline": "write", "originals": "read"}},
    {"name": "backups", "versions_days": 14, "abort_uploads_days": 7, "access": {"backups": "write"}},
]
NAMES = ("admin", "pipeline", "originals", "backups")
KEYS = {f"s3-{name}-{half}-key": f"{half}-of-{name}" for name in NAMES for half in ("access", "secret")}
GIVEN = {"store": STORE, "principal": "arn:{key}", "buckets": BUCKETS, "keys": KEYS}
WRITES = {"put_object", "delete_object"}


@pytest.fixture
def narrowed(store: Store, called: Callable[..., dict[str, Any]]) -> Store:
    """Return a store that is as the layout says, and in which each key may do what it has to."""
    narrow = {name: KEYS[f"s3-{name}-access-key"] for name in NAMES[1:]}
    called(buckets, **STORE, access_key="a", secret_key="s", principal="arn:{key}", keys=narrow, buckets=BUCKETS)
    access: dict[str, dict[str, str]] = {str(bucket["name"]): dict(bucket["access"]) for bucket in BUCKETS}  # type: ignore[call-overload]

    def refusal(operation: str, bucket: str) -> str:
        name = store.made_with["aws_access_key_id"].removeprefix("access-of-")
        may = access.get(bucket, {}).get(name) if name != "admin" and bucket else "write"
        return "" if may == "write" or (may == "read" and operation not in WRITES) else "AccessDenied"

    store.refusal = refusal
    store.asked.clear()
    return store


def test_every_key_is_tried_in_every_bucket(host: Host, narrowed: Store, pause: Any) -> None:
    assert storage.object_storage(host, **GIVEN).startswith("2 buckets, 3 keys; written, read and removed within ")
    assert pause.slept == []
    assert all(bucket["objects"] == {} for bucket in narrowed.buckets.values())
    assert len([line for line in narrowed.asked if line.startswith("put_object")]) == 6, "each key in each bucket"
    assert not [line for line in narrowed.asked if line.startswith(("put_bucket", "create"))]
    assert narrowed.made_with["endpoint_url"] == "https://store.example"


def test_a_policy_that_is_not_in_effect_yet(host: Host, narrowed: Store, pause: Any) -> None:
    """Who has passed is not tried again."""
    later = narrowed.refusal
    early = {("list_objects_v2", "access-of-originals")}
    narrowed.refusal = lambda operation, bucket: "" if (operation, narrowed.made_with["aws_access_key_id"]) in early else later(operation, bucket)
    pause.meanwhile = early.clear
    assert storage.object_storage(host, **GIVEN).startswith("2 buckets, 3 keys")
    assert len([line for line in narrowed.asked if line.startswith("put_object")]) == 6 + 2
    assert pause.slept == [5]


def test_a_key_that_may_what_it_should_not(host: Host, narrowed: Store, pause: Any) -> None:
    narrowed.refusal = lambda operation, bucket: ""
    with pytest.raises(NotYet) as raised:
        storage.object_storage(host, **GIVEN)
    assert "originals: images: writing is not refused; backups: writing is not refused; backups: reading is not refused" in str(raised.value)
    assert pause.slept == [5] * 12


def test_a_key_whose_secret_is_not_here_is_not_tried(host: Host, narrowed: Store) -> None:
    keys = {entry: value for entry, value in KEYS.items() if entry != "s3-originals-secret-key"}
    assert storage.object_storage(host, **{**GIVEN, "keys": keys}).startswith("2 buckets, 2 keys")


def test_a_bucket_that_is_not_as_the_layout_says(host: Host, narrowed: Store, pause: Any) -> None:
    """Nothing is brought back."""
    narrowed.buckets["images"]["policy"] = None
    narrowed.buckets["backups"]["versions"] = None
    with pytest.raises(Red, match=r"^not as the layout says: images: policy, backups: versions$"):
        storage.object_storage(host, **GIVEN)
    assert narrowed.buckets["images"]["policy"] is None
    assert pause.slept == []


def test_a_store_that_turns_the_administrator_away(host: Host, narrowed: Store) -> None:
    narrowed.refusal = lambda operation, bucket: "SignatureDoesNotMatch"
    with pytest.raises(Red, match=r"^https://store.example: list_buckets: SignatureDoesNotMatch"):
        storage.object_storage(host, **GIVEN)


def test_a_vault_without_a_key(host: Host, store: Store) -> None:
    with pytest.raises(Red, match=r"^the vault lacks s3-admin-access-key, s3-admin-secret-key, s3-pipeline-access-key, s3-originals-access-key, s3-backups-"):
        storage.object_storage(host, **{**GIVEN, "keys": {}})


def test_a_host_without_the_library(host: Host, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "missing", lambda: "Traceback")
    with pytest.raises(Red, match=r"botocore"):
        storage.object_storage(host, **GIVEN)
