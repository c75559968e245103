"""The module ``unde.infra.routeros_wireguard_key``: the router gets a new private key, and nobody else sees it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import routeros_wireguard_key
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from librouteros.exceptions import TrapError

ROUTER = {"hostname": "192.0.2.2", "username": "unde", "password": "of-this-test-alone"}


class Menu:
    """The router's menu of WireGuard interfaces."""

    def __init__(self) -> None:
        self.given: list[dict[str, str]] = []

    def path(self, *names: str) -> Menu:
        assert names == ("interface", "wireguard")
        return self

    def __iter__(self) -> Iterator[dict[str, str]]:
        return iter([{".id": "*1", "name": "wg-a"}, {".id": "*2", "name": "wg-b"}])

    def update(self, **values: str) -> None:
        self.given.append(values)


@pytest.fixture
def menu(monkeypatch: pytest.MonkeyPatch) -> Menu:
    router = Menu()
    monkeypatch.setattr(routeros_wireguard_key, "create_api", lambda module: router)
    return router


def test_the_interface_gets_a_key_and_the_caller_its_public_half(menu: Menu, called: Callable[..., dict[str, Any]]) -> None:
    result = called(routeros_wireguard_key, **ROUTER, interface="wg-b")
    (given,) = menu.given
    private = X25519PrivateKey.from_private_bytes(b64decode(given["private-key"]))
    assert given[".id"] == "*2"
    assert result["public_key"] == b64encode(private.public_key().public_bytes_raw()).decode()
    assert given["private-key"] not in json.dumps(result)
    assert (result["changed"], result["actions"]) == (True, ["make a new key for wg-b"])


def test_each_run_makes_another(menu: Menu, called: Callable[..., dict[str, Any]]) -> None:
    first, second = (called(routeros_wireguard_key, **ROUTER, interface="wg-a")["public_key"] for _ in range(2))
    assert first != second


def test_check_mode_only_tells(menu: Menu, called: Callable[..., dict[str, Any]]) -> None:
    result = called(routeros_wireguard_key, True, **ROUTER, interface="wg-b")
    assert (result["diff"], result["public_key"], menu.given) == ({"prepared": "make a new key for wg-b\n"}, "", [])


def test_an_interface_that_there_is_not(menu: Menu, called: Callable[..., dict[str, Any]]) -> None:
    assert called(routeros_wireguard_key, **ROUTER, interface="wg-c")["msg"] == "the router at 192.0.2.2 has no WireGuard interface wg-c; nothing was changed"
    assert menu.given == []


def test_what_the_router_refuses_is_told_without_the_key(menu: Menu, called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**values: str) -> None:
        menu.given.append(values)
        raise TrapError(f"invalid value {values['private-key']}")

    monkeypatch.setattr(menu, "update", refuse)
    result = called(routeros_wireguard_key, **ROUTER, interface="wg-b")
    assert result["msg"].startswith("wg-b was not given a new key: invalid value")
    assert menu.given[0]["private-key"] not in json.dumps(result)
