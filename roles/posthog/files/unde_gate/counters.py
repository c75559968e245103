"""What the gate counts, as Prometheus reads it."""

from __future__ import annotations

import threading
from collections.abc import Callable

MEANING = {
    "unde_posthog_gate_accepted_total": ("counter", "Events that passed, by name."),
    "unde_posthog_gate_refused_total": ("counter", "Requests that were refused, by rule."),
    "unde_posthog_gate_delivered_total": ("counter", "Events that PostHog took."),
    "unde_posthog_gate_rejected_total": ("counter", "Events that passed here and that PostHog refused."),
    "unde_posthog_gate_dropped_total": ("counter", "Events that found no room while PostHog did not answer."),
    "unde_posthog_gate_attempts_failed_total": ("counter", "Attempts to reach PostHog that failed."),
    "unde_posthog_gate_waiting": ("gauge", "Events that wait for PostHog."),
}


class Counters:
    """Counters by name and label, safe between threads."""

    def __init__(self) -> None:
        """Begin at nothing; a counter without a label is shown from the start, so that its first step is seen."""
        self._lock = threading.Lock()
        self._gauges: dict[str, Callable[[], int]] = {}
        self._values: dict[tuple[str, str], int] = {
            (name, ""): 0 for name, (kind, _) in MEANING.items() if kind == "counter" and not name.endswith(("accepted_total", "refused_total"))
        }

    def add(self, name: str, label: str = "") -> None:
        """Count one; ``label`` is ``key="value"``, of words that the gate itself knows."""
        with self._lock:
            self._values[name, label] = self._values.get((name, label), 0) + 1

    def gauge(self, name: str, value: Callable[[], int]) -> None:
        """Show a value that is asked for whenever somebody looks."""
        self._gauges[name] = value

    def text(self) -> str:
        """Return everything in Prometheus's text format."""
        with self._lock:
            values = dict(self._values)
        values |= {(name, ""): value() for name, value in self._gauges.items()}
        lines: list[str] = []
        for name, (kind, meaning) in MEANING.items():
            shown = [f"{metric}{{{label}}} {value}" if label else f"{metric} {value}" for (metric, label), value in sorted(values.items()) if metric == name]
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}", *shown] if shown else []
        return "".join(f"{line}\n" for line in lines)
