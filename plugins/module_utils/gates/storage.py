# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The gate of the object storage."""

from __future__ import annotations

from typing import Any

from ansible_collections.unde.infra.plugins.module_utils import bucket_settings, bucket_trial, s3
from ansible_collections.unde.infra.plugins.module_utils.gates.measuring import Host, NotYet, Red


def object_storage(host: Host, *, store: dict[str, str], principal: str, buckets: list[dict[str, Any]], keys: dict[str, str]) -> str:
    """Return how many buckets and keys there are, and how fast they are.

    Every bucket is as the layout says; every key whose secret the vault has, the backups' and those of our services, works where it may and nowhere else.
    What is written is of a few bytes, and gone before it is judged. ``store`` has endpoint, region, style and ca_file; ``keys`` is the vault's,
    ``s3-<name>-access-key`` and ``s3-<name>-secret-key``.
    """
    if s3.missing():
        raise Red("the library botocore (python3-botocore) is not on this host")
    names = list(dict.fromkeys(name for bucket in buckets for name in bucket["access"]))
    wanted = {"principal": principal, "buckets": [{"versions_days": None, **bucket} for bucket in buckets]}
    if lacking := [entry for entry in ("s3-admin-access-key", "s3-admin-secret-key", *(f"s3-{name}-access-key" for name in names)) if entry not in keys]:
        raise Red(f"the vault lacks {', '.join(lacking)}")
    changes: list[str] = []
    try:
        narrowed = {name: keys[f"s3-{name}-access-key"] for name in names}
        bucket_settings.apply_all(_client(store, keys, "admin"), {**wanted, "keys": narrowed}, changes, True, lambda _warning: None)
    except (s3.BotoCoreError, s3.ClientError) as error:
        raise Red(f"{store['endpoint']}: {s3.words(error)}") from error
    if changes:
        raise Red(f"not as the layout says: {', '.join(changes)}")

    def works(name: str) -> float:
        may = {bucket["name"]: bucket["access"].get(name) for bucket in buckets}
        of = {kind: [bucket for bucket, mine in may.items() if mine == access] for kind, access in (("writes", "write"), ("reads", "read"), ("refused", None))}
        try:
            problems, seconds = bucket_trial.probe(_client(store, keys, name), {**of, "known": True})
        except s3.BotoCoreError as error:
            problems, seconds = [s3.words(error)], 0.0
        if problems:
            raise NotYet(f"{name}: {'; '.join(problems)}")
        return seconds

    # A policy is in effect everywhere after a minute.
    tried = host.each([name for name in names if f"s3-{name}-secret-key" in keys], works, 12, 5)
    return f"{len(buckets)} buckets, {len(tried)} keys; written, read and removed within {round(max(tried, default=0.0) * 1000)} ms"


def _client(store: dict[str, str], keys: dict[str, str], name: str) -> Any:
    """Return a client that comes in with a key."""
    return s3.connect({**store, "access_key": keys[f"s3-{name}-access-key"], "secret_key": keys[f"s3-{name}-secret-key"]})
