"""The gate in front of PostHog: what passes, what is refused and in which words, and a PostHog that is dead, slow or back."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import http.client
import http.server
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest

import support

sys.path.insert(0, str(support.ROOT / "roles" / "posthog" / "files"))

from unde_gate import wire
from unde_gate.counters import Counters
from unde_gate.policy import RULES, Policy, Refused
from unde_gate.relay import Relay
from unde_gate.server import MOST_BYTES, Gate

LIST = json.loads((support.ROOT / "roles" / "posthog" / "files" / "unde_gate" / "events.json").read_text(encoding="utf-8"))
NAMES = {
    "user_message_sent", "recommendation_shown", "recommendation_clicked", "store_visited", "try_on_used", "avatar_interaction",
    "session_start", "session_end", "onboarding_step",
}
USER = hmac.new(b"a key of the apps", b"user 42", hashlib.sha256).hexdigest()
TOKEN = "phc_" + "k3Jd9sLq2M" * 4
SECRET = "I am so tired of my mother-in-law"
POLICY = Policy(LIST, b"a key of the gate")
#: Only what hangs takes this long, seconds.
TIMEOUT_S = 60


def event(name: str = "user_message_sent", **changes: Any) -> dict[str, Any]:
    """Return an event that passes, with changes."""
    return {"api_key": TOKEN, "event": name, "distinct_id": USER, "properties": {}} | changes


def example(wanted: dict[str, Any]) -> Any:
    """Return a value of a type."""
    return {"hash": USER, "boolean": True, "one_of": wanted.get("values", [None])[0], "integer": wanted.get("max")}[wanted["type"]]


def refusal(body: Any) -> Refused:
    """Return why a body does not pass; nothing of what was sent is in it."""
    with pytest.raises(Refused) as caught:
        POLICY.judged(body)
    assert SECRET not in str(caught.value)
    assert caught.value.rule in RULES
    return caught.value


def test_the_list_is_the_document_s() -> None:
    """The eight bullets, the last but one of which has two names; nothing free in any of them."""
    assert set(POLICY.events) == NAMES
    for properties in [LIST["common"], *LIST["events"].values()]:
        for name, wanted in properties.items():
            assert wanted["type"] in ("hash", "boolean", "one_of", "integer"), name
            assert wanted.get("max", 0) < 10**6, f"{name}: room for a phone number"
            assert all(len(value) <= 12 for value in wanted.get("values", [])), name


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_event_passes_with_everything_it_may_have(name: str) -> None:
    properties = {key: example(wanted) for key, wanted in (LIST["common"] | LIST["events"][name]).items()}
    [passed] = POLICY.judged(event(name, properties=properties, timestamp="2026-11-24T12:00:00.123Z"))
    assert passed["properties"] == properties | {"$process_person_profile": False, "$geoip_disable": True}
    assert set(passed) == {"api_key", "event", "distinct_id", "properties", "timestamp"}


@pytest.mark.parametrize(
    ("changes", "rule", "place"),
    [
        ({"event": "message_text"}, "event-unknown", "events[0].event"),
        ({"event": SECRET}, "event-unknown", "events[0].event"),
        ({"event": "$pageview"}, "event-unknown", "events[0].event"),
        ({"event": ["user_message_sent"]}, "event-unknown", "events[0].event"),
        ({"properties": {"content": SECRET}}, "property-unknown", "events[0].properties"),
        ({"properties": {SECRET: 1}}, "property-unknown", "events[0].properties"),
        ({"properties": {"$set": {"email": "a@b.example"}}}, "property-unknown", "events[0].properties"),
        ({"properties": {"input": SECRET}}, "property-value", "events[0].properties.input"),
        ({"properties": {"turn": SECRET}}, "property-value", "events[0].properties.turn"),
        ({"properties": {"turn": 971501234567}}, "property-value", "events[0].properties.turn"),
        ({"properties": {"turn": 1.5}}, "property-value", "events[0].properties.turn"),
        ({"properties": {"turn": True}}, "property-value", "events[0].properties.turn"),
        ({"properties": {"input": {"text": SECRET}}}, "property-value", "events[0].properties.input"),
        ({"properties": {"session": "0198f2d3-0d5e-7c33-9a46-6b5d6a0e9b1f"}}, "property-value", "events[0].properties.session"),
        ({"properties": [SECRET]}, "event-form", "events[0].properties"),
        ({"$set": {"name": SECRET}}, "event-form", "events[0]"),
        ({"timestamp": SECRET}, "timestamp", "events[0].timestamp"),
        ({"api_key": SECRET}, "token", "events[0]"),
        ({"api_key": None}, "token", "events[0]"),
    ],
)
def test_refused(changes: dict[str, Any], rule: str, place: str) -> None:
    refused = refusal(event(**changes))
    assert (refused.rule, refused.place) == (rule, place)


@pytest.mark.parametrize(
    "user",
    [
        "42", 42, "+971 50 123 4567", "somebody@mail.example", "0198f2d3-0d5e-7c33-9a46-6b5d6a0e9b1f", "0198f2d30d5e7c339a466b5d6a0e9b1f", None, "",
        USER.upper(), USER[:-1], USER + "0", USER + "\n", "0" * 62 + "42", "0" * 32 + "0198f2d30d5e7c339a466b5d6a0e9b1f"[:4] * 8,
        "9715012345670000000000000000000000000000000000000000000000000042", b"somebody.with.a.name@mail.example".hex()[:64], [USER], {"id": USER},
    ],
)
def test_a_raw_user_id_is_refused(user: Any) -> None:
    assert refusal(event(distinct_id=user)).rule == "user-id"


def test_addresses_are_left_out() -> None:
    [passed] = POLICY.judged(event(properties={"$ip": "192.0.2.7", "ip": "192.0.2.7", "$lib": "posthog-python", "turn": 3}))
    assert "192.0.2.7" not in json.dumps(passed)
    assert passed["properties"]["turn"] == 3


def test_an_event_s_own_id_stands_for_itself_and_cannot_be_read() -> None:
    """A repetition keeps its id, for PostHog drops repetitions by it; a user's id in its place is not passed on."""
    [first], [again] = (POLICY.judged(event(uuid="0198f2d3-0d5e-7c33-9a46-6b5d6a0e9b1f")) for _ in range(2))
    assert first["uuid"] == again["uuid"]
    assert "0198f2d3" not in first["uuid"]


