"""What callers get from the gate, and what PostHog's capture sees of it: ``ask.py ADDRESS rules|dead|back``. Fails with the first thing that is not so."""

import hashlib
import http.client
import json
import sys
import time
from pathlib import Path

ADDRESS, CAPTURED = sys.argv[1], Path("/var/lib/standin/captured")
USER = hashlib.sha256(b"stands for the HMAC of a user's id").hexdigest()
CONTENT = "molecule-content-I-am-so-tired"
TOKEN = "phc_" + "molecule" * 5
NAMES = (
    "user_message_sent", "recommendation_shown", "recommendation_clicked", "store_visited", "try_on_used", "avatar_interaction",
    "session_start", "session_end", "onboarding_step",
)  # fmt: skip


def event(name="user_message_sent", **changes):
    return {"api_key": TOKEN, "event": name, "distinct_id": USER, "properties": {"$ip": "203.0.113.9"}} | changes


def post(body, connection=None):
    connection = connection or http.client.HTTPConnection(ADDRESS, 8000, timeout=60)
    connection.request("POST", "/capture/", json.dumps(body))
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def captured():
    """Return the events that have arrived; the last line may be half written."""
    return [json.loads(line) for line in CAPTURED.read_text().rpartition("\n")[0].splitlines()] if CAPTURED.exists() else []


def until(condition, what):
    end = time.monotonic() + 120
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"FAILED: {what}")
        time.sleep(0.1)


def must(condition, what):
    if not condition:
        sys.exit(f"FAILED: {what}")


def rules():
    before = len(captured())
    for name in NAMES:
        must(post(event(name))[0] == 200, f"{name} does not pass")
    until(lambda: len(captured()) == before + len(NAMES), "PostHog does not see what passed")
    must([each["event"] for each in captured()[before:]] == list(NAMES), "PostHog sees other events")
    refused = {
        "content": (event(properties={"content": CONTENT}), "property-unknown"),
        "content in the place of a value": (event(properties={"input": CONTENT}), "property-value"),
        "content as a name": (event(properties={CONTENT: 1}), "property-unknown"),
        "another event": (event(CONTENT), "event-unknown"),
        "a number for a user": (event(distinct_id="42"), "user-id"),
        "an address for a user": (event(distinct_id="someone@mail.example"), "user-id"),
        "a UUID for a user": (event(distinct_id="0198f2d3-0d5e-7c33-9a46-6b5d6a0e9b1f"), "user-id"),
        "a phone for a user": (event(distinct_id="+971501234567"), "user-id"),
        "a batch with one of them": ({"api_key": TOKEN, "batch": [event(), event(properties={"text": CONTENT})]}, "property-unknown"),
    }
    for what, (body, rule) in refused.items():
        status, text = post(body)
        must(status == 400 and json.loads(text)["rule"] == rule, f"{what} is not refused by {rule}: {status} {text}")
        must(CONTENT not in text, f"{what}: the refusal repeats it")
    must(post(event())[0] == 200, "the gate is gone")
    until(lambda: len(captured()) == before + len(NAMES) + 1, "more than what passed has arrived, or less")
    must(CONTENT not in CAPTURED.read_text() and "203.0.113.9" not in CAPTURED.read_text(), "content, or a caller's address, has arrived")


def dead():
    """Nobody behind the gate: more events than it has room for, each answered at once."""
    connection, took = http.client.HTTPConnection(ADDRESS, 8000, timeout=60), []
    for turn in range(1000):
        begun = time.monotonic()
        status, _ = post(event(properties={"turn": turn}), connection)
        took.append(time.monotonic() - begun)
        must(status == 200, f"{status} from the gate of a dead PostHog")
    took.sort()
    print(f"p50 {took[500] * 1000:.1f} ms, p99 {took[990] * 1000:.1f} ms, most {took[-1] * 1000:.1f} ms")


def back():
    """See what waited arrive, in order, and what found no room counted."""
    wanted = list(range(500))
    until(lambda: [each["properties"].get("turn") for each in captured() if "turn" in each["properties"]][:500] == wanted, "what waited has not arrived")
    connection = http.client.HTTPConnection(ADDRESS, 8000, timeout=60)
    connection.request("GET", "/metrics")
    counted = dict(line.rsplit(" ", 1) for line in connection.getresponse().read().decode().splitlines() if not line.startswith("#"))
    must(int(counted["unde_posthog_gate_dropped_total"]) in (499, 500), f"of 1000 events with room for 500: {counted}")


{"rules": rules, "dead": dead, "back": back}[sys.argv[2]]()
