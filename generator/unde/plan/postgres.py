"""PostgreSQL's settings from the size of a host.

The document's file (32 GB memory, NVMe) is the fixed point: at 32 GB and 500 GB every key has the document's value.
Memory follows its comments (25 % and 75 % of memory) and scales linearly; WAL is bounded by the disk as well, so that
a small disk is not filled (DECISIONS rows 17 and 19).
"""

from __future__ import annotations

from ..model.schema import HostKind, WalBounds

MB, GB = 1, 1024
UNBOUNDED = -1  #: of max_slot_wal_keep_size
LARGEST_QUEUE = "4PiB"  #: that pgBackRest accepts (pgbackrest.org, archive-push-queue-max)


def size(megabytes: int) -> str:
    """Return a size as PostgreSQL writes it: ``8GB``, ``40MB``."""
    return f"{megabytes // GB}GB" if megabytes >= GB and megabytes % GB == 0 else f"{megabytes}MB"


def settings(host: HostKind, wal: WalBounds, stanza: str) -> dict[str, str | int | float]:
    """Return the settings of a shard member.

    Args:
        host: its size; memory and disk in GB.
        wal: how much of the disk may hold WAL that waits.
        stanza: pgBackRest's name of the cluster.

    """
    memory, disk = host.ram_gb * GB, host.disk_gb * GB
    shared_buffers = memory // 4
    return {
        "shared_buffers": size(shared_buffers),
        "effective_cache_size": size(memory * 3 // 4),
        "work_mem": size(max(4 * MB, 40 * MB * host.ram_gb // 32)),
        "maintenance_work_mem": size(max(64 * MB, memory // 16)),
        "wal_buffers": size(max(1 * MB, min(64 * MB, shared_buffers // 128))),
        "random_page_cost": 1.1,
        "seq_page_cost": 1.0,
        "effective_io_concurrency": 200,
        "fsync": "on",
        "synchronous_commit": "local",
        "full_page_writes": "on",
        "wal_level": "replica",
        "max_wal_senders": 5,
        "wal_keep_size": size(min(4 * GB, disk // 100)),
        "max_replication_slots": 5,
        "max_slot_wal_keep_size": UNBOUNDED if wal.slot_share is None else size(int(disk * wal.slot_share)),
        "checkpoint_timeout": "10min",
        "max_wal_size": size(max(64 * MB, min(2 * GB, disk // 200))),
        "max_connections": 100,
        "archive_mode": "on",
        "archive_command": f"pgbackrest --stanza={stanza} archive-push %p",
    }


#: Connections of a core database that are not its pool's: superuser_reserved_connections (3), look-ups of verifiers (2), the
#: monitor (2), backups and people.
CORE_OTHER = 13


def core(host: HostKind, wal: WalBounds, stanza: str, pool_size: int) -> dict[str, str | int | float]:
    """Return the settings of a core database, which has no replica: a shard's, where nothing else is said.

    Args:
        host: its size; memory and disk in GB.
        wal: how much of the disk may hold WAL that waits.
        stanza: pgBackRest's name of the cluster.
        pool_size: connections of the pooler, through which everyone comes.

    """
    return settings(host, wal, stanza) | {
        "max_connections": pool_size + CORE_OTHER,
        "synchronous_commit": "on",
        # A caller that forgets its transaction holds one of the pool's connections, and keeps dead rows from being removed.
        "idle_in_transaction_session_timeout": "60s",
        "log_min_duration_statement": "1s",
        "log_lock_waits": "on",
        "log_checkpoints": "on",
        "log_temp_files": "64MB",
        "log_line_prefix": "%m [%p] %q%u@%d %a ",
    }


#: Parameters that must be equal on all members, so that Patroni keeps them in its store
#: (patroni.readthedocs.io, "Important PostgreSQL parameters").
COMMON = ("wal_level", "max_wal_senders", "wal_keep_size", "max_replication_slots", "max_slot_wal_keep_size", "max_connections")


def common(primary: HostKind, wal: WalBounds, stanza: str) -> dict[str, str | int | float]:
    """Return the parameters that Patroni's store holds for the whole shard, from the first primary's size."""
    own = settings(primary, wal, stanza)
    fixed: dict[str, str | int | float] = {
        "hot_standby": "on", "max_locks_per_transaction": 64, "max_prepared_transactions": 0, "max_worker_processes": 8,
        "track_commit_timestamp": "off", "wal_log_hints": "on",
    }
    return {name: own[name] for name in COMMON} | fixed


def archive_queue_gib(host: HostKind, wal: WalBounds) -> int | None:
    """Return the bound of pgBackRest's archive queue, GiB; ``None`` where the layout sets none."""
    return None if wal.archive_share is None else max(1, int(host.disk_gb * wal.archive_share))


def archive_queue_max(host: HostKind, wal: WalBounds) -> str:
    """Return the bound of pgBackRest's archive queue, in its own notation; its largest where the layout sets none."""
    bound = archive_queue_gib(host, wal)
    if bound is None:
        return LARGEST_QUEUE
    return f"{bound}GiB"
