#!/usr/bin/python3
"""A stand-in for one of our services: it does none of its work, and says so. It answers its health, and it really speaks to its neighbours.

What it is told is what the service would be told: ``UNDE_…`` in the environment, secrets as files below ``UNDE_SECRETS``. It answers

- ``/health``: 200 as soon as it serves;
- ``/metrics``: how many requests it had, as Prometheus reads it;
- ``/neighbours``: for each neighbour whether it was asked and what it said: Redis as each of the service's users, PostgreSQL by TLS
  and, where there is a password, ``SELECT 1``, PostHog by an event, all others by their health. What is outside is never called;
- everything else: who it stands in for.

``release.json`` beside it may name its ``version`` and the status of its ``health``: for tests of releases that do not come up.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import signal
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

ENVIRONMENT = {name.removeprefix("UNDE_"): value for name, value in os.environ.items() if name.startswith("UNDE_")}
#: What the service is told of itself; the rest are neighbours.
OWN = {"SERVICE", "HOST", "SITE", "STANDBY", "LISTEN", "SECRETS", "CA_FILE"}
#: What it is told of a neighbour besides where it is.
TOLD = ("_KEYS", "_SENTINELS", "_MASTER")
RELEASE = Path(__file__).with_name("release.json")
TIMEOUT_S = 3
#: PostgreSQL's request for TLS; a server that offers it answers S (postgresql.org, "Message Formats").
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
requests = {"count": 0}


class Silent(Exception):
    """A neighbour did not say what it should; the text is what it said."""


def secret(name: str) -> str | None:
    """Return a secret of the service, read at each use, or None where it has not got it."""
    try:
        return Path(ENVIRONMENT["SECRETS"], name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def secrets(name: str) -> list[str]:
    """Return what to come in with, one after the other.

    While a secret is being replaced also its former value, and again the new one, which may have become valid between the two.
    """
    new, former = secret(name), secret(f"{name}-former")
    return [] if new is None else [new] if former is None else [new, former, new]


def end(place: str) -> tuple[str, int]:
    """Return address and port of ``address:port``."""
    address, _, port = place.rpartition(":")
    return address, int(port)


def outside(place: str) -> bool:
    """Tell whether a neighbour has a name in place of an address: then it is none of the estate's."""
    try:
        ipaddress.ip_address(end(place)[0])
    except ValueError:
        return True
    return False


def command(*words: str) -> bytes:
    """Return a command as Redis and its sentinels read it."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words)


def leader(name: str) -> str | None:
    """Ask the sentinels, one after the other until one knows, where the master of a Redis is; None where it has no copies."""
    sentinels = ENVIRONMENT.get(f"{name}_SENTINELS")
    for place in sentinels.split(",") if sentinels else ():
        try:
            with socket.create_connection(end(place), TIMEOUT_S) as connection, connection.makefile("rb") as answers:
                connection.sendall(command("AUTH", "client", secret("redis-sentinel-client") or ""))
                connection.sendall(command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", ENVIRONMENT[f"{name}_MASTER"]))
                said = [answers.readline().decode().strip() for _ in range(2)]
                if said == ["+OK", "*2"]:
                    _, address, _, port = (answers.readline().decode().strip() for _ in range(4))
                    return f"{address}:{port}"
        except OSError:
            continue
    if sentinels:
        raise Silent("no sentinel says who leads")
    return None


def redis(name: str, places: list[str]) -> str:
    """Look, at the master where it has copies, for a key of each of the service's own families; without one, be refused."""
    families = dict(each.split("=", 1) for each in ENVIRONMENT.get(f"{name}_KEYS", "").split(",") if each)
    instance, said = name.removeprefix("REDIS_").lower(), []
    with socket.create_connection(end((leader(name) if families else None) or places[0]), TIMEOUT_S) as connection, connection.makefile("rb") as answers:

        def ask(*words: str) -> str:
            connection.sendall(command(*words))
            return answers.readline().decode().strip()

        for family, prefix in families.items():
            if not any(ask("AUTH", family, each).startswith("+OK") for each in secrets(f"redis-{instance}-{family}")):
                raise Silent(f"{family} is not let in")
            answer = ask("EXISTS", f"{prefix}standin")
            if not answer.startswith(":"):
                raise Silent(f"{family}: {answer}")
            said.append(f"{family} may ask for {prefix}standin")
        if not families:
            answer = ask("PING")
            if "NOAUTH" not in answer:
                raise Silent(f"{answer} to nobody")
            said.append("nobody is refused")
    return ", ".join(said)


def login(name: str) -> tuple[str, list[str]]:
    """Return user and passwords for a database, no password where the service has none."""
    if name.startswith("SHARD_SQL_"):
        return "unde_app", secrets("shard-sql")
    prefix = f"database-{name.removesuffix('_SQL').lower()}-"
    for file in sorted(Path(ENVIRONMENT["SECRETS"]).glob(f"{prefix}*")):  # NAME before NAME-former
        return file.name.removeprefix(prefix), secrets(file.name)
    return "", []


