# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the buckets of a store are to be, what they are, and how one becomes the other: versions, lifecycle, and a policy that denies."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ansible_collections.unde.infra.plugins.module_utils import s3

#: What nobody but the administrator may do. Written out one by one, since not every store understands NotAction; and without those at which Ceph stumbles.
ADMINISTER = [
    "s3:BypassGovernanceRetention", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:DeleteBucketWebsite", "s3:DeleteObjectVersion", "s3:PutBucketAcl",
    "s3:PutBucketCORS", "s3:PutBucketLogging", "s3:PutBucketNotification", "s3:PutBucketObjectLockConfiguration", "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutBucketVersioning", "s3:PutBucketWebsite", "s3:PutLifecycleConfiguration",
    "s3:PutObjectAcl", "s3:PutObjectVersionAcl", "s3:PutReplicationConfiguration",
]  # fmt: skip
#: What a reader may not do besides.
WRITE = [
    "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging", "s3:PutObject", "s3:PutObjectLegalHold",
    "s3:PutObjectRetention", "s3:PutObjectTagging", "s3:PutObjectVersionTagging", "s3:RestoreObject",
]  # fmt: skip
#: What is denied, by what a key may.
DENIED: dict[str | None, tuple[str, list[str]]] = {
    None: ("Strangers", ["s3:*"]),
    "read": ("Readers", sorted(ADMINISTER + WRITE)),
    "write": ("Writers", sorted(ADMINISTER)),
}
#: How a store says that there is none of something.
NONE = ("NoSuchBucketPolicy", "NoSuchLifecycleConfiguration")
ABSENT = ("404", "NoSuchBucket", "NotFound")


def policy(bucket: dict[str, Any], keys: dict[str, str], principal: str) -> dict[str, Any] | None:
    """Return the policy of a bucket: what each kind of key is denied; none where there is no key to narrow."""
    arn = f"arn:aws:s3:::{bucket['name']}"
    statements = []
    for may, (who, actions) in DENIED.items():
        named = sorted(principal.replace("{key}", key) for name, key in keys.items() if bucket["access"].get(name) == may)
        if named:
            statements.append({"Sid": who, "Effect": "Deny", "Principal": {"AWS": named}, "Action": actions, "Resource": [arn, f"{arn}/*"]})
    return {"Version": "2012-10-17", "Statement": statements} if statements else None


def lifecycle(bucket: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the one rule of a bucket's lifecycle."""
    rule: dict[str, Any] = {
        "ID": "unde", "Filter": {"Prefix": ""}, "Status": "Enabled",
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": bucket["abort_uploads_days"]},
    }  # fmt: skip
    if bucket["versions_days"] is not None:
        rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": bucket["versions_days"]}
        # What says that an object was deleted goes when no version of it is left.
        rule["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    return [rule]


def plain(value: Any) -> Any:
    """Return a policy in the one of its spellings that all stores' answers can be brought to."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        items = sorted((plain(each) for each in value), key=lambda each: json.dumps(each, sort_keys=True))
        return items[0] if len(items) == 1 and isinstance(items[0], str) else items
    return value


def plain_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """Return a rule of a lifecycle likewise: a prefix stands in one place, and is there."""
    rule = dict(rule)
    prefix = rule.pop("Prefix", None)
    return {**rule, "Filter": rule.get("Filter") or {"Prefix": prefix or ""}}


def found(store: Any, name: str) -> dict[str, Any] | None:
    """Return a bucket as it is; None where there is none."""
    try:
        store.head_bucket(Bucket=name)
    except s3.ClientError as error:
        if s3.code(error) in ABSENT:
            return None
        raise
    versions = store.get_bucket_versioning(Bucket=name).get("Status", "none")
    rules = asked(store.get_bucket_lifecycle_configuration, name, {"Rules": []})["Rules"]
    text = asked(store.get_bucket_policy, name, {"Policy": "null"})["Policy"]
    return {"versions": versions, "lifecycle": sorted(map(plain_rule, rules), key=json.dumps), "policy": plain(json.loads(text))}


def asked(question: Callable[..., dict[str, Any]], name: str, without: dict[str, Any]) -> dict[str, Any]:
    """Return a store's answer about a bucket, or what stands for none."""
    try:
        return question(Bucket=name)
    except s3.ClientError as error:
        if s3.code(error) in NONE:
            return without
        raise


def apply(store: Any, name: str, part: str, value: Any) -> None:
    """Change one part of a bucket."""
    if part == "versions":
        store.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": value})
    elif part == "lifecycle":
        store.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": value})
    elif value is None:
        store.delete_bucket_policy(Bucket=name)
    else:
        store.put_bucket_policy(Bucket=name, Policy=json.dumps(value))


def apply_all(store: Any, params: dict[str, Any], changes: list[str], check_mode: bool, warn: Callable[[str], None]) -> tuple[list[str], list[dict[str, Any]]]:
    """Bring all buckets to what is wanted, noting what was not; return the others that the key sees, and each bucket before and after."""
    differences = []
    there = {bucket["Name"] for bucket in store.list_buckets()["Buckets"]}
    for bucket in params["buckets"]:
        name, before = bucket["name"], found(store, bucket["name"])
        if before is None:
            changes.append(f"{name}: made")
            if not check_mode:
                store.create_bucket(Bucket=name)
        now = before or {"versions": "none", "lifecycle": [], "policy": None}
        after = {
            # Never switched off: what can be brought back today could not be tomorrow.
            "versions": now["versions"] if bucket["versions_days"] is None else "Enabled",
            "lifecycle": lifecycle(bucket),
            "policy": policy(bucket, params["keys"], params["principal"]),
        }
        if bucket["versions_days"] is None and now["versions"] == "Enabled":
            warn(f"{name} keeps versions, for ever: give it versions_days")
        for part, value in after.items():
            if plain(value) != plain(now[part]):
                changes.append(f"{name}: {part}")
                if not check_mode:
                    apply(store, name, part, value)
        differences.append({"before_header": name, "after_header": name, "before": before or {}, "after": {**after, "policy": plain(after["policy"])}})
    return sorted(there - {bucket["name"] for bucket in params["buckets"]}), differences
