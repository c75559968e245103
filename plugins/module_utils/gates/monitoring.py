# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The gates of monitoring: what each Prometheus scrapes, whom it tells, and of whom it hears that they can tell people."""

from __future__ import annotations

import base64
import http.client
import ssl
import urllib.parse
from collections import Counter
from pathlib import Path
from typing import Any

from ansible_collections.unde.infra.plugins.module_utils.gates.measuring import ANSWER_S, Host, NotYet, Red, read

#: With which Prometheus asks itself, and comes to Alertmanager; the role prometheus keeps it there.
PASSWORD = Path("/etc/prometheus/own.password")
#: Who vouches for its certificate.
AUTHORITY = Path("/etc/unde/tls/ca.crt")
#: What says that somebody who is asked by it can tell people.
TELLS = 'unde_monitoring_tells{job="peers"}'


def monitoring(host: Host, *, address: str, port: int) -> str:
    """Return how many targets are up; each was asked, and there is somebody to tell.

    One that began just now knows no targets for some seconds, and then has not asked each of them yet: no answer so far.
    """

    def up() -> str:
        health = Counter(target["health"] for target in _ask(address, port, "targets?state=active")["activeTargets"])
        count = f"{health['up']} of {health.total()} targets up"
        if not health["up"] or health["unknown"]:
            raise NotYet(f"{count}, {health['unknown']} not asked yet")
        return count

    def received(count: str) -> None:
        if not _ask(address, port, "alertmanagers")["activeAlertmanagers"]:
            raise NotYet(f"{count}, knows nobody to tell")

    count = host.until(up, 10, 3)
    host.until(lambda: received(count), 10, 3)
    return count


def watch(host: Host, *, name: str, address: str, port: int, peers: int) -> str:
    """Return of whom this Prometheus hears that they can tell people."""

    def hears() -> list[str]:
        found = _ask(address, port, f"query?query={urllib.parse.quote(TELLS)}")["result"]
        if len(found) != peers:
            raise NotYet(f"{name} hears from {len(found)} in place of {peers}: {', '.join(each['metric']['host'] for each in found) or 'nobody'}")
        return [each["metric"]["host"] for each in found]

    return f"{name} hears from {', '.join(host.until(hears, 10, 3)) or 'nobody, as it has nobody to ask'}"


def _ask(address: str, port: int, path: str) -> dict[str, Any]:
    """Return what the host's Prometheus answers.

    Raises:
        Red: the host has no password of it, or no authority.
        NotYet: it does not answer, or not what is asked.

    """
    try:
        user, context = base64.b64encode(f"prometheus:{PASSWORD.read_text().strip()}".encode()).decode(), ssl.create_default_context(cafile=AUTHORITY)
    except OSError as error:
        raise Red(f"Prometheus cannot be asked, which takes {PASSWORD} and {AUTHORITY}: {error}") from error
    connection = http.client.HTTPSConnection(address, port, timeout=ANSWER_S, context=context)
    asked = f"https://{address}:{port}/api/v1/{path}"
    try:
        connection.request("GET", f"/api/v1/{path}", headers={"Authorization": f"Basic {user}"})
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise NotYet(f"{asked}: {error or type(error).__name__}") from error
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise NotYet(f"{asked} answers {answer.status}")
    found: dict[str, Any] = read(text, asked)["data"]
    return found
