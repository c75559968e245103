"""Tunnels: the kernel's WireGuard, or the userspace one where the kernel has none."""

from __future__ import annotations

import ipaddress
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..backend import Peer
from ..errors import Trap, unsupported
from ..values import milliseconds
from .programs import program, succeeds

if TYPE_CHECKING:
    from ..router import Router
    from ..table import Row

#: Where the userspace one listens for ``wg``.
SOCKETS = Path("/run/wireguard")
START_SECONDS = 5.0


class Tunnels:
    """The interfaces that were made, with what each was told last."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, str]] = {}
        self._userspace: dict[str, subprocess.Popen[bytes]] = {}

    def apply(self, router: Router) -> bool:
        """Bring them into the wanted state; return whether an interface came or went."""
        wanted = {row["name"]: (row["mtu"], _settings(router, row)) for row in router.table("interface wireguard").enabled()}
        before = set(self._told)
        for name in before - wanted.keys():
            self._remove(name)
        for name, (mtu, settings) in wanted.items():
            if name not in self._told:
                self._make(name)
                self._told[name] = ("", "")
            if self._told[name][1] != settings:
                program("wg", "syncconf", name, "/dev/stdin", stdin=settings)
            if self._told[name][0] != mtu:
                program("ip", "link", "set", name, "mtu", mtu, "up")
            self._told[name] = (mtu, settings)
        return before != set(self._told)

    def peers(self) -> dict[tuple[str, str], Peer]:
        """Return what is known of all peers."""
        if not self._told:
            return {}
        peers = {}
        for line in program("wg", "show", "all", "dump").splitlines():
            parts = line.split("\t")
            if len(parts) == 9:
                interface, key, _, endpoint, _, handshake, rx, tx, _ = parts
                address, _, port = endpoint.rpartition(":")
                peers[interface, key] = Peer((address, port) if address else ("", "0"), int(handshake), int(rx), int(tx))
        return peers

    def _make(self, name: str) -> None:
        if succeeds("ip", "link", "add", name, "type", "wireguard"):
            return
        self._userspace[name] = subprocess.Popen(["wireguard-go", name], env={**os.environ, "LOG_LEVEL": "error", "WG_PROCESS_FOREGROUND": "1"})
        end = time.monotonic() + START_SECONDS
        while not (SOCKETS / f"{name}.sock").is_socket():
            if time.monotonic() > end or self._userspace[name].poll() is not None:
                raise Trap(f"failure: {name} does not come up", 0)
            time.sleep(0.01)

    def _remove(self, name: str) -> None:
        program("ip", "link", "delete", name)
        del self._told[name]
        if name in self._userspace:
            self._userspace.pop(name).wait(START_SECONDS)


def _settings(router: Router, row: Row) -> str:
    """Return an interface's settings as ``wg`` reads them."""
    lines = ["[Interface]", f"PrivateKey={row['private-key']}", f"ListenPort={row['listen-port']}"]
    for peer in router.table("interface wireguard peers").enabled():
        if peer["interface"] != row["name"]:
            continue
        lines += ["[Peer]", f"PublicKey={peer['public-key']}", f"AllowedIPs={peer['allowed-address']}"]
        if "preshared-key" in peer:
            lines.append(f"PresharedKey={peer['preshared-key']}")
        # A responder waits to be called.
        if peer.get("responder") == "true":
            continue
        if peer["endpoint-address"]:
            lines.append(f"Endpoint={_address(peer['endpoint-address'])}:{peer['endpoint-port']}")
        if keepalive := milliseconds(peer.get("persistent-keepalive", "")):
            lines.append(f"PersistentKeepalive={keepalive // 1000}")
    return "\n".join([*lines, ""])


def _address(endpoint: str) -> str:
    try:
        return str(ipaddress.IPv4Address(endpoint))
    except ValueError:
        raise unsupported(f"the endpoint {endpoint}: only addresses, nobody is asked for names") from None
