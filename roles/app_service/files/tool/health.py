"""Whether a service runs and says of itself that it is ready."""

from __future__ import annotations

import http.client
import time

from common import Service, run, unit

#: A program that ended so often will not do better by waiting.
MOST_ENDS = 3
#: Healthy is what is so twice in a row, so long apart.
PAUSE_S = 0.2


def active(name: str) -> bool:
    """Tell whether the unit runs."""
    return _property(name, "ActiveState") == "active"


def healthy(service: Service) -> str | None:
    """Wait until a service is healthy; return None, or what was wrong with it in the end."""
    deadline, well, why = time.monotonic() + service["start_s"], 0, ""
    while time.monotonic() < deadline:
        if int(_property(service["name"], "NRestarts") or 0) >= MOST_ENDS:
            return f"it ended {MOST_ENDS} times"
        why = "it does not run" if not active(service["name"]) else answer(service)
        well = 0 if why else well + 1
        if well == 2:
            return None
        time.sleep(PAUSE_S)
    return f"not healthy within {service['start_s']} s: {why}"


def answer(service: Service) -> str:
    """Ask for the health; return nothing, or what was answered in its place. The body is nobody's business."""
    asked = f"http://{service['address']}:{service['port']}{service['health']}"
    connection = http.client.HTTPConnection(service["address"], service["port"], timeout=2)
    try:
        connection.request("GET", service["health"])
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{asked}: {error or type(error).__name__}"
    finally:
        connection.close()
    return "" if status == 200 else f"{asked} answers {status}"


def _property(name: str, which: str) -> str:
    """Return what systemd says of a unit."""
    return run("systemctl", "show", "--property", which, "--value", unit(name), check=False)
