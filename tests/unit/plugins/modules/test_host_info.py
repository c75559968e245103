"""The module ``unde.infra.host_info``: packages that are not there in full, units, and paths."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.unde.infra.plugins.modules import host_info

PACKAGES = "haproxy\tinstalled\t3.0.11-1\nnginx\tconfig-files\t1.26.3\n"
UNITS = """\
LoadState=loaded
ActiveState=active
UnitFileState=enabled
NeedDaemonReload=no
ActiveEnterTimestamp=Mon 2026-11-30 10:00:00.000000 UTC

LoadState=loaded
ActiveState=active
UnitFileState=disabled
NeedDaemonReload=no
ActiveEnterTimestamp=Mon 2026-11-30 10:00:00.000000 UTC

LoadState=not-found
ActiveState=inactive
UnitFileState=
NeedDaemonReload=no
ActiveEnterTimestamp=
"""


def test_packages_that_are_not_installed_in_full_are_missing(programs: Any, called: Callable[..., dict[str, Any]]) -> None:
    programs.say("dpkg-query", PACKAGES, code=1, complaint="dpkg-query: no packages found matching curl")
    result = called(host_info, packages=["haproxy", "nginx", "curl"])
    assert result["missing_packages"] == ["nginx", "curl"]
    assert result["installed_packages"] == {"haproxy": "3.0.11-1"}
    assert not result["changed"]


def test_another_version_than_the_wanted_is_missing(programs: Any, called: Callable[..., dict[str, Any]]) -> None:
    programs.say("dpkg-query", PACKAGES)
    assert called(host_info, packages=["haproxy=3.0.11-1"])["missing_packages"] == []
    assert called(host_info, packages=["haproxy=3.1.0-1"])["missing_packages"] == ["haproxy=3.1.0-1"]


def test_units_are_told_in_their_order(programs: Any, called: Callable[..., dict[str, Any]]) -> None:
    programs.say("systemctl show", UNITS)
    result = called(host_info, units=["a.service", "b.service", "c.service"])
    assert result["units"]["a.service"] == {"exists": True, "active": True, "enabled": True, "masked": False}
    assert result["units"]["c.service"] == {"exists": False, "active": False, "enabled": False, "masked": False}
    assert result["stopped_units"] == ["b.service", "c.service"]


def test_where_systemd_does_not_answer_nothing_runs(programs: Any, called: Callable[..., dict[str, Any]]) -> None:
    programs.say("systemctl show", "", code=1)
    assert called(host_info, units=["a.service"])["stopped_units"] == ["a.service"]


def test_paths_that_are_there(programs: Any, called: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "one.yml").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    result = called(host_info, paths=[f"{tmp_path}/*.yml", f"{tmp_path}/dangling", f"{tmp_path}/missing"])
    assert result["paths"] == [f"{tmp_path}/dangling", f"{tmp_path}/one.yml"]
    assert programs.asked == [], "nobody is asked what was not wanted"


def test_users_that_are_not_in_their_group(programs: Any, called: Callable[..., dict[str, Any]]) -> None:
    assert called(host_info, members={"root": ["root"], "adm": ["root", "nobody-of-that-name"], "no-such-group": ["root"]})["missing_members"] == [
        "root",
        "nobody-of-that-name",
        "root",
    ]


def test_users_that_do_not_exist(programs: Any, called: Callable[..., dict[str, Any]]) -> None:
    assert called(host_info, users=["root", "nobody-of-that-name"])["missing_users"] == ["nobody-of-that-name"]


def test_texts_that_a_file_does_not_contain(programs: Any, called: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "vendor.sources").write_text("Signed-By: /etc/apt/keyrings/vendor.asc 9DC858229FC7DD38854AE2D88D81803C0EBFCD88\n")
    wanted = {f"{tmp_path}/vendor.sources": "9DC858229FC7DD38854AE2D88D81803C0EBFCD88"}
    assert called(host_info, texts=wanted)["missing_texts"] == []
    other = {f"{tmp_path}/vendor.sources": "0EBFCD88AA", f"{tmp_path}/none": "x"}
    assert called(host_info, texts=other)["missing_texts"] == list(other)
