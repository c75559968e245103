"""Redis: a user for each family of keys, who may do with its own keys what the instance can keep, and nothing with another's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from ..model import Estate
from ..model.schema import KeyFamily
from ..plan import secrets
from .rules import Violation, rule

#: Users that the roles make for themselves: two lines of one name in an ACL file, and Redis does not start.
TAKEN = ("admin", "default", "monitor", "replica", "sentinel")
#: What a user may do, in the role redis: to keys that expire; and those that count, and so may not be lost.
EXPIRING = ("frame", "counter", "pending")
COUNTING = ("counter", "pending")
LEAST_MB = 8  #: 0 would be without bound, and less than this Redis needs for itself


@rule("redis-user")
def users(estate: Estate) -> Iterator[Violation]:
    """The users of Redis have names of their own, and no two of them one password."""
    seen = {"sentinel-peer": "the sentinels", "sentinel-client": "the sentinels"}
    for name in estate.layout.clusters.redis:
        for user in (each for each in TAKEN if each != "default"):
            seen.setdefault(secrets.redis_user(name, user), f"clusters.redis.{name}")
    for name, instance in estate.layout.clusters.redis.items():
        for family in instance.families:
            path, password = ("clusters", "redis", name, "families", family), secrets.redis_user(name, family)
            if family in TAKEN:
                yield Violation(path, f"Redis or the role has the user '{family}' for itself", "another name for the family")
            elif password in seen:
                yield Violation(
                    path, f"the password '{password}' would be that of '{family}' of '{name}' and of {seen[password]}",
                    "another name for one of them",
                )
            seen.setdefault(password, f"'{family}' of '{name}'")
        if not instance.families:
            yield Violation(
                ("clusters", "redis", name, "families"), f"Redis '{name}' has no family of keys: nobody but its administrator may use it",
                "a family for each of its users, or no instance", warn=True,
            )


@rule("redis-access")
def access(estate: Estate) -> Iterator[Violation]:
    """What a family's user may do fits its time to live, and an instance that keeps what is counted."""
    for name, instance in estate.layout.clusters.redis.items():
        for key, family in instance.families.items():
            path = ("clusters", "redis", name, "families", key)
            wanted = family.access or ("frame" if family.ttl_s else "cache")
            if wanted in EXPIRING and family.ttl_s is None:
                yield Violation(
                    (*path, "access"), f"access {wanted} of '{key}' is to keys that expire, but ttl_s does not say when",
                    f"write ttl_s, or an access without one: {', '.join(each for each in ('cache', 'map', 'queue'))}",
                )
            if wanted not in EXPIRING and family.ttl_s is not None:
                yield Violation(
                    (*path, "ttl_s"), f"keys of '{key}' are to live {family.ttl_s} s, but access {wanted} may write keys that stay",
                    f"no ttl_s, or an access to keys that expire: {', '.join(EXPIRING)}",
                )
            if wanted in COUNTING and (instance.policy != "noeviction" or instance.persistence != "aof"):
                yield Violation(
                    (*path, "access"),
                    f"'{key}' counts, but '{name}' may forget: policy {instance.policy}, persistence {instance.persistence}",
                    "an instance with policy noeviction and persistence aof",
                )


@rule("redis-keys")
def keys(estate: Estate) -> Iterator[Violation]:
    """No family's keys are another's: what a user may read and write is its own."""
    for name, instance in estate.layout.clusters.redis.items():
        for (one, first), (other, second) in combinations(instance.families.items(), 2):
            met = next(((a, b) for a in _patterns(first) for b in _patterns(second) if _meet(a, b)), None)
            if met:
                yield Violation(
                    ("clusters", "redis", name, "families", other, "patterns" if second.patterns else "prefix"),
                    f"'{met[1]}' of '{other}' and '{met[0]}' of '{one}' are the same keys of '{name}': each user could write the other's",
                    "beginnings of which none holds another, as mood: and mode:",
                )


@rule("redis-bound", derives=True)
def bound(estate: Estate) -> Iterator[Violation]:
    """A Redis instance has so much memory that its bound is one: 0 MB would be none."""
    for name, instance in estate.layout.clusters.redis.items():
        there = min((host.kind.ram_gb for host in estate.hosts.values() if host.name == instance.host), default=0)
        if int(there * 1024 * instance.memory_share) < LEAST_MB:
            yield Violation(
                ("clusters", "redis", name, "memory_share"),
                f"{instance.memory_share:g} of {there} GB is less than the {LEAST_MB} MB that Redis needs for itself", "a larger share",
            )


def _patterns(family: KeyFamily) -> list[str]:
    """Return the patterns of a family's keys, as the role writes them."""
    return list(family.patterns) or [f"{family.prefix}*"]


def _meet(one: str, other: str) -> bool:
    """Return whether some key may fit both patterns: by what they begin with, up to the first wildcard."""
    first, second = (re.split(r"[*?]", pattern)[0] for pattern in (one, other))
    if one == first and other == second:
        return one == other
    if one == first:
        return one.startswith(second)
    if other == second:
        return other.startswith(first)
    return first.startswith(second) or second.startswith(first)
