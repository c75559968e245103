"""Encrypted disks: what a key slot costs to try."""

from __future__ import annotations

from ..model.schema import HostKind

KIB_PER_GB = 1 << 20
#: Of a host's memory: a slot is tried while the database runs, too.
SHARE = 32
#: KiB: the memory of RFC 9106's second recommendation; and cryptsetup's own default, as its upper bound.
LEAST, MOST = 1 << 16, 1 << 20
ITERATIONS = 4  #: passes; the fewest that cryptsetup takes, one more than the RFC has for that memory
MOST_THREADS = 4  #: that cryptsetup takes, and the RFC recommends


def memory_kib(host: HostKind) -> int:
    """Return the memory of Argon2id for a new header, KiB."""
    return max(LEAST, min(MOST, host.ram_gb * KIB_PER_GB // SHARE))


def threads(host: HostKind) -> int:
    """Return the threads of Argon2id for a new header."""
    return min(MOST_THREADS, host.vcpu)
