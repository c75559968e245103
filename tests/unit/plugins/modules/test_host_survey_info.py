"""The module ``unde.infra.host_survey_info``: what the host's programs say, in the words of the report."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import host_survey_info

from unde.contact.survey import Survey

LISTENING = 'LISTEN 0 128 [::ffff:10.1.0.4]:5432 *:* users:(("postgres",pid=999999,fd=6))\nLISTEN 0 128 *:22 *:* users:(("sshd",pid=999998,fd=3))\n'
CONNECTED = (
    '0 0 10.1.0.4:5432 10.1.0.9:40000 users:(("postgres",pid=999999,fd=9))\n'
    '0 0 10.1.0.4:5432 10.1.0.9:40001 users:(("postgres",pid=999999,fd=9))\n'
    '0 0 10.1.0.4:51000 10.1.0.7:6379 users:(("app",pid=999997,fd=9))\n'
)
ANSWERS = {
    "ss -ltnpH": LISTENING,
    "ss -tnpH state established": CONNECTED,
    "systemctl list-units": "cron.service loaded active running Regular jobs\n",
    "systemctl show": "MainPID=312\nId=cron.service\nExecMainStartTimestampMonotonic=4711\n",
    "nft list tables": "table ip nat\ntable inet unde_firewall\n",
    "systemctl is-active ufw": "active\n",
    "apt-config dump": 'APT::Periodic::Unattended-Upgrade "1";\n',
    "dpkg --get-selections": "nginx\thold\nvim\tinstall\n",
    "pg_lsclusters": "17 main 5432 online postgres /var/lib/postgresql/17/main\n",
    "ip -4 address show": "    inet 10.1.0.4/24 brd 10.1.0.255 scope global eth0\n",
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Answer in the place of the host's programs, and return how each was called."""
    calls: list[dict[str, Any]] = []

    def run(command: tuple[str, ...], **way: Any) -> subprocess.CompletedProcess[str]:
        calls.append({"command": command, **way})
        line = " ".join(command)
        for words, answer in ANSWERS.items():
            if line.startswith(words):
                return subprocess.CompletedProcess(command, 0, answer, "")
        raise FileNotFoundError(command[0])

    monkeypatch.setattr(host_survey_info.subprocess, "run", run)
    return calls


def test_what_is_told(asked: list[dict[str, Any]], called: Callable[..., dict[str, Any]]) -> None:
    result = called(host_survey_info)
    found = result["survey"]
    assert not result["changed"]
    assert found["listens"] == [
        {"protocol": "tcp", "address": "10.1.0.4", "port": 5432, "program": "postgres", "unit": ""},
        {"protocol": "tcp", "address": "", "port": 22, "program": "sshd", "unit": ""},
    ]
    assert found["connections"] == [
        {"way": "in", "peer": "10.1.0.9", "port": 5432, "program": "postgres", "count": 2},
        {"way": "out", "peer": "10.1.0.7", "port": 6379, "program": "app", "count": 1},
    ]
    assert found["services"] == {"cron.service": "312 4711"}
    assert {"nftables ip nat", "ufw"} <= set(found["firewalls"])
    assert "nftables inet unde_firewall" not in found["firewalls"]
    assert (found["apt"]["held"], found["apt"]["unattended"]) == (["nginx"], True)
    assert found["postgres"][0]["data"] == "/var/lib/postgresql/17/main"
    assert found["addresses"] == ["10.1.0.4"]


def test_programs_are_asked_in_english(asked: list[dict[str, Any]], called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    called(host_survey_info)
    assert asked
    assert {each["env"]["LC_ALL"] for each in asked} == {"C.UTF-8"}


def test_a_host_without_any_of_the_programs(called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_survey_info, "run", lambda *command: "")
    found = called(host_survey_info)["survey"]
    assert (found["listens"], found["connections"], found["services"], found["postgres"]) == ([], [], {}, [])


def test_the_report_reads_it(asked: list[dict[str, Any]], called: Callable[..., dict[str, Any]]) -> None:
    Survey.model_validate(called(host_survey_info)["survey"])
