"""The gates of what serves: against servers of this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils.gates import services
from ansible_collections.unde.infra.plugins.module_utils.gates.measuring import Host, Red
from web_servers import serving, signed

INSTANCES = [{"name": "cache", "address": "10.2.0.4", "port": 6379}, {"name": "limits", "address": "10.2.0.4", "port": 6380}]
NOAUTH = "(error) NOAUTH Authentication required."


@pytest.fixture
def server() -> Iterator[Any]:
    """Return the port of a server, and what it answers."""
    with serving() as served:
        yield served


def test_services_that_are_well(host: Host, server: Any, pause: Any) -> None:
    """As soon as the last one is; the others are not asked again."""
    port, answers = server
    answers.said |= {"GET /health": (200, "{}"), "GET /later": (503, "")}
    pause.meanwhile = lambda: answers.said.update({"GET /later": (200, "")})
    here = [{"name": name, "address": "127.0.0.1", "port": port, "health": path} for name, path in (("mood", "/health"), ("voice", "/later"))]
    assert services.services(host, services=here) == "mood, voice"
    assert pause.slept == [2]
    assert [line for line, *_ in answers.asked] == ["GET /health", "GET /later", "GET /later"]


def test_services_that_are_not(host: Host, server: Any) -> None:
    port, answers = server
    answers.said["GET /health"] = (500, "")
    here = [{"name": "mood", "address": "127.0.0.1", "port": port, "health": "/health"}, {"name": "voice", "address": "127.0.0.1", "port": 1, "health": "/"}]
    with pytest.raises(Red) as raised:
        services.services(host, services=here)
    assert str(raised.value) == f"mood: http://127.0.0.1:{port}/health answers 500; voice: http://127.0.0.1:1/: [Errno 111] Connection refused"


def test_redis_that_wants_a_password(host: Host, programs: Any, pause: Any) -> None:
    programs.say("redis-cli -h 10.2.0.4 -p 6379 ping", NOAUTH)
    programs.say("redis-cli -h 10.2.0.4 -p 6380 ping", "", 1, "Could not connect to Redis at 10.2.0.4:6380: Connection refused")
    pause.meanwhile = lambda: programs.say("redis-cli -h 10.2.0.4 -p 6380 ping", "", 0, NOAUTH)
    assert services.redis(host, instances=INSTANCES) == "cache, limits"
    assert pause.slept == [2]


@pytest.mark.parametrize(("answer", "reason"), [
    ({"output": "PONG\n"}, "limits: answers without a password: PONG"),
    ({"code": 1, "complaint": "Could not connect to Redis"}, "limits: Could not connect to Redis"),
    ({}, "limits: no answer"),
])  # fmt: skip
def test_redis_that_does_not(host: Host, programs: Any, answer: Any, reason: str) -> None:
    programs.say("-p 6379", NOAUTH)
    programs.say("-p 6380", **answer)
    with pytest.raises(Red) as raised:
        services.redis(host, instances=INSTANCES)
    assert str(raised.value) == reason


def test_a_reconciler_that_has_found_a_leader(host: Host, programs: Any, pause: Any) -> None:
    well = "ok: 2 of 2 shards have a leader; Redis at 10.2.0.4:6380 knows"
    programs.say("systemctl show unde-routing.service --property=StatusText", "StatusText=waiting for etcd\n")
    pause.meanwhile = lambda: programs.say("systemctl show unde-routing.service --property=StatusText", f"StatusText={well}\n")
    assert services.routing(host, shards=2) == well
    assert pause.slept == [3]


@pytest.mark.parametrize(("text", "reason"), [
    ("StatusText=ok: 1 of 2 shards have a leader\n", "unde-routing.service says: ok: 1 of 2 shards have a leader"),
    ("StatusText=\n", "unde-routing.service says nothing"), ("", "unde-routing.service says nothing"),
])  # fmt: skip
def test_a_reconciler_that_has_not(host: Host, programs: Any, text: str, reason: str) -> None:
    programs.say("systemctl show", text)
    with pytest.raises(Red) as raised:
        services.routing(host, shards=2)
    assert str(raised.value) == reason


@pytest.fixture
def entry(tmp_path: Path) -> Iterator[Any]:
    """Return the port of a server that speaks HTTP/1.1 by TLS, and what it answers."""
    with serving(signed(tmp_path)) as served:
        yield served


def test_the_entry(host: Host, entry: Any, pause: Any) -> None:
    """Each name is asked by its own."""
    port, answers = entry
    answers.said["GET /"] = (502, "")
    pause.meanwhile = lambda: answers.said.update({"GET /": (404, "")})
    names = ["api.example.org", "www.example.org"]
    assert services.entry(host, address="127.0.0.1", port=port, names=names) == "api.example.org, www.example.org: http/1.1 404"
    assert pause.slept == [2]
    assert [headers["Host"] for _line, headers, _body in answers.asked] == [f"{name}:{port}" for name in [*names, *names]]


def test_an_entry_that_fails(host: Host, entry: Any) -> None:
    port, answers = entry
    answers.said["GET /"] = (502, "")
    with pytest.raises(Red, match=rf"^127.0.0.1:{port} answers as a with 502$"):
        services.entry(host, address="127.0.0.1", port=port, names=["a"])


def test_an_entry_that_is_away_or_speaks_without_tls(host: Host, server: Any) -> None:
    with pytest.raises(Red, match=r"^127.0.0.1:1 does not answer as a: \[Errno 111\]"):
        services.entry(host, address="127.0.0.1", port=1, names=["a"])
    with pytest.raises(Red, match=r"does not answer as a: "):
        services.entry(host, address="127.0.0.1", port=server[0], names=["a"])


def test_the_gate_in_front_of_posthog(host: Host, server: Any, pause: Any) -> None:
    port, answers = server
    answers.said |= {"GET /_health": (200, ""), "POST /capture": (503, "")}
    pause.meanwhile = lambda: answers.said.update({"POST /capture": (400, "")})
    assert services.posthog(host, address="127.0.0.1", port=port, commit="0123456789abcdef") == "PostHog at 0123456789ab"
    assert pause.slept == [2]
    _line, headers, body = answers.asked[-1]
    assert (headers["Content-Type"], json.loads(body)) == ("application/json", {"event": "gate_of_day_7", "distinct_id": "nobody", "properties": {}})
    assert services.posthog(host, address="127.0.0.1", port=port, commit="") == "no PostHog yet: it is not pinned"


def test_a_gate_that_lets_through_what_no_list_names(host: Host, server: Any) -> None:
    port, answers = server
    answers.said |= {"GET /_health": (200, ""), "POST /capture": (200, "")}
    with pytest.raises(Red) as raised:
        services.posthog(host, address="127.0.0.1", port=port, commit="")
    assert str(raised.value) == f"POST http://127.0.0.1:{port}/capture answers 200, not 400"
