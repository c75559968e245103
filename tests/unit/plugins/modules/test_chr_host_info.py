"""The module ``unde.infra.chr_host_info``: what is in the way of guests, and what a host lacks for them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible_collections.unde.infra.plugins.module_utils import chr_host, kvm
from ansible_collections.unde.infra.plugins.modules import chr_host_info

BRIDGE = {"name": "chr0", "address": "192.0.2.1/29"}
ETH0 = {"ifname": "eth0", "addr_info": [{"local": "198.51.100.10", "prefixlen": 24}]}


class Space(NamedTuple):
    """What a disk has."""

    free: int


@pytest.fixture
def host(tmp_path: Path, programs: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the root of a host that has nothing yet, and is in nobody's way."""
    for name, place in (("DISKS", "disks"), ("WIREGUARD", "wireguard"), ("INTERFACES", "net"), ("LINUX_ENGINE", "gateway.nft"), ("MEMINFO", "meminfo")):
        monkeypatch.setattr(chr_host, name, tmp_path / place)
    monkeypatch.setattr(chr_host, "NETWORK_FILES", (tmp_path / "etc", tmp_path / "run"))
    monkeypatch.setattr(kvm, "KVM", tmp_path / "kvm")
    for folder in ("disks", "wireguard", "net", "etc", "run"):
        (tmp_path / folder).mkdir()
    (tmp_path / "meminfo").write_text("MemTotal: 8000000 kB\nMemAvailable:    4194304 kB\n")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Space(8 << 30))
    programs.say("address", [ETH0])
    programs.say("route", [{"dst": "default", "gateway": "198.51.100.1", "dev": "eth0"}, {"dst": "198.51.100.0/24", "dev": "eth0", "protocol": "kernel"}])
    programs.say("systemctl show", "ActiveState=active\n")
    return tmp_path


def ask(called: Callable[..., dict[str, Any]], **parameters: Any) -> dict[str, Any]:
    return called(chr_host_info, **{"bridge": BRIDGE, "remote_networks": ["10.2.0.0/24"], "guests": ["a", "b"], **parameters})


def test_a_host_that_can_carry_guests(host: Path, called: Callable[..., dict[str, Any]]) -> None:
    result = ask(called)
    assert (result["problems"], result["missing_disks"], result["kept_keys"], result["linux_engine"]) == ([], ["a", "b"], [], False)
    assert result["without_kvm"] == f"there is no {host}/kvm"
    assert not result["changed"]


def test_nobody_asks_for_kvm_in_vain(host: Path, called: Callable[..., dict[str, Any]]) -> None:
    assert ask(called, try_kvm=False)["without_kvm"] == ""


def test_what_is_there_is_not_missing(host: Path, called: Callable[..., dict[str, Any]]) -> None:
    (host / "disks/a.img").touch()
    (host / "wireguard/wg-a.pub").touch()
    (host / "wireguard/wg-a.key").touch()
    (host / "gateway.nft").touch()
    result = ask(called)
    assert (result["missing_disks"], result["kept_keys"], result["linux_engine"]) == (["b"], [f"{host}/wireguard/wg-a.pub"], True)


def test_whether_the_tunnels_are_counted(host: Path, programs: Any, called: Callable[..., dict[str, Any]]) -> None:
    for state, counting in (("active\nUnitFileState=enabled", True), ("active\nUnitFileState=disabled", False), ("inactive\nUnitFileState=enabled", False)):
        programs.say("systemctl show unde-chr-counters.timer", f"ActiveState={state}\n")
        assert ask(called)["counting"] is counting


def test_the_packages_whose_programs_or_libraries_are_not_there(host: Path, called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chr_host, "NETWORK_PACKAGES", {"nftables": [str(host)], "conntrack": [f"{host}/none"]})
    monkeypatch.setattr(chr_host, "LIBVIRT_PACKAGES", {"qemu": [str(host), f"{host}/none"]})
    monkeypatch.setattr(chr_host, "CLIENT_PACKAGES", {"python3-json": "json", "python3-none": "no_such_library"})
    assert ask(called)["missing_packages"] == ["conntrack", "qemu", "python3-none"]
    assert ask(called, guests=[])["missing_packages"] == ["conntrack", "python3-none"], "nothing runs them here"


@pytest.mark.parametrize(("address", "found"), [
    ("192.0.2.7/24", "eth1 has 192.0.2.7/24"), ("10.2.0.9/32", "eth1 has 10.2.0.9/32"), ("10.0.0.1/8", None), ("192.0.2.8/29", None),
])  # fmt: skip
def test_a_network_that_is_taken(address: str, found: str | None, host: Path, programs: Any, called: Callable[..., dict[str, Any]]) -> None:
    local, prefix = address.split("/")
    programs.say("address", [ETH0, {"ifname": "eth1", "addr_info": [{"local": local, "prefixlen": int(prefix)}]}])
    assert ask(called)["problems"] == ([f"the network of chr0, or one behind it, is taken: {found}"] if found else [])


