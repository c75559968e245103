# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a key may do in the buckets of a store, tried: an object is written, read and removed, and refused where it has to be."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

from ansible_collections.unde.infra.plugins.module_utils import s3

#: How a store says that a key may not.
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
