"""The gates of monitoring, against a Prometheus that is none."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils.gates import monitoring
from ansible_collections.unde.infra.plugins.module_utils.gates.measuring import Host, Red
from web_servers import serving, signed

TARGETS, TOLD = "GET /api/v1/targets?state=active", "GET /api/v1/alertmanagers"
TELLS = "GET /api/v1/query?query=unde_monitoring_tells%7Bjob%3D%22peers%22%7D"


def data(**found: Any) -> tuple[int, str]:
    """Return an answer of Prometheus."""
    return 200, json.dumps({"status": "success", "data": found})


def targets(*health: str) -> tuple[int, str]:
    """Return what it says of its targets."""
    return data(activeTargets=[{"health": each} for each in health])


def heard(*hosts: str) -> tuple[int, str]:
    """Return of whom it hears."""
    return data(result=[{"metric": {"host": host}, "value": [0, "1"]} for host in hosts])


@pytest.fixture
def prometheus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return where it is asked, and what it answers."""
    monkeypatch.setattr(monitoring, "AUTHORITY", signed(tmp_path))
    monkeypatch.setattr(monitoring, "PASSWORD", tmp_path / "own.password")
    monitoring.PASSWORD.write_text("secret-of-prometheus")
    with serving(monitoring.AUTHORITY) as (port, answers):
        yield {"address": "127.0.0.1", "port": port}, answers


def test_everything_is_up(host: Host, prometheus: Any, pause: Any) -> None:
    where, answers = prometheus
    answers.said |= {TARGETS: targets("up", "up", "down"), TOLD: data(activeAlertmanagers=[{"url": "https://localhost:9093"}])}
    assert monitoring.monitoring(host, **where) == "2 of 3 targets up"
    assert pause.slept == []
    assert {headers["Authorization"] for _line, headers, _body in answers.asked} == {f"Basic {base64.b64encode(b'prometheus:secret-of-prometheus').decode()}"}


def test_one_that_began_just_now(host: Host, prometheus: Any, pause: Any) -> None:
    """It knows no targets, then has not asked each, then nobody to tell."""
    where, answers = prometheus
    answers.said |= {TARGETS: targets(), TOLD: data(activeAlertmanagers=[])}
    steps = iter([{TARGETS: targets("up", "unknown")}, {TARGETS: targets("up", "up")}, {TOLD: data(activeAlertmanagers=[{}])}])
    pause.meanwhile = lambda: answers.said.update(next(steps))
    assert monitoring.monitoring(host, **where) == "2 of 2 targets up"
    assert pause.slept == [3, 3, 3]


@pytest.mark.parametrize(("said", "reason"), [
    ({TARGETS: targets()}, "0 of 0 targets up, 0 not asked yet"),
    ({TARGETS: targets("up", "unknown")}, "1 of 2 targets up, 1 not asked yet"),
    ({TARGETS: targets("down")}, "0 of 1 targets up, 0 not asked yet"),
    ({TARGETS: targets("up"), TOLD: data(activeAlertmanagers=[])}, "1 of 1 targets up, knows nobody to tell"),
    ({TARGETS: (401, "")}, "https://127.0.0.1:{port}/api/v1/targets?state=active answers 401"),
    ({TARGETS: (200, "")}, "https://127.0.0.1:{port}/api/v1/targets?state=active answers no JSON: nothing"),
])  # fmt: skip
def test_what_it_lacks(host: Host, prometheus: Any, pause: Any, said: Any, reason: str) -> None:
    where, answers = prometheus
    answers.said |= said
    with pytest.raises(Red) as raised:
        monitoring.monitoring(host, **where)
    assert str(raised.value) == reason.format(**where)
    assert pause.slept == [3] * 10


def test_one_that_is_away(host: Host, prometheus: Any) -> None:
    with pytest.raises(Red, match=r"targets.state=active: .*refused"):
        monitoring.monitoring(host, address="127.0.0.1", port=1)


def test_one_for_which_nobody_vouches(host: Host, prometheus: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where, answers = prometheus
    (tmp_path / "other").mkdir()
    monkeypatch.setattr(monitoring, "AUTHORITY", signed(tmp_path / "other"))
    answers.said[TARGETS] = targets("up")
    with pytest.raises(Red, match=r"CERTIFICATE_VERIFY_FAILED"):
        monitoring.monitoring(host, **where)


def test_a_host_that_has_none(host: Host, prometheus: Any, pause: Any) -> None:
    where, _answers = prometheus
    monitoring.PASSWORD.unlink()
    with pytest.raises(Red, match=r"^Prometheus cannot be asked, which takes \S+own.password and \S+: \[Errno 2\]"):
        monitoring.monitoring(host, **where)
    assert pause.slept == []


def test_of_whom_it_hears(host: Host, prometheus: Any, pause: Any) -> None:
    where, answers = prometheus
    answers.said[TELLS] = heard("watch-1")
    pause.meanwhile = lambda: answers.said.update({TELLS: heard("watch-1", "watch-2")})
    assert monitoring.watch(host, name="monitoring", peers=2, **where) == "monitoring hears from watch-1, watch-2"
    assert pause.slept == [3]
    answers.said[TELLS] = heard()
    assert monitoring.watch(host, name="monitoring", peers=0, **where) == "monitoring hears from nobody, as it has nobody to ask"


@pytest.mark.parametrize(("hosts", "reason"), [([], "monitoring hears from 0 in place of 2: nobody"), (["a"], "monitoring hears from 1 in place of 2: a")])
def test_of_whom_it_does_not_hear(host: Host, prometheus: Any, pause: Any, hosts: list[str], reason: str) -> None:
    where, answers = prometheus
    answers.said[TELLS] = heard(*hosts)
    with pytest.raises(Red, match=rf"^{reason}$"):
        monitoring.watch(host, name="monitoring", peers=2, **where)
    assert pause.slept == [3] * 10