def test_a_route_that_leads_elsewhere(host: Path, programs: Any, called: Callable[..., dict[str, Any]]) -> None:
    wider, address = {"dst": "10.0.0.0/8", "dev": "x"}, {"dst": "10.2.0.64/26", "dev": "eth0", "protocol": "kernel"}
    programs.say("route", [address, {"dst": "10.2.0.128/25", "gateway": "198.51.100.7", "dev": "eth0"}, {"dst": "10.2.0.5", "dev": "tun0"}, wider])
    assert ask(called)["problems"] == [
        "the network of chr0, or one behind it, is taken: 10.2.0.128/25 is routed to 198.51.100.7",
        "the network of chr0, or one behind it, is taken: 10.2.0.5/32 is routed to tun0",
    ]


def test_the_bridge_itself_and_the_tunnels_that_a_router_takes_over_are_in_nobody_s_way(
    host: Path, programs: Any, called: Callable[..., dict[str, Any]]
) -> None:
    (host / "wireguard/wg-app.conf").write_text("# unde.infra gateway wg-app\n")
    (host / "wireguard/wg-own.conf").write_text("# mine\n")
    links = [{"ifname": name, "addr_info": [{"local": local, "prefixlen": 32}]} for name, local in (("wg-app", "10.2.0.1"), ("wg-own", "10.2.0.2"))]
    programs.say("address", [{"ifname": "chr0", "addr_info": [{"local": "192.0.2.1", "prefixlen": 29}]}, *links])
    programs.say("route", [{"dst": "10.2.0.0/24", "gateway": "192.0.2.2", "dev": "chr0"}, {"dst": "10.2.0.3", "dev": "wg-app"}])
    assert ask(called)["problems"] == ["the network of chr0, or one behind it, is taken: wg-own has 10.2.0.2/32"]


def test_an_interface_of_the_bridge_s_name_that_is_none_or_leads_out(host: Path, called: Callable[..., dict[str, Any]]) -> None:
    (host / "net/chr0").mkdir()
    assert ask(called)["problems"] == ["chr0 exists, and is no bridge"]
    for folder in ("chr0/bridge", "chr0/brif/eth1", "chr0/brif/chr-a", "eth1/device", "chr-a"):
        (host / "net" / folder).mkdir(parents=True)
    assert ask(called)["problems"] == ["chr0 has the physical port eth1: the guests' bridge leads nowhere"]


def test_a_networkd_that_would_take_over_others_interfaces(host: Path, programs: Any, called: Callable[..., dict[str, Any]]) -> None:
    for name in ("10-unde-chr.network", "20-wan.network", "30-dummy.netdev"):
        (host / "etc" / name).touch()
    assert ask(called)["problems"] == [], "it runs"
    programs.say("systemctl show", "ActiveState=inactive\n")
    assert ask(called)["problems"] == [
        f"systemd-networkd does not run, and would take over other interfaces if it did: move {host}/etc/20-wan.network {host}/etc/30-dummy.netdev away, "
        "or start it yourself"
    ]


def test_new_guests_find_memory_and_space(host: Path, called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Space(1535 << 20))
    (host / "meminfo").write_text("MemAvailable: 1048576 kB\n")
    assert ask(called)["problems"] == [
        "not enough memory for a and b: 2304 MiB wanted, 1024 free",
        f"not enough {host} for a and b: 1536 MiB wanted, 1535 free",
    ]
    for guest in ("a", "b"):
        (host / f"disks/{guest}.img").touch()
    assert ask(called)["problems"] == [], "they have theirs"


@pytest.mark.parametrize(("flags", "trial", "why"), [
    ("fpu sse", "", "the processor shows neither vmx nor svm"),
    ("fpu vmx", "", ""),
    ("svm", "a guest stops at once (exit reason 17)", "{kvm} is there, and a guest stops at once (exit reason 17)"),
])  # fmt: skip
def test_kvm_is_tried_not_assumed(flags: str, trial: str, why: str, host: Path, called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    (host / "kvm").touch()
    (host / "cpuinfo").write_text(f"processor: 0\nflags\t\t: {flags}\n")
    monkeypatch.setattr(kvm, "CPUINFO", host / "cpuinfo")
    monkeypatch.setattr(kvm, "trial", lambda: trial)
    assert ask(called)["without_kvm"] == why.format(kvm=host / "kvm")


def test_a_trial_that_fails_hangs_or_halts(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (host / "kvm").touch()
    assert "a guest does not run: [Errno 25]" in kvm.trial(), "a file is no device"
    monkeypatch.setattr(kvm, "stopped", lambda: kvm.EXIT_HLT)
    assert kvm.trial() == ""
    monkeypatch.setattr(kvm, "stopped", lambda: 17)
    assert kvm.trial() == "a guest stops at once (exit reason 17)"
    monkeypatch.setattr(kvm, "TIMEOUT_S", 0.1)
    monkeypatch.setattr(kvm, "stopped", lambda: __import__("time").sleep(60))
    assert kvm.trial() == "a guest does not run: the guest's processor does not answer"


def test_what_ip_says_is_read_as_json(host: Path, programs: Any) -> None:
    programs.say("-4 link", json.dumps([{"ifname": "x"}]))
    assert chr_host.ask(programs.run, "link") == [{"ifname": "x"}]
