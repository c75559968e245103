"""The module ``unde.infra.wireguard_interfaces_info``: whose tunnels a host has, and which must not be overwritten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import wireguard_interfaces_info

OURS = "# unde.infra {owner} {name}: written by Ansible, changes are overwritten\n[Interface]\nMTU = 1420\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a tunnel of each of two roles, one without a far end, and one of somebody else."""
    (tmp_path / "wg-a.conf").write_text(OURS.format(owner="wireguard_peer", name="wg-a") + "\n[Peer]\nPublicKey = theirs=\n")
    (tmp_path / "wg-b.conf").write_text(OURS.format(owner="wireguard_peer", name="wg-b"))
    (tmp_path / "wg-g.conf").write_text(OURS.format(owner="gateway", name="wg-g") + "\n[Peer]\nPublicKey = other=\n")
    (tmp_path / "wg-x.conf").write_text("[Interface]\nPrivateKey = x\n")
    for name in ("wg-a", "wg-b"):
        (tmp_path / f"{name}.key").write_text("private\n")
        (tmp_path / f"{name}.pub").write_text(f"public-{name}\n")
    return tmp_path


@pytest.fixture
def ask(folder: Path, called: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return a function that asks about interfaces."""
    return lambda *interfaces, check_mode=False: called(
        wireguard_interfaces_info, check_mode, owner="wireguard_peer", interfaces=list(interfaces), directory=str(folder)
    )


def test_tunnels_are_told_by_their_owner(ask: Callable[..., dict[str, Any]]) -> None:
    result = ask("wg-a")
    assert (result["owned"], result["peers"], result["refusals"]) == (["wg-a", "wg-b"], {"wg-a": "theirs="}, [])
    assert result["public_keys"] == ["public-wg-a", "public-wg-b"]
    assert not result["changed"]


@pytest.mark.parametrize(("interface", "whose"), [("wg-g", "the role gateway"), ("wg-x", "somebody else")])
def test_what_another_wrote_is_not_overwritten(interface: str, whose: str, folder: Path, ask: Callable[..., dict[str, Any]]) -> None:
    (folder / f"{interface}.key").touch()
    (refusal,) = ask("wg-a", interface)["refusals"]
    assert refusal.startswith(f"{folder}/{interface}.conf was written by {whose} and is not overwritten by wireguard_peer. Take that tunnel down")
    assert f"keep its private key as {folder}/{interface}.key (mode 0600), move the file away, and run again." in refusal


@pytest.mark.parametrize("check_mode", [True, False])
def test_without_a_key_nothing_is_written(check_mode: bool, folder: Path, ask: Callable[..., dict[str, Any]]) -> None:
    refusals = ask("wg-a", "wg-new", check_mode=check_mode)["refusals"]
    wanted = f"{folder}/wg-new.key does not exist: the role wireguard_keys makes it and goes first"
    assert [refusal.startswith(wanted) for refusal in refusals] == ([] if check_mode else [True])