def test_one_bad_event_stops_its_batch() -> None:
    refused = refusal({"api_key": TOKEN, "batch": [event(), event(properties={"text": SECRET})]})
    assert refused.place == "events[1].properties"


@pytest.mark.parametrize("body", [[], {"batch": []}, None, 7, SECRET, {"batch": {}}, [[event()]], {"batch": [event()], "text": SECRET}])
def test_what_is_no_events(body: Any) -> None:
    assert refusal(body).rule in ("body", "event-form")


PLAIN = json.dumps(event()).encode()


@pytest.mark.parametrize(
    ("raw", "content_type"),
    [
        (PLAIN, "application/json"),
        (PLAIN, "text/plain"),
        (gzip.compress(PLAIN), "text/plain"),
        (urlencode({"data": base64.b64encode(PLAIN).decode()}).encode(), "application/x-www-form-urlencoded"),
        (b"data=" + base64.b64encode(PLAIN), "application/x-www-form-urlencoded; charset=UTF-8"),
        (urlencode({"data": base64.b64encode(gzip.compress(PLAIN)).decode()}).encode(), "application/x-www-form-urlencoded"),
        (urlencode({"data": PLAIN.decode(), "compression": ""}).encode(), "application/x-www-form-urlencoded"),
    ],
)
def test_every_form_that_the_libraries_send(raw: bytes, content_type: str) -> None:
    assert wire.events_in(raw, content_type) == event()


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"\xff\xfe", b"\x1f\x8b\x08broken", gzip.compress(PLAIN)[:-9], gzip.compress(PLAIN + b" " * 5_000_000), b"data=%%%", b"data=",
        b"[" * 100_000, b'{"a": NaN}',
    ],
)
def test_what_cannot_be_read(raw: bytes) -> None:
    with pytest.raises(Refused) as caught:
        wire.events_in(raw, "application/x-www-form-urlencoded" if raw.startswith(b"data") else "application/json")
    assert caught.value.rule == "body"


