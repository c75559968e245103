"""The password of PostHog's PostgreSQL: upstream's Compose files write a known one into every service; here each gets ours."""

from __future__ import annotations

import json
from typing import Any

KNOWN = "posthog"
PLACE = "${POSTHOG_DATABASE_PASSWORD}"
#: Variables that are the password; the rest have it in an address.
NAMES = frozenset({"POSTGRES_PASSWORD", "PGPASSWORD", "POSTGRES_PWD"})


def override(configured: dict[str, Any]) -> str:
    """Return a further Compose file, JSON being YAML: what has to differ, by a reference to ``.env``."""
    services: dict[str, Any] = {}
    for name, service in configured["services"].items():
        changed = {
            key: value.replace(f":{KNOWN}@", f":{PLACE}@") if key not in NAMES else PLACE
            for key, value in (service.get("environment") or {}).items()
            if isinstance(value, str) and (f":{KNOWN}@" in value or (key in NAMES and value == KNOWN))
        }
        if changed:
            services[name] = {"environment": changed}
    return json.dumps({"services": services}, indent=1, sort_keys=True) + "\n"
