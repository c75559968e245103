"""Which events pass: the one place that judges.

An event that passes is built anew from what is allowed, never copied: what nobody thought of is not in it.
A refusal says which rule and in which place, never what was sent; names that the caller chose are content too.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HASH = re.compile(r"[0-9a-f]{64}\Z")
TOKEN = re.compile(r"phc_[A-Za-z0-9]{20,60}\Z")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)\Z")
#: A real hash has about 16 different digits in 64; one with fewer than these is a number, or a name, that was padded.
DIGITS = 8

#: What an event may hold beside its properties.
FIELDS = frozenset({"api_key", "token", "event", "distinct_id", "properties", "timestamp", "uuid", "offset", "sent_at", "type"})
#: What PostHog's own libraries add to the properties: left out without a word, whatever it is.
DROPPED = frozenset({"$ip", "ip", "$lib", "$lib_version", "$geoip_disable", "$process_person_profile", "$is_server", "distinct_id", "token"})
#: What every event that passes says to PostHog: no person is to be made of it, no place looked up.
ADDED = {"$process_person_profile": False, "$geoip_disable": True}


class Refused(Exception):
    """An event that does not pass.

    Attributes:
        rule: which rule it breaks; a fixed word, and the counter's label.
        place: where, by names that the list of events knows.

    """

    def __init__(self, rule: str, place: str) -> None:
        """Keep the rule and the place."""
        super().__init__(f"{rule} at {place}")
        self.rule, self.place = rule, place


#: Every rule, in words for whoever is refused.
RULES = {
    "body": "the body is not JSON of one event, a list of events, or {batch: [...]}",
    "event-form": "an event is an object of event, distinct_id, properties, timestamp, uuid and the project's token",
    "event-unknown": "only the events of the list pass",
    "token": "the project's token is missing, or not one",
    "user-id": "distinct_id is an HMAC-SHA256 of the user's id with the apps' key: 64 lower-case hexadecimal digits, nothing else",
    "property-unknown": "an event has the properties of the list and no others; what a person wrote is never one",
    "property-value": "a property has a value of its type in the list",
    "timestamp": "a time is ISO 8601 with its zone",
}


class Policy:
    """The list of events, and a key of the gate's own."""

    def __init__(self, listed: Mapping[str, Any], key: bytes) -> None:
        """Take the list as ``events.json`` has it; the key makes events' ids unreadable and is kept across restarts, for PostHog drops repetitions by them."""
        self._events = {name: {**listed["common"], **properties} for name, properties in listed["events"].items()}
        self._key = key

    @classmethod
    def from_file(cls, path: Path, key: bytes) -> Policy:
        """Return the policy of a list.

        Raises:
            OSError, ValueError, KeyError: the list cannot be read, or is none.

        """
        return cls(json.loads(path.read_text(encoding="utf-8")), key)

    @property
    def events(self) -> tuple[str, ...]:
        """The names that pass."""
        return tuple(self._events)

    def judged(self, body: Any) -> list[dict[str, Any]]:
        """Return the events of a body as they may go on.

        Raises:
            Refused: any of them breaks a rule. Then none goes on: a caller that repeats the whole body sends nothing twice.

        """
        events, outer = _parts(body)
        return [self._event(event, outer, f"events[{number}]") for number, event in enumerate(events)]

    def _event(self, event: Any, outer: Any, place: str) -> dict[str, Any]:
        if not isinstance(event, dict) or not set(event) <= FIELDS:
            raise Refused("event-form", place)
        name, given = event.get("event"), event.get("properties", {})
        if not isinstance(name, str) or name not in self._events:
            raise Refused("event-unknown", f"{place}.event")
        if not isinstance(given, dict):
            raise Refused("event-form", f"{place}.properties")
        token = event.get("api_key", event.get("token", given.get("token", outer)))
        if not isinstance(token, str) or not TOKEN.match(token):
            raise Refused("token", place)
        user = event.get("distinct_id", given.get("distinct_id"))
        if not is_hash(user):
            raise Refused("user-id", f"{place}.distinct_id")
        passed: dict[str, Any] = {
            "api_key": token, "event": name, "distinct_id": user, "properties": self._properties(name, given, place) | ADDED,
        }
        if "timestamp" in event:
            passed["timestamp"] = _moment(event["timestamp"], f"{place}.timestamp")
        if "uuid" in event:
            passed["uuid"] = self._pseudonym(str(event["uuid"]))
        return passed

    def _properties(self, name: str, given: Mapping[str, Any], place: str) -> dict[str, Any]:
        allowed, passed = self._events[name], {}
        for key, value in given.items():
            if key in DROPPED:
                continue
            if key not in allowed:
                raise Refused("property-unknown", f"{place}.properties")
            if not is_of_type(value, allowed[key]):
                raise Refused("property-value", f"{place}.properties.{key}")
            passed[key] = value
        return passed

    def _pseudonym(self, given: str) -> str:
        """Return an event's id that stands for the given one: the same for the same, and nobody's user id."""
        digest = hmac.new(self._key, given.encode(), hashlib.sha256).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4))


def is_hash(value: Any) -> bool:
    """Tell whether a value is a hash, and not a number or a text that was padded or written in hexadecimal."""
    if not isinstance(value, str) or not HASH.match(value) or len(set(value)) < DIGITS or value.isdecimal():
        return False
    return not all(32 <= byte < 127 for byte in bytes.fromhex(value))


def is_of_type(value: Any, wanted: Mapping[str, Any]) -> bool:
    """Tell whether a value is one of its type in the list."""
    match wanted["type"]:
        case "hash":
            return is_hash(value)
        case "boolean":
            return isinstance(value, bool)
        case "one_of":
            return isinstance(value, str) and value in wanted["values"]
        case "integer":
            return _is_number(value) and value == int(value) and bool(wanted["min"] <= value <= wanted["max"])
    raise ValueError(f"events.json has a type that nothing knows: {wanted['type']}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _moment(value: Any, place: str) -> str:
    if not isinstance(value, str) or not MOMENT.match(value):
        raise Refused("timestamp", place)
    return value


def _parts(body: Any) -> tuple[list[Any], Any]:
    """Return a body's events, and the token that stands beside them."""
    if isinstance(body, list):
        events, outer = body, None
    elif isinstance(body, dict) and "batch" in body:
        if not set(body) <= {"batch", "api_key", "token", "sent_at", "historical_migration"} or not isinstance(body["batch"], list):
            raise Refused("event-form", "batch")
        events, outer = body["batch"], body.get("api_key", body.get("token"))
    else:
        events, outer = [body], None
    if not events:
        raise Refused("body", "body")
    return events, outer
