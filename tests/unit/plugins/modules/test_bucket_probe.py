"""The module ``unde.infra.bucket_probe``: what a key may do, tried, and all that is otherwise said at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import bucket_probe
from object_store import BotoCoreError, Store

Called = Callable[..., dict[str, Any]]
KEY = {"endpoint": "https://store.example", "region": "hel1", "access_key": "KEY1", "secret_key": "the-secret"}
TRIED = {**KEY, "writes": ["own"], "reads": ["shared"], "refused": ["closed"]}
WRITES = {"put_object", "delete_object"}


@pytest.fixture
def narrowed(store: Store) -> Store:
    """Return a store in which the key may do what it has to."""
    for name in ("own", "shared", "closed"):
        store.bucket(name)
    store.refusal = lambda operation, bucket: "AccessDenied" if bucket == "closed" or (bucket == "shared" and operation in WRITES) else ""
    return store


def test_a_key_that_may_what_it_has_to(narrowed: Store, called: Called) -> None:
    result = called(bucket_probe, **TRIED)
    assert not result.get("failed")
    assert (result["changed"], result["milliseconds"] >= 0) == (False, True)
    assert all(each["objects"] == {} for each in narrowed.buckets.values()), "what it wrote is gone"
    assert [line for line in narrowed.asked if line.startswith("put")] == ["put_object own", "put_object shared", "put_object closed"]


@pytest.mark.parametrize(("operation", "bucket", "code", "message"), [
    ("put_object", "own", "AccessDenied", "own: writing failed: AccessDenied"),
    ("get_object", "own", "AccessDenied", "own: what was written cannot be read: AccessDenied; own: what was removed is still there"),
    ("delete_object", "own", "AccessDenied", "own: removing failed: AccessDenied"),
    ("list_objects_v2", "shared", "AccessDenied", "shared: reading failed: AccessDenied"),
    ("put_object", "shared", "", "shared: writing is not refused"),
    ("put_object", "shared", "SlowDown", "shared: writing is not refused: SlowDown"),
    ("list_objects_v2", "closed", "", "closed: reading is not refused"),
    ("list_objects_v2", "closed", "NoSuchBucket", "closed: reading is not refused: NoSuchBucket"),
    ("put_object", "closed", "", "closed: writing is not refused"),
    ("list_buckets", "", "InvalidAccessKeyId", "the key is not let in: InvalidAccessKeyId"),
    ("list_buckets", "", "SignatureDoesNotMatch", "the key is not let in: SignatureDoesNotMatch"),
])  # fmt: skip
def test_what_is_otherwise(operation: str, bucket: str, code: str, message: str, narrowed: Store, called: Called) -> None:
    before = narrowed.refusal
    narrowed.refusal = lambda asked, where: code if (asked, where) == (operation, bucket) else before(asked, where)
    result = called(bucket_probe, **TRIED)
    assert (result["failed"], result["msg"]) == (True, message)


def test_what_should_have_been_refused_is_removed(narrowed: Store, called: Called) -> None:
    narrowed.refusal = lambda operation, bucket: ""
    result = called(bucket_probe, **TRIED)
    assert result["msg"] == "shared: writing is not refused; closed: writing is not refused; closed: reading is not refused"
    assert all(each["objects"] == {} for each in narrowed.buckets.values())


def test_another_content_is_told(narrowed: Store, called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    write = narrowed.do_put_object
    monkeypatch.setattr(narrowed, "do_put_object", lambda bucket, Key, Body: write(bucket, Key, b"another"))
    assert called(bucket_probe, **TRIED)["msg"] == "own: what was written cannot be read: it is another"


def test_what_stays_when_it_was_removed_is_told(narrowed: Store, called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(narrowed, "do_delete_object", lambda bucket, Key: None)
    assert called(bucket_probe, **TRIED)["msg"] == "own: what was removed is still there"


@pytest.mark.parametrize(("code", "message"), [("InvalidAccessKeyId", None), ("", "the key is still let in"), ("AccessDenied", "the key is still let in")])
def test_a_key_that_was_revoked(code: str, message: str | None, narrowed: Store, called: Called) -> None:
    narrowed.refusal = lambda operation, bucket: code
    assert called(bucket_probe, **TRIED, known=False).get("msg") == message
    assert narrowed.asked == ["list_buckets"], "nothing else is tried of it"


def test_a_store_that_does_not_answer(narrowed: Store, called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(bucket: str) -> None:
        raise BotoCoreError("Could not connect")

    monkeypatch.setattr(narrowed, "do_list_buckets", away)
    assert called(bucket_probe, **TRIED)["msg"] == "Could not connect"
