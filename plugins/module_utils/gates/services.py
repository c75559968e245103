# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The gates of what serves: services of ours, their caches and routing, the entry, and analytics."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from typing import Any

from ansible_collections.unde.infra.plugins.module_utils import app_service, systemd
from ansible_collections.unde.infra.plugins.module_utils.gates.measuring import ANSWER_S, Host, NotYet

#: Seconds to wait for what a user waits for.
USER_S = 10.0
#: What the gate in front of PostHog is asked: method, path, body, and the status of its answer. The event is on no list.
TRIALS: tuple[tuple[str, str, dict[str, Any] | None, int], ...] = (
    ("GET", "/_health", None, 200),
    ("POST", "/capture", {"event": "gate_of_day_7", "distinct_id": "nobody", "properties": {}}, 400),
)


def services(host: Host, *, services: list[dict[str, Any]]) -> str:
    """Return which services of ours run here; each says that it is well."""

    def well(service: dict[str, Any]) -> str:
        if why := app_service.ask(service["address"], int(service["port"]), service["health"]):
            raise NotYet(f"{service['name']}: {why}")
        return str(service["name"])

    return ", ".join(host.each(services, well, 5, 2))


def redis(host: Host, *, instances: list[dict[str, Any]]) -> str:
    """Return which instances of Redis run here; each answers, and turns away who says no password."""

    def closed(instance: dict[str, Any]) -> str:
        _code, said, complaint = host.run("redis-cli", "-h", instance["address"], "-p", str(instance["port"]), "ping")
        if "NOAUTH" not in f"{said}{complaint}":
            raise NotYet(f"{instance['name']}: {complaint or (said and f'answers without a password: {said}') or 'no answer'}")
        return str(instance["name"])

    return ", ".join(host.each(instances, closed, 5, 2))


def routing(host: Host, *, shards: int) -> str:
    """Return what the reconciler says: its last pass found Redis as etcd has it, with a leader for every shard."""

    def reconciled() -> str:
        text = systemd.properties(lambda words: host.run(*words), "unde-routing.service", "StatusText").get("StatusText", "")
        if not text.startswith(f"ok: {shards} of {shards} shards"):
            raise NotYet(f"unde-routing.service {f'says: {text}' if text else 'says nothing'}")
        return text

    return host.until(reconciled, 10, 3)


def entry(host: Host, *, address: str, port: int, names: list[str]) -> str:
    """Return how the entry answers, asked as a user asks, by its own names.

    Whether the certificate is one that users trust is not asked: its end is watched, and the lab's is of the estate's own authority.
    """

    def answers(name: str) -> str:
        try:
            protocol, status = _as_a_user(address, port, name)
        except (OSError, http.client.HTTPException) as error:
            raise NotYet(f"{address}:{port} does not answer as {name}: {error}") from error
        if status >= http.client.INTERNAL_SERVER_ERROR:
            raise NotYet(f"{address}:{port} answers as {name} with {status}")
        return f"{protocol} {status}"

    return f"{', '.join(names)}: {', '.join(dict.fromkeys(host.each(names, answers, 5, 2)))}"


def _as_a_user(address: str, port: int, name: str) -> tuple[str | None, int]:
    """Return the protocol that a server agrees to by ALPN, and its status for ``/``.

    Raises:
        OSError: it does not answer, or not by TLS.
        http.client.HTTPException: it does not speak HTTP.

    """
    with _connect(address, port, name, ["h2", "http/1.1"]) as connection:
        protocol = connection.selected_alpn_protocol()
    page = http.client.HTTPSConnection(name, port, timeout=USER_S)
    page.sock = _connect(address, port, name, ["http/1.1"])
    try:
        page.request("GET", "/")
        return protocol, page.getresponse().status
    finally:
        page.close()


def _connect(address: str, port: int, name: str, protocols: list[str]) -> ssl.SSLSocket:
    """Return a TLS connection under a name."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(protocols)
    return context.wrap_socket(socket.create_connection((address, port), USER_S), server_hostname=name)


def posthog(host: Host, *, address: str, port: int, commit: str) -> str:
    """Return what stands behind the gate in front of PostHog, which answers also while PostHog is not pinned yet or down, and refuses what no list names."""

    def answers(trial: tuple[str, str, dict[str, Any] | None, int]) -> None:
        method, path, body, wanted = trial
        asked = f"{method} http://{address}:{port}{path}"
        connection = http.client.HTTPConnection(address, port, timeout=ANSWER_S)
        try:
            connection.request(method, path, body=json.dumps(body) if body else None, headers={"Content-Type": "application/json"} if body else {})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise NotYet(f"{asked}: {error or type(error).__name__}") from error
        finally:
            connection.close()
        if status != wanted:
            raise NotYet(f"{asked} answers {status}, not {wanted}")

    host.each(TRIALS, answers, 5, 2)
    return f"PostHog at {commit[:12]}" if commit else "no PostHog yet: it is not pinned"
