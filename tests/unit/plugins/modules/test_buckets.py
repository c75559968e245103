"""The module ``unde.infra.buckets``: what is made and changed in a store, and that nothing is ever taken away."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible_collections.unde.infra.plugins.doc_fragments.store import ModuleDocFragment
from ansible_collections.unde.infra.plugins.module_utils import s3
from ansible_collections.unde.infra.plugins.modules import buckets
from object_store import BotoCoreError, Store

Called = Callable[..., dict[str, Any]]
ARN = "arn:aws:s3:::media"


def wanted(*, versions_days: int | None = 14, access: dict[str, str] | None = None, keys: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the parameters for one bucket."""
    return {
        "endpoint": "https://store.example", "region": "hel1", "access_key": "ADMIN", "secret_key": "the-secret-of-admin",
        "principal": "arn:aws:iam:::user/p1:{key}", "keys": {"writer": "W1", "reader": "R1", "other": "O1", "another": "O2"} if keys is None else keys,
        "buckets": [{"name": "media", "versions_days": versions_days, "abort_uploads_days": 7, "access": access or {"writer": "write", "reader": "read"}}],
    }  # fmt: skip


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_bucket_that_is_missing(check_mode: bool, store: Store, called: Called) -> None:
    result = called(buckets, check_mode, **wanted())
    assert result["changes"] == ["media: made", "media: versions", "media: lifecycle", "media: policy"]
    assert (result["changed"], result["others"]) == (True, [])
    assert (store.buckets == {}) is check_mode
    if check_mode:
        return
    assert store.buckets["media"]["versions"] == "Enabled"
    assert store.buckets["media"]["lifecycle"] == [{
        "ID": "unde", "Filter": {"Prefix": ""}, "Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 14}, "Expiration": {"ExpiredObjectDeleteMarker": True},
    }]  # fmt: skip
    [strangers, readers, writers] = store.buckets["media"]["policy"]["Statement"]
    assert {each["Effect"] for each in (strangers, readers, writers)} == {"Deny"}
    assert strangers["Principal"] == {"AWS": ["arn:aws:iam:::user/p1:O1", "arn:aws:iam:::user/p1:O2"]}
    assert (strangers["Action"], strangers["Resource"]) == (["s3:*"], [ARN, f"{ARN}/*"])
    assert (readers["Principal"], writers["Principal"]) == ({"AWS": ["arn:aws:iam:::user/p1:R1"]}, {"AWS": ["arn:aws:iam:::user/p1:W1"]})
    assert {"s3:PutObject", "s3:DeleteObjectVersion"} < set(readers["Action"])
    assert "s3:PutObject" not in writers["Action"]
    assert {"s3:DeleteObjectVersion", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration", "s3:DeleteBucket"} < set(writers["Action"])
    assert "ADMIN" not in json.dumps(store.buckets), "who is in no policy is not locked out"


def test_a_second_run_changes_nothing(store: Store, called: Called) -> None:
    called(buckets, **wanted())
    # Stores answer in their own spelling.
    policy = store.buckets["media"]["policy"]
    policy["Statement"].reverse()
    for statement in policy["Statement"]:
        statement["Action"].reverse()
        [*one] = statement["Principal"]["AWS"]
        statement["Principal"]["AWS"] = one[0] if len(one) == 1 else one[::-1]
    [rule] = store.buckets["media"]["lifecycle"]
    rule["Prefix"] = rule.pop("Filter")["Prefix"]
    store.asked.clear()
    result = called(buckets, **wanted())
    assert (result["changed"], result["changes"], result["others"]) == (False, [], [])
    assert not [line for line in store.asked if line.startswith(("put", "create", "delete"))]


@pytest.mark.parametrize(("part", "drift"), [
    ("policy", None), ("policy", {"Version": "2012-10-17", "Statement": []}),
    ("lifecycle", None), ("lifecycle", [{"ID": "unde", "Filter": {"Prefix": "x"}, "Status": "Enabled"}]),
    ("versions", None), ("versions", "Suspended"),
])  # fmt: skip
def test_what_another_hand_changed_is_changed_back(part: str, drift: Any, store: Store, called: Called) -> None:
    called(buckets, **wanted())
    before = store.buckets["media"][part]
    store.buckets["media"][part] = drift
    assert called(buckets, True, **wanted())["changes"] == [f"media: {part}"]
    assert store.buckets["media"][part] == drift
    result = called(buckets, **wanted())
    assert result["changes"] == [f"media: {part}"]
    assert store.buckets["media"][part] == before
    [shown] = result["diff"]
    assert (shown["before_header"], shown["before"][part] == shown["after"][part]) == ("media", False)
    assert {shown["before"][each] == shown["after"][each] for each in {"versions", "policy"} - {part}} == {True}


def test_versions_are_never_switched_off(store: Store, called: Called) -> None:
    called(buckets, **wanted())
    result = called(buckets, **wanted(versions_days=None))
    assert result["changes"] == ["media: lifecycle"]
    assert store.buckets["media"]["versions"] == "Enabled"
    assert "NoncurrentVersionExpiration" not in store.buckets["media"]["lifecycle"][0]


def test_a_policy_that_narrows_nobody_goes(store: Store, called: Called) -> None:
    called(buckets, **wanted())
    assert called(buckets, **wanted(keys={}))["changes"] == ["media: policy"]
    assert store.buckets["media"]["policy"] is None


def test_other_buckets_are_named_and_left_alone(store: Store, called: Called) -> None:
    store.bucket("theirs", policy={"Statement": []})
    before = json.dumps(store.buckets["theirs"])
    assert called(buckets, **wanted())["others"] == ["theirs"]
    assert json.dumps(store.buckets["theirs"]) == before
    assert not [line for line in store.asked if "theirs" in line]


def test_a_refusal_is_told_without_the_key(store: Store, called: Called) -> None:
    store.refusal = lambda operation, bucket: "AccessDenied" if operation == "put_bucket_policy" else ""
    result = called(buckets, **wanted())
    assert result["failed"]
    assert result["msg"] == "https://store.example: put_bucket_policy: AccessDenied (no reason given)"
    assert result["changes"][-1] == "media: policy"
    assert "the-secret-of-admin" not in json.dumps(result)


def test_a_bucket_that_may_not_be_seen_is_not_taken_for_missing(store: Store, called: Called) -> None:
    store.refusal = lambda operation, bucket: "403" if operation == "head_bucket" else ""
    assert called(buckets, **wanted())["msg"] == "https://store.example: head_bucket: 403 (no reason given)"
    assert store.buckets == {}


def test_a_store_that_does_not_answer(store: Store, called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(bucket: str) -> None:
        raise BotoCoreError("Could not connect")

    monkeypatch.setattr(store, "do_list_buckets", away)
    assert called(buckets, **wanted())["msg"] == "https://store.example: Could not connect"


@pytest.mark.parametrize(("style", "addressing"), [("host", "virtual"), ("path", "path")])
def test_the_client(style: str, addressing: str, store: Store, called: Called) -> None:
    called(buckets, **wanted(), style=style, ca_file="/etc/ca.crt")
    made = store.made_with
    assert (made["service"], made["endpoint_url"], made["region_name"], made["verify"]) == ("s3", "https://store.example", "hel1", "/etc/ca.crt")
    assert (made["aws_access_key_id"], made["aws_secret_access_key"]) == ("ADMIN", "the-secret-of-admin")
    assert made["config"]["s3"] == {"addressing_style": addressing}
    assert made["config"]["proxies"] == {}
    request: dict[str, Any] = {"body": b"<x/>", "headers": {}}
    store.handlers["before-call.s3"](request, model="other")
    assert request["headers"] == {"Content-MD5": base64.b64encode(hashlib.md5(b"<x/>", usedforsecurity=False).digest()).decode()}
    nothing: dict[str, Any] = {"body": b"", "headers": {}}
    store.handlers["before-call.s3"](nothing)
    assert nothing["headers"] == {}


def test_without_the_library(called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "missing", lambda: "Traceback")
    result = called(buckets, **wanted())
    assert result["failed"]
    assert "botocore" in result["msg"]
    # A check of a new host: it is installed by a task before.
    assert called(buckets, check_mode=True, **wanted())["changed"]


def test_the_options_that_are_shared_are_documented_as_they_are() -> None:
    documented = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert {name: (each["type"], each.get("default"), each.get("required", False), each.get("choices")) for name, each in documented.items()} == {
        name: (each["type"], each.get("default"), each.get("required", False), each.get("choices")) for name, each in s3.STORE.items()
    }
