#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Try what a key may do in the buckets of an object storage."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: bucket_probe
short_description: Try what a key may do in the buckets of an S3-compatible store
description:
  - Writes a small object of a name of its own, reads it, removes it, and is refused where it has to be.
  - Fails with everything that is not so. What it wrote is gone afterwards; where a bucket keeps versions, one of a few bytes stays as long as they do.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.store, unde.infra.read_only]
options:
  writes:
    description: Buckets in which it may write, read and remove.
    type: list
    elements: str
    default: []
  reads:
    description: Buckets which it may only list.
    type: list
    elements: str
    default: []
  refused:
    description: Buckets in which it may do nothing.
    type: list
    elements: str
    default: []
  known:
    description: Whether the store is to know the key; false for one that was revoked, of which nothing else is tried.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Try the backups' key
  unde.infra.bucket_probe:
    endpoint: https://hel1.your-objectstorage.com
    region: hel1
    access_key: "{{ vault_object_storage_keys['s3-backups-access-key'] }}"
    secret_key: "{{ vault_object_storage_keys['s3-backups-secret-key'] }}"
    writes: [unde-shard-backups]
    refused: [unde-images]
"""

RETURN = r"""
milliseconds:
  description: How long the slowest bucket took for writing, reading and removing.
  type: int
  returned: success
  sample: 240
"""

import time
import uuid
from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import s3

REFUSALS = ("403", "AccessDenied")
#: How a store turns away a key that it does not know, or not with this secret.
UNKNOWN = ("InvalidAccessKeyId", "SignatureDoesNotMatch")


def attempt(call: Callable[..., dict[str, Any]], **arguments: Any) -> tuple[dict[str, Any] | None, str]:
    """Make a call; return its answer, and how it failed, the empty string where it did not."""
    try:
        return call(**arguments), ""
    except s3.ClientError as error:
        return None, s3.code(error)


def write_and_remove(store: Any, bucket: str, key: str) -> list[str]:
    """Return what was not so while an object was written, read and removed."""
    body = uuid.uuid4().hex.encode()
    done, why = attempt(store.put_object, Bucket=bucket, Key=key, Body=body)
    if done is None:
        return [f"{bucket}: writing failed: {why}"]
    problems = []
    read, why = attempt(store.get_object, Bucket=bucket, Key=key)
    if read is None or read["Body"].read() != body:
        problems.append(f"{bucket}: what was written cannot be read: {why or 'it is another'}")
    done, why = attempt(store.delete_object, Bucket=bucket, Key=key)
    if done is None:
        problems.append(f"{bucket}: removing failed: {why}")
    elif attempt(store.get_object, Bucket=bucket, Key=key)[1] not in ("NoSuchKey", "404"):
        problems.append(f"{bucket}: what was removed is still there")
    return problems


def refused(store: Any, bucket: str, key: str, may_read: bool) -> list[str]:
    """Return what was not refused and has to be: writing, and reading unless it may."""
    problems = []
    done, why = attempt(store.put_object, Bucket=bucket, Key=key, Body=b"")
    if done is not None:
        attempt(store.delete_object, Bucket=bucket, Key=key)
    if why not in REFUSALS:
        problems.append(f"{bucket}: writing is not refused{why and f': {why}'}")
    why = attempt(store.list_objects_v2, Bucket=bucket, MaxKeys=1)[1]
    if may_read and why:
        problems.append(f"{bucket}: reading failed: {why}")
    elif not may_read and why not in REFUSALS:
        problems.append(f"{bucket}: reading is not refused{why and f': {why}'}")
    return problems


def probe(store: Any, params: dict[str, Any]) -> tuple[list[str], float]:
    """Return what was not as it has to be, and how many seconds the slowest bucket took for writing, reading and removing."""
    key, problems, slowest = f"unde-probe/{uuid.uuid4().hex}", [], 0.0
    why = attempt(store.list_buckets)[1]
    if (why in UNKNOWN) == params["known"]:
        problems.append(f"the key is not let in: {why}" if params["known"] else "the key is still let in")
    if not params["known"]:
        return problems, slowest
    for bucket in params["writes"]:
        begun = time.monotonic()
        problems += write_and_remove(store, bucket, key)
        slowest = max(slowest, time.monotonic() - begun)
    for bucket in params["reads"]:
        problems += refused(store, bucket, key, may_read=True)
    for bucket in params["refused"]:
        problems += refused(store, bucket, key, may_read=False)
    return problems, slowest


def main() -> None:
    """Run the module."""
    listed = {"type": "list", "elements": "str", "default": []}
    known = {"type": "bool", "default": True}
    module = AnsibleModule(argument_spec={**s3.STORE, "writes": listed, "reads": listed, "refused": listed, "known": known}, supports_check_mode=True)
    store = s3.client(module)
    try:
        problems, slowest = probe(store, module.params)
    except s3.BotoCoreError as error:
        problems, slowest = [s3.words(error)], 0.0
    if problems:
        module.fail_json(msg="; ".join(problems))
    module.exit_json(changed=False, milliseconds=round(slowest * 1000))


if __name__ == "__main__":
    main()
