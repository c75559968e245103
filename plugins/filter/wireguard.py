# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the far ends of tunnels have told this run of their public keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleUndefinedVariable
from jinja2 import UndefinedError


def far_keys(tunnels: Iterable[Mapping[str, Any]], hostvars: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return interface → public key of the far end, of those tunnels whose far host has told its keys in this run.

    A host tells them by the role ``wireguard_keys``; a router is asked by the host of its role, which keeps them as the fact ``wireguard_keys_public``.
    """
    found = {}
    for tunnel in tunnels:
        far = tunnel.get("far_host")
        if far and far in hostvars:
            keys = {**_said(hostvars[far], "__wireguard_keys_run").get("public_keys", {}), **_said(hostvars[far], "wireguard_keys_public")}
            if key := keys.get(tunnel.get("far_interface", tunnel["interface"])):
                found[tunnel["interface"]] = key
    return found


def _said(host: Mapping[str, Any], variable: str) -> Mapping[str, Any]:
    """Return a variable of a host; empty where it is not defined, or made of what is not."""
    try:
        return host.get(variable) or {}
    except (AnsibleUndefinedVariable, UndefinedError):
        return {}


class FilterModule:
    """What Ansible finds here."""

    def filters(self) -> dict[str, Any]:
        """Return name → filter."""
        return {"far_keys": far_keys}
