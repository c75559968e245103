"""The module ``unde.infra.wireguard_keys``: which keys it makes, what it refuses, and that no private key comes out of it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import wireguard
from ansible_collections.unde.infra.plugins.modules import wireguard_keys

PRIVATE, PUBLIC = (base64.b64encode(byte * 32).decode() for byte in (b"s", b"p"))


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the programs that are installed; a test may change them."""
    there = {"wg", "modprobe"}
    monkeypatch.setattr(wireguard.shutil, "which", lambda name: f"/usr/bin/{name}" if name in there else None)
    return there


@pytest.fixture
def host(tmp_path: Path, programs: Any, tools: set[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the parameters on a host whose kernel has WireGuard, and who may be root there."""
    monkeypatch.setattr(wireguard, "OWNER", (os.getuid(), os.getgid()))
    monkeypatch.setattr(wireguard, "MODULE", tmp_path)
    programs.say("wg genkey", f"{PRIVATE}\n")
    programs.say("wg pubkey", f"{PUBLIC}\n")
    return {"interfaces": ["wg-a"], "directory": str(tmp_path / "wireguard")}


def made(host: dict[str, Any], key: str = f"{PRIVATE}\n") -> Path:
    """Put a key pair on the host, and return the folder."""
    folder = Path(host["directory"])
    folder.mkdir(mode=0o700)
    (folder / "wg-a.key").write_text(key)
    (folder / "wg-a.key").chmod(0o600)
    (folder / "wg-a.pub").write_text(f"{PUBLIC}\n")
    return folder


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_key_is_made_where_there_is_none(check_mode: bool, host: dict[str, Any], called: Callable[..., dict[str, Any]]) -> None:
    folder = Path(host["directory"])
    result = called(wireguard_keys, check_mode, **host)
    assert result["actions"] == [f"create {folder}", f"make {folder}/wg-a.key", f"write {folder}/wg-a.pub"]
    assert result["changed"]
    assert result["diff"]["prepared"].splitlines() == result["actions"]
    assert folder.exists() is not check_mode
    assert result["public_keys"] == ({} if check_mode else {"wg-a": PUBLIC})
    if not check_mode:
        assert sorted(path.name for path in folder.iterdir()) == ["wg-a.key", "wg-a.pub"]
        assert (folder / "wg-a.key").read_text().strip() == PRIVATE
        assert [path.stat().st_mode & 0o777 for path in (folder, folder / "wg-a.key")] == [0o700, 0o600]
        assert not called(wireguard_keys, **host)["changed"]


def test_the_private_key_comes_out_nowhere(host: dict[str, Any], programs: Any, called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, str] = {}
    plain = programs.run
    monkeypatch.setattr(programs, "run", lambda words, **more: given.update({words[1]: more.get("data", "")}) or plain(words, **more))
    for result in (called(wireguard_keys, **host), called(wireguard_keys, **host)):
        assert PRIVATE not in json.dumps(result)
    # What goes to a program's standard input is behind the sign; its words, which every user of the host can read, are before it.
    assert PRIVATE not in " ".join(line.partition(" < ")[0] for line in programs.asked)
    assert given["pubkey"].strip() == PRIVATE


def test_a_key_that_exists_is_kept(host: dict[str, Any], programs: Any, called: Callable[..., dict[str, Any]]) -> None:
    made(host)
    result = called(wireguard_keys, **host)
    assert (result["changed"], result["public_keys"]) == (False, {"wg-a": PUBLIC})
    assert "wg genkey" not in programs.asked


@pytest.mark.parametrize("check_mode", [True, False])
def test_modes_and_the_public_key_are_mended(check_mode: bool, host: dict[str, Any], called: Callable[..., dict[str, Any]]) -> None:
    folder = made(host)
    (folder / "wg-a.key").chmod(0o644)
    (folder / "wg-a.pub").write_text("of another key\n")
    assert called(wireguard_keys, check_mode, **host)["actions"] == [f"give {folder}/wg-a.key to root with mode 0600", f"write {folder}/wg-a.pub"]
    assert ((folder / "wg-a.key").stat().st_mode & 0o777 == 0o600) is not check_mode
    assert ((folder / "wg-a.pub").read_text() == f"{PUBLIC}\n") is not check_mode


@pytest.mark.parametrize(("key", "words"), [
    ("not a key", "cannot be read as a key"),
    ("c2hvcnQ=", "does not hold the 32 bytes of a WireGuard key"),
    (None, "is not a regular file"),
])  # fmt: skip
def test_what_is_no_key_is_refused_and_no_other_is_made(
    key: str | None, words: str, host: dict[str, Any], programs: Any, called: Callable[..., dict[str, Any]]
) -> None:
    folder = made(host, key or "")
    if key is None:
        (folder / "wg-a.key").unlink()
        (folder / "wg-a.key").symlink_to("/nowhere")
    result = called(wireguard_keys, **{**host, "interfaces": ["wg-b", "wg-a"]})
    assert result["failed"]
    assert f"{folder}/wg-a.key {words}" in result["msg"]
    assert "A key is never overwritten" in result["msg"]
    assert not (folder / "wg-b.key").exists()


def test_a_key_in_a_configuration_of_somebody_else_is_refused(host: dict[str, Any], called: Callable[..., dict[str, Any]]) -> None:
    folder = made(host)
    (folder / "wg-b.conf").write_text("[Interface]\n  privatekey = x\n")
    result = called(wireguard_keys, **{**host, "interfaces": ["wg-a", "wg-b"]})
    assert f"{folder}/wg-b.conf already carries a PrivateKey for wg-b" in result["msg"]
    assert f"Move that key to {folder}/wg-b.key (mode 0600)" in result["msg"]


@pytest.mark.parametrize(("there", "kernel", "missing"), [
    ({"wg"}, True, []),
    (set(), True, ["wireguard-tools"]),
    ({"wg"}, False, ["wireguard-go"]),
    ({"wg", "wireguard-go"}, False, []),
    (set(), False, ["wireguard-tools", "wireguard-go"]),
])  # fmt: skip
def test_without_packages_no_key_is_made(
    there: set[str], kernel: bool, missing: list[str], host: dict[str, Any], tools: set[str], programs: Any,
    called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    tools.clear()
    tools.update(there)
    monkeypatch.setattr(wireguard, "MODULE", Path("/nowhere"))
    programs.say("ip link", code=0 if kernel else 2)
    result = called(wireguard_keys, **host)
    assert result["missing_packages"] == missing
    assert result["changed"] is not bool(missing)
    assert Path(host["directory"]).exists() is not bool(missing)


@pytest.mark.parametrize("kernel", [True, False])
def test_check_mode_loads_nothing_and_tells_of_the_keys_all_the_same(
    kernel: bool, host: dict[str, Any], tools: set[str], programs: Any, called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    tools.remove("wg")
    monkeypatch.setattr(wireguard, "MODULE", Path("/nowhere"))
    programs.say("modprobe -n -q wireguard", code=0 if kernel else 1)
    result = called(wireguard_keys, True, **host)
    assert result["missing_packages"] == ["wireguard-tools", *([] if kernel else ["wireguard-go"])]
    assert f"make {host['directory']}/wg-a.key" in result["actions"]
    assert not [line for line in programs.asked if "ip link" in line]


def test_check_mode_without_tools_reads_the_public_keys(host: dict[str, Any], tools: set[str], called: Callable[..., dict[str, Any]]) -> None:
    made(host)
    tools.remove("wg")
    result = called(wireguard_keys, True, **host)
    assert (result["changed"], result["public_keys"]) == (False, {"wg-a": PUBLIC})


def test_without_interfaces_nothing_is_looked_at(host: dict[str, Any], tools: set[str], programs: Any, called: Callable[..., dict[str, Any]]) -> None:
    tools.clear()
    result = called(wireguard_keys, **{**host, "interfaces": []})
    assert (result["changed"], result["missing_packages"], result["public_keys"], programs.asked) == (False, [], {}, [])


def test_a_key_that_somebody_makes_meanwhile_is_kept(
    host: dict[str, Any], programs: Any, called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    key, plain = Path(host["directory"]) / "wg-a.key", programs.run
    monkeypatch.setattr(programs, "run", lambda words, **more: (words[1] == "genkey" and key.write_text("theirs")) and plain(words, **more))
    assert "was kept. Run again." in called(wireguard_keys, **host)["msg"]
    assert [(path.name, path.read_text()) for path in key.parent.iterdir()] == [("wg-a.key", "theirs")]


def test_a_tool_that_fails_is_named(host: dict[str, Any], programs: Any, called: Callable[..., dict[str, Any]]) -> None:
    made(host)
    programs.say("wg pubkey", code=1, complaint="Key is not the correct length or format\n")
    assert "Key is not the correct length" in called(wireguard_keys, **host)["msg"]