def sql(name: str, places: list[str]) -> str:
    """Log in where the service has a password, by TLS that proves who is there; otherwise see that TLS is offered."""
    user, passwords = login(name)
    if not passwords:
        for place in places:
            with socket.create_connection(end(place), TIMEOUT_S) as connection:
                connection.sendall(SSL_REQUEST)
                if connection.recv(1) != b"S":
                    raise Silent(f"{place} offers no TLS")
        return "TLS is offered; no password to log in with"
    import psycopg2  # for the services that need it: it is half of the memory

    ends = [end(place) for place in places]

    def enter(password: str) -> psycopg2.extensions.connection:
        return psycopg2.connect(
            host=",".join(address for address, _ in ends), port=",".join(str(port) for _, port in ends), dbname="unde", user=user, password=password,
            sslmode="verify-full", sslrootcert=ENVIRONMENT["CA_FILE"], target_session_attrs="read-write", connect_timeout=TIMEOUT_S,
        )

    for number, password in enumerate(passwords, 1):
        try:
            connection = enter(password)
            break
        except psycopg2.OperationalError:
            if number == len(passwords):
                raise
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return f"SELECT 1 is {cursor.fetchone()[0]}, as {user} by TLS to {connection.info.host}"
    finally:
        connection.close()


def posthog(name: str, places: list[str]) -> str:
    """Tell of a session that begins, by an id that tells nothing."""
    token = secret("posthog-api-key") or "phc_standinstandinstandin"
    event = {"api_key": token, "event": "session_start", "distinct_id": hashlib.sha256(os.urandom(32)).hexdigest()}
    return http(places[0], "POST", "/capture/", json.dumps(event))


def health(name: str, places: list[str]) -> str:
    """Ask each of a service's hosts for its health; one that is well will do."""
    said, well = [], False
    for place in places:
        try:
            said.append(http(place, "GET", "/health"))
            well = True
        except (OSError, Silent) as error:
            said.append(f"{place}: {error}")
    if not well:
        raise Silent(", ".join(said))
    return ", ".join(said)


def http(place: str, method: str, path: str, body: str | None = None) -> str:
    """Ask by HTTP; anything but success is an error."""
    connection = HTTPConnection(*end(place), timeout=TIMEOUT_S)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        status = connection.getresponse().status
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise Silent(f"{place} answers {status}")
    return f"{place} answers {status}"


def ask(name: str, places: list[str]) -> dict[str, object]:
    """Speak to a neighbour and return what came of it."""
    if all(outside(place) for place in places):
        return {"asked": False, "said": "outside: a stand-in calls nobody there"}
    way = redis if name.startswith("REDIS_") else sql if "_SQL" in name else posthog if name == "POSTHOG" else health
    try:
        return {"asked": True, "well": True, "said": way(name, places)}
    except Exception as error:
        return {"asked": True, "well": False, "said": f"{type(error).__name__}: {error}".strip()}


def neighbours() -> dict[str, dict[str, object]]:
    """Return neighbour → what came of speaking to it, all at the same time."""
    them = {name: value.split(",") for name, value in ENVIRONMENT.items() if name not in OWN and not name.endswith(TOLD)}
    with ThreadPoolExecutor(max(1, len(them))) as pool:
        return dict(zip(them, pool.map(ask, them, them.values()), strict=True))


class Handler(BaseHTTPRequestHandler):
    """One request."""

    #: Seconds for which a client may keep silent, so that nobody holds up the end.
    timeout = TIMEOUT_S
    release: ClassVar[dict[str, object]] = {}

    def do_GET(self) -> None:
        """Answer."""
        requests["count"] += 1
        if self.path == "/health":
            self.say(int(str(self.release.get("health", 200))), "I am a stand-in, and well\n")
        elif self.path == "/metrics":
            self.say(200, f"# TYPE unde_standin_requests_total counter\nunde_standin_requests_total {requests['count']}\n")
        else:
            who = {"standin_for": ENVIRONMENT["SERVICE"], "host": ENVIRONMENT["HOST"], "version": self.release.get("version")}
            told = {"neighbours": neighbours()} if self.path == "/neighbours" else {}
            self.say(200, json.dumps(who | told, indent=1) + "\n", "application/json")

    do_POST = do_GET

    def say(self, status: int, text: str, kind: str = "text/plain; version=0.0.4") -> None:
        """Send an answer."""
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep silent: a lab has many of them."""


class Server(ThreadingHTTPServer):
    """A server that ends when what it has begun is done."""

    daemon_threads = False
    request_queue_size = 128


def main() -> None:
    """Serve until told to end."""
    Handler.release = json.loads(RELEASE.read_text(encoding="utf-8")) if RELEASE.exists() else {}
    # Waited for, not handled: a handler could interrupt this thread while it holds a lock that ending needs.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    server = Server(end(ENVIRONMENT["LISTEN"]), Handler)
    threading.Thread(target=server.serve_forever).start()
    signal.sigwait({signal.SIGTERM})
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    main()
