"""The module ``unde.infra.prometheus_web_config``: hashes that stay as long as their passwords, and a file that nobody else reads."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import prometheus_web_config

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def place(tmp_path: Path) -> dict[str, Any]:
    """Return the parameters of a file that is not there yet."""
    return {
        "path": str(tmp_path / "web.yml"), "owner": "root", "certificate": "/etc/unde/tls/host.crt", "key": "/etc/unde/tls/host.key",
        "users": {"operators": "first-password", "grafana": "second-password"},
    }  # fmt: skip


def hashes(place: dict[str, Any]) -> dict[str, str]:
    """Return user → hash, as the file has them."""
    return dict(re.findall(r"^  (\w+): (\$2b\$10\$\S{53})$", Path(place["path"]).read_text(), re.MULTILINE))


def test_users_are_written_as_hashes_of_their_passwords(called: Call, place: dict[str, Any]) -> None:
    result = called(prometheus_web_config, **place)
    assert result["actions"] == [f"write {place['path']}: password of operators, grafana"]
    written = hashes(place)
    assert prometheus_web_config.is_of(written["operators"], "first-password")
    assert not prometheus_web_config.is_of(written["grafana"], "first-password")
    assert "password" not in Path(place["path"]).read_text()
    assert os.stat(place["path"]).st_mode & 0o777 == 0o600


def test_a_second_run_changes_nothing(called: Call, place: dict[str, Any]) -> None:
    called(prometheus_web_config, **place)
    before = hashes(place)
    assert not called(prometheus_web_config, **place)["changed"]
    assert hashes(place) == before


def test_only_another_password_has_another_hash(called: Call, place: dict[str, Any]) -> None:
    called(prometheus_web_config, **place)
    before = hashes(place)
    place["users"] = place["users"] | {"grafana": "third-password"}
    assert called(prometheus_web_config, **place)["actions"] == [f"write {place['path']}: password of grafana"]
    after = hashes(place)
    assert after["operators"] == before["operators"]
    assert prometheus_web_config.is_of(after["grafana"], "third-password")


def test_a_user_that_is_not_wanted_any_more_is_gone(called: Call, place: dict[str, Any]) -> None:
    called(prometheus_web_config, **place)
    place["users"] = {"operators": "first-password"}
    assert called(prometheus_web_config, **place)["actions"] == [f"write {place['path']}"]
    assert set(hashes(place)) == {"operators"}


def test_check_mode_tells_and_writes_nothing(called: Call, place: dict[str, Any]) -> None:
    assert called(prometheus_web_config, True, **place)["diff"] == {"prepared": f"write {place['path']}: password of operators, grafana\n"}
    assert not os.path.exists(place["path"])
    called(prometheus_web_config, **place)
    assert not called(prometheus_web_config, True, **place)["changed"]


def test_a_file_that_others_could_read_is_written_anew(called: Call, place: dict[str, Any]) -> None:
    called(prometheus_web_config, **place)
    before = hashes(place)
    os.chmod(place["path"], 0o644)
    assert called(prometheus_web_config, **place)["actions"] == [f"write {place['path']}"]
    assert os.stat(place["path"]).st_mode & 0o777 == 0o600
    assert hashes(place) == before


def test_what_the_checker_refuses_is_not_written(programs: Any, called: Call, place: dict[str, Any]) -> None:
    called(prometheus_web_config, **place)
    before = Path(place["path"]).read_text()
    programs.say("promtool check web-config", code=1, complaint="no certificate")
    place["users"] = place["users"] | {"grafana": "third-password"}
    result = called(prometheus_web_config, **place, validate="promtool check web-config %s")
    assert result["failed"]
    assert result["msg"] == f"{place['path']}: the new content is refused by its checker, nothing was written: no certificate"
    assert Path(place["path"]).read_text() == before


def test_no_password_is_told(called: Call, place: dict[str, Any]) -> None:
    assert "first-password" not in str(called(prometheus_web_config, **place))
