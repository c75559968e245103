"""What Prometheus is told: the gate's counters, and the document's three figures of PostHog."""

from __future__ import annotations

import os
import re
import urllib.request
from pathlib import Path

from .compose import Failed, Stack

MEANING = {
    "posthog_events_ingested_total": ("counter", "Events that PostHog took from its gate."),
    "posthog_clickhouse_disk_usage": ("gauge", "Percent of the disk below ClickHouse that is used."),
    "posthog_query_latency_p95": ("gauge", "Seconds within which 95 of 100 of ClickHouse's queries of the last five minutes were answered."),
}
LATENCY = (
    "SELECT quantile(0.95)(query_duration_ms) / 1000 FROM system.query_log "
    "WHERE type = 'QueryFinish' AND is_initial_query AND event_time > now() - 300 HAVING count() > 0"
)


def write(stack: Stack, gate_url: str, target: Path) -> None:
    """Write the file beside its place and move it there, so that nobody reads a half; nothing where its folder does not exist."""
    if not target.parent.is_dir():
        return
    counters = _of_gate(gate_url)
    values = {"posthog_clickhouse_disk_usage": _disk_percent(stack.data), "posthog_query_latency_p95": _latency(stack)}
    delivered = re.search(r"^unde_posthog_gate_delivered_total (\d+)$", counters, re.MULTILINE)
    values["posthog_events_ingested_total"] = float(delivered.group(1)) if delivered else None
    lines = [
        f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n{name} {values[name]:g}\n" for name, (kind, meaning) in MEANING.items() if values[name] is not None
    ]
    fresh = target.with_suffix(".new")
    fresh.write_text(counters + "".join(lines), encoding="utf-8")
    os.chmod(fresh, 0o644)
    fresh.rename(target)


def _of_gate(url: str) -> str:
    """Return the gate's counters; nothing while it does not answer."""
    if not url:
        return ""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def _disk_percent(data: Path) -> float:
    disk = os.statvfs(data)
    used = disk.f_blocks - disk.f_bfree
    return 100 * used / (used + disk.f_bavail)


def _latency(stack: Stack) -> float | None:
    """Return the figure; None while ClickHouse does not answer, or answered nothing."""
    try:
        return float(stack.inside("clickhouse", "clickhouse-client", "--query", LATENCY))
    except (Failed, ValueError):
        return None
