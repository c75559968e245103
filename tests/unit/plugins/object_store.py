"""A store of objects in memory, behind what stands in the place of botocore: no test speaks to a real one, and the library need not be there."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

#: An answer to a question by HEAD has a number in the place of a name.
ABSENT = {"head_bucket": "404"}


class BotoCoreError(Exception):
    """What went wrong before a store answered."""


class ClientError(Exception):
    """A store's refusal."""

    def __init__(self, response: dict[str, Any], operation_name: str) -> None:
        """Take the answer and what was asked."""
        super().__init__(f"{operation_name}: {response}")
        self.response = response
        self.operation_name = operation_name


class Store:
    """Buckets by their names; what a key may do is a function of the operation and the bucket. It is the client, and what makes one."""

    def __init__(self) -> None:
        """Have no bucket, and let everybody do everything."""
        self.buckets: dict[str, dict[str, Any]] = {}
        self.refusal: Callable[[str, str], str] = lambda operation, bucket: ""
        self.asked: list[str] = []
        self.made_with: dict[str, Any] = {}
        self.handlers: dict[str, Callable[..., None]] = {}
        self.meta = self.events = self

    def create_client(self, service: str, **arguments: Any) -> Store:
        """Return a client."""
        self.made_with = {"service": service, **arguments}
        return self

    def register(self, event: str, handler: Callable[..., None]) -> None:
        """Have something called before each request."""
        self.handlers[event] = handler

    def bucket(self, name: str, **parts: Any) -> dict[str, Any]:
        """Have a bucket."""
        self.buckets[name] = {"versions": None, "lifecycle": None, "policy": None, "objects": {}, **parts}
        return self.buckets[name]

    def fail(self, operation: str, code: str, message: str = "") -> None:
        """Refuse as a store does."""
        raise ClientError({"Error": {"Code": code, "Message": message}}, operation)

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        """Return an operation: whether it may, whether there is such a bucket, and what it does."""

        def call(Bucket: str = "", **arguments: Any) -> dict[str, Any]:
            self.asked.append(f"{operation} {Bucket}".strip())
            if code := self.refusal(operation, Bucket):
                self.fail(operation, code)
            if Bucket and operation != "create_bucket" and Bucket not in self.buckets:
                self.fail(operation, ABSENT.get(operation, "NoSuchBucket"))
            return dict(getattr(self, f"do_{operation}")(Bucket, **arguments) or {})

        if f"do_{operation}" not in dir(self):
            raise AttributeError(operation)
        return call

    def part(self, operation: str, bucket: str, part: str, code: str) -> Any:
        """Return a part of a bucket, or refuse where there is none."""
        if self.buckets[bucket][part] is None:
            self.fail(operation, code)
        return self.buckets[bucket][part]

    def do_list_buckets(self, bucket: str) -> dict[str, Any]:
        return {"Buckets": [{"Name": name} for name in self.buckets]}

    def do_head_bucket(self, bucket: str) -> None:
        pass

    def do_create_bucket(self, bucket: str) -> None:
        self.bucket(bucket)

    def do_get_bucket_versioning(self, bucket: str) -> dict[str, Any]:
        return {"Status": self.buckets[bucket]["versions"]} if self.buckets[bucket]["versions"] else {}

    def do_put_bucket_versioning(self, bucket: str, VersioningConfiguration: dict[str, str]) -> None:
        self.buckets[bucket]["versions"] = VersioningConfiguration["Status"]

    def do_get_bucket_lifecycle_configuration(self, bucket: str) -> dict[str, Any]:
        return {"Rules": self.part("GetBucketLifecycleConfiguration", bucket, "lifecycle", "NoSuchLifecycleConfiguration")}

    def do_put_bucket_lifecycle_configuration(self, bucket: str, LifecycleConfiguration: dict[str, Any]) -> None:
        self.buckets[bucket]["lifecycle"] = LifecycleConfiguration["Rules"]

    def do_get_bucket_policy(self, bucket: str) -> dict[str, Any]:
        return {"Policy": json.dumps(self.part("GetBucketPolicy", bucket, "policy", "NoSuchBucketPolicy"))}

    def do_put_bucket_policy(self, bucket: str, Policy: str) -> None:
        policy = json.loads(Policy)
        if not policy:
            self.fail("PutBucketPolicy", "MalformedPolicy")
        self.buckets[bucket]["policy"] = policy

    def do_delete_bucket_policy(self, bucket: str) -> None:
        self.buckets[bucket]["policy"] = None

    def do_put_object(self, bucket: str, Key: str, Body: bytes) -> None:
        self.buckets[bucket]["objects"][Key] = Body

    def do_get_object(self, bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.buckets[bucket]["objects"]:
            self.fail("GetObject", "NoSuchKey")
        return {"Body": io.BytesIO(self.buckets[bucket]["objects"][Key])}

    def do_delete_object(self, bucket: str, Key: str) -> None:
        self.buckets[bucket]["objects"].pop(Key, None)

    def do_list_objects_v2(self, bucket: str, MaxKeys: int) -> dict[str, Any]:
        return {"Contents": [{"Key": key} for key in self.buckets[bucket]["objects"]][:MaxKeys]}


def install() -> None:
    """Stand in the place of botocore, before a module of the collection looks for it."""
    library, config, exceptions, session = (ModuleType(f"botocore{part}") for part in ("", ".config", ".exceptions", ".session"))
    library.config, library.exceptions, library.session = config, exceptions, session  # type: ignore[attr-defined]
    config.Config = lambda **settings: settings  # type: ignore[attr-defined]
    exceptions.BotoCoreError, exceptions.ClientError = BotoCoreError, ClientError  # type: ignore[attr-defined]
    session.get_session = Store  # type: ignore[attr-defined]
    sys.modules.update({module.__name__: module for module in (library, config, exceptions, session)})