class PostHog(http.server.BaseHTTPRequestHandler):
    """A capture that keeps what it gets."""

    got: list[dict[str, Any]]
    status = 200

    def do_POST(self) -> None:
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def posthog(port: int = 0, status: int = 200) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Yield the port of a capture, and what it gets."""
    got: list[dict[str, Any]] = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), type("Kept", (PostHog,), {"got": got, "status": status}))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.server_address[1], got
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def gate(upstream: int, room: int = 1000) -> Iterator[tuple[Gate, Counters]]:
    """Yield a running gate."""
    counters = Counters()
    relay = Relay(counters, ("127.0.0.1", upstream), "/i/v0/e/", room, 1.0)
    relay.start()
    server = Gate(("127.0.0.1", 0), POLICY, relay, counters)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server, counters
    finally:
        server.shutdown()
        server.server_close()


def asked(server: Gate, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
    """Return status and text of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=TIMEOUT_S)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def sent(server: Gate, events: int) -> None:
    """Send events over one connection, each after the answer to the one before."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=TIMEOUT_S)
    for turn in range(events):
        connection.request("POST", "/i/v0/e/", json.dumps(event(properties={"turn": turn})))
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    connection.close()


def until(condition: Any) -> None:
    """Wait for a condition."""
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.01)


def test_what_passes_arrives_and_what_is_refused_does_not() -> None:
    with posthog() as (port, got), gate(port) as (server, counters):
        assert asked(server, "POST", "/capture/", json.dumps(event(properties={"turn": 1, "$ip": "192.0.2.7"})).encode()) == (200, '{"status": "Ok"}')
        status, text = asked(server, "POST", "/batch/?compression=gzip", gzip.compress(json.dumps({"batch": [event(properties={"content": SECRET})]}).encode()))
        assert (status, json.loads(text)["rule"]) == (400, "property-unknown")
        assert SECRET not in text
        until(lambda: "unde_posthog_gate_delivered_total 1" in counters.text())
        assert [each["properties"]["turn"] for each in got] == [1]
        assert "192.0.2.7" not in json.dumps(got)
        shown = counters.text()
    assert 'unde_posthog_gate_accepted_total{event="user_message_sent"} 1' in shown
    assert 'unde_posthog_gate_refused_total{rule="property-unknown"} 1' in shown


def test_doors_that_are_not_there() -> None:
    """Paths of PostHog's other doors, bodies too large or without an end, and what is not HTTP: refused, never repeated."""
    with gate(1) as (server, _):
        assert asked(server, "GET", "/_health") == (200, "ok\n")
        assert asked(server, "POST", "/decide/", b"{}")[0] == 404
        assert asked(server, "GET", f"/e/?data={SECRET.replace(' ', '')}")[0] == 404
        assert asked(server, "PUT", "/capture", b"{}")[0] == 501
        assert asked(server, "POST", "/capture", b"", **{"Content-Length": str(MOST_BYTES + 1)})[0] == 413
        assert asked(server, "POST", "/capture", None, **{"Content-Length": "-1"})[0] == 411
        assert "mother" not in asked(server, "POST", "/mother", b"{}")[1]


def test_a_dead_posthog_costs_the_caller_nothing() -> None:
    """Nobody listens behind the gate: it answers 200 at once, keeps what there is room for, drops and counts the rest, and delivers what it kept."""
    with posthog() as (port, _):
        pass  # a port that nobody listens on any more
    with gate(port, room=50) as (server, counters):
        sent(server, 200)
        # One is in the sender's hand; whether it took it before the queue was full is chance.
        assert "unde_posthog_gate_dropped_total 149" in counters.text() or "unde_posthog_gate_dropped_total 150" in counters.text()
        with posthog(port) as (_, got):
            until(lambda: len(got) >= 50)
            assert [each["properties"]["turn"] for each in got[:50]] == list(range(50))


def test_a_posthog_that_never_answers_keeps_no_caller_waiting() -> None:
    """What stands behind the gate takes the first event and says nothing: all callers have their answer while it is still silent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(TIMEOUT_S)
        with gate(silent.getsockname()[1]) as (server, counters):
            sent(server, 1)
            taken, _ = silent.accept()
            with taken:
                sent(server, 200)
                assert "unde_posthog_gate_delivered_total 0" in counters.text()


def test_a_posthog_that_refuses_is_not_asked_for_ever() -> None:
    with posthog(status=400) as (port, got), gate(port) as (server, counters):
        asked(server, "POST", "/capture", PLAIN)
        until(lambda: "unde_posthog_gate_rejected_total 1" in counters.text())
        assert len(got) == 1
