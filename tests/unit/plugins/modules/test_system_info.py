"""The module ``unde.infra.system_info``: what is configured on every host, compared with what is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import system_info

Call = Callable[..., dict[str, Any]]
MARKER = "# {mark} unde.infra.base"
HOSTS = "127.0.0.1 localhost\n# BEGIN unde.infra.base\n10.1.0.12 local-redis\n# END unde.infra.base\n"


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    """Return a file of entries that is as wanted."""
    file = tmp_path / "hosts"
    file.write_text(HOSTS)
    return file


def differing(called: Call, **parameters: Any) -> Any:
    """Return the differences that the module finds."""
    return called(system_info, hosts_marker=MARKER, **parameters)["differences"]


def test_a_host_that_is_as_wanted(programs: Any, called: Call, hosts: Path) -> None:
    programs.say("ip -4 route show proto 143", "10.2.0.0/24 via 10.1.0.1 dev eth0 \n10.3.0.7 via 10.1.0.2 dev eth0 \n")
    routes = [{"to": "10.2.0.0/24", "via": "10.1.0.1"}, {"to": "10.3.0.7/32", "via": "10.1.0.2"}]
    name = system_info.read(system_info.KERNEL_NAME).strip()
    assert differing(called, hostname=name, hosts_file=str(hosts), hosts_block="10.1.0.12 local-redis", routes=routes) == []


def test_another_name(called: Call) -> None:
    assert differing(called, hostname="surely-another-name") == ["hostname"]


@pytest.mark.parametrize(
    "entries", ["127.0.0.1 localhost\n", HOSTS.replace("12 ", "13 "), HOSTS.replace("# END", "# FIN"), HOSTS.replace("redis\n", "redis\n10.9.9.9 x\n")]
)
def test_entries_that_differ_or_are_not_there(entries: str, called: Call, hosts: Path) -> None:
    hosts.write_text(entries)
    assert differing(called, hosts_file=str(hosts), hosts_block="10.1.0.12 local-redis\n") == ["hosts"]


def test_a_name_of_the_loopback_is_a_difference_where_that_is_wanted(called: Call, hosts: Path) -> None:
    hosts.write_text("127.0.1.1\tlocal-redis\n")
    assert differing(called, hosts_file=str(hosts), loopback_name=True) == ["loopback_name"]
    assert differing(called, hosts_file=str(hosts)) == []


@pytest.mark.parametrize("kernel", ["", "10.2.0.0/24 via 10.1.0.9 dev eth0\n", "10.2.0.0/24 via 10.1.0.1 dev eth0\n10.4.0.0/24 via 10.1.0.1 dev eth0\n"])
def test_routes_that_are_gone_lead_elsewhere_or_are_too_many(kernel: str, programs: Any, called: Call) -> None:
    programs.say("ip -4 route show", kernel)
    assert differing(called, routes=[{"to": "10.2.0.0/24", "via": "10.1.0.1"}]) == ["routes"]


def test_routes_of_ours_that_nobody_wants_any_more(programs: Any, called: Call) -> None:
    programs.say("ip -4 route show", "10.2.0.0/24 via 10.1.0.1 dev eth0\n")
    assert differing(called, routes=[]) == ["routes"]


def test_what_is_not_managed_is_not_asked_for(programs: Any, called: Call) -> None:
    assert differing(called) == []
    assert programs.asked == []


def test_packages(programs: Any, called: Call) -> None:
    programs.say("dpkg-query", "chrony\tinstalled\t4.6\n")
    assert called(system_info, packages=["chrony", "curl"])["missing_packages"] == ["curl"]


@pytest.mark.parametrize(("keys", "there"), [
    ("ssh-ed25519 AAAA\n", True), ('from="10.0.0.0/8" ecdsa-sha2-nistp256 AAAA\n', True), ("# ssh-rsa AAAA\n", False), ("", False),
])  # fmt: skip
def test_a_key_to_log_in_with(keys: str, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, called: Call) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/authorized_keys").write_text(keys)
    user = system_info.pwd.struct_passwd(("root", "x", 0, 0, "", str(tmp_path), "/bin/sh"))
    monkeypatch.setattr(system_info.pwd, "getpwuid", lambda uid: user)
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert called(system_info)["has_login_key"] is there


@pytest.mark.parametrize(("bounds", "may"), [("000001ffffffffff", True), ("00000000a82425fb", False)])
def test_who_may_set_the_clock(bounds: str, may: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, called: Call) -> None:
    (tmp_path / "status").write_text(f"Name:\tsystemd\nCapBnd:\t{bounds}\n")
    monkeypatch.setattr(system_info, "FIRST_PROCESS", tmp_path / "status")
    assert called(system_info)["may_set_clock"] is may
