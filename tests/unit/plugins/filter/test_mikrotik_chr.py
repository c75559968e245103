"""The filters of the role mikrotik_chr."""

from __future__ import annotations

import pytest
from ansible_collections.unde.infra.plugins.filter import mikrotik_chr as filters

FILES = [{".id": "*1", "name": f"unde-20261129T10000{second}Z.{kind}"} | {".id": f"*{second}{kind[0]}"} for second in (2, 0, 1) for kind in ("backup", "rsc")]
OTHERS = [{".id": "*a", "name": "unde.rsc"}, {".id": "*b", "name": "flash/skins"}, {".id": "*c", "name": "unde-before-the-flood.backup"}]


def test_backups_are_listed_from_the_oldest() -> None:
    assert filters.routeros_backups([*FILES, *OTHERS]) == [f"unde-20261129T10000{second}Z" for second in range(3)]
    assert filters.routeros_backups(OTHERS) == []


@pytest.mark.parametrize(("kept", "outlived"), [
    (3, set()), (9, set()), (2, {"*0b", "*0r"}), (1, {"*0b", "*0r", "*1b", "*1r"}), (0, {"*0b", "*0r", "*1b", "*1r"}),
])  # fmt: skip
def test_the_oldest_backups_go_with_their_exports(kept: int, outlived: set[str]) -> None:
    assert set(filters.routeros_outlived([*FILES, *OTHERS], kept)) == outlived


def test_a_backup_without_its_export_is_one_all_the_same() -> None:
    files = [each for each in FILES if each["name"] != "unde-20261129T100001Z.rsc"]
    assert set(filters.routeros_outlived(files, 2)) == {"*0b", "*0r"}


@pytest.mark.parametrize(("duration", "seconds"), [("4s", 4), ("1w2d3h4m5s", 788645), ("59m1s", 3541), ("1d", 86400), ("1s500ms", 1), ("", 0)])
def test_durations(duration: str, seconds: int) -> None:
    assert filters.routeros_seconds(duration) == seconds


def test_public_keys_are_kept_and_no_others() -> None:
    bundle = filters.public_key_files({"wg-a": "K="}, ["/etc/wireguard/wg-a.pub", "/etc/wireguard/wg-b.pub"])
    assert bundle == [
        {"dest": "/etc/wireguard", "state": "directory", "mode": "0700"},
        {"dest": "/etc/wireguard/wg-a.pub", "content": "K=\n", "mode": "0600"},
        {"dest": "/etc/wireguard/wg-b.pub", "state": "absent"},
    ]


def test_a_public_key_with_a_private_one_beside_it_is_another_engine_s() -> None:
    there = ["/k/wg-a.pub", "/k/wg-b.pub", "/k/wg-b.key", "/k/wg-c.key"]
    assert filters.orphaned_public_keys(there) == ["/k/wg-a.pub"]


@pytest.mark.parametrize(("interface", "address", "network", "offset"), [
    ("192.168.254.1/29", "192.168.254.1", "192.168.254.0/29", 1), ("198.18.33.249/29", "198.18.33.249", "198.18.33.248/29", 1),
    ("10.0.1.4/22", "10.0.1.4", "10.0.0.0/22", 260),
])  # fmt: skip
def test_an_interface_s_address_its_network_and_its_place_there(interface: str, address: str, network: str, offset: int) -> None:
    assert (filters.interface_address(interface), filters.interface_network(interface), filters.host_offset(interface)) == (address, network, offset)


def test_the_keys_that_only_a_run_knows_are_filled_in() -> None:
    menus = [
        {"path": "interface wireguard", "data": [{"name": "wg-a"}, {"name": "wg-b"}]},
        {"path": "interface wireguard peers", "ours": {"field": "comment"}, "data": [{"interface": "wg-a"}, {"interface": "wg-b"}]},
        {"path": "ip route", "data": [{"gateway": "wg-a"}]},
    ]
    tunnels, peers, routes = filters.FilterModule().filters()["routeros_menus"](menus, {"wg-a": "public"}, {"wg-b": "private"})
    assert tunnels["data"] == [{"name": "wg-a"}, {"name": "wg-b", "private-key": "private"}]
    assert peers == {"path": "interface wireguard peers", "ours": {"field": "comment"}, "data": [{"interface": "wg-a", "public-key": "public"}]}
    assert routes == menus[2]
