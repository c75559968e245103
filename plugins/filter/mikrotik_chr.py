# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the role mikrotik_chr computes of a router's answers, and of addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_interface
from typing import Any

from ansible_collections.unde.infra.plugins.module_utils.routeros import with_keys

BACKUP = re.compile(r"(unde-\d+T\d+Z)\.(backup|rsc)")
UNITS_S = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}


def routeros_backups(files: Iterable[Mapping[str, str]]) -> list[str]:
    """Return the names of our backups among a router's files, the oldest first; each is loaded by this name."""
    found = [BACKUP.fullmatch(file["name"]) for file in files]
    return sorted(each[1] for each in found if each and each[2] == "backup")


def routeros_outlived(files: Iterable[Mapping[str, str]], kept: int) -> list[str]:
    """Return the identifiers of the files of all our backups but the newest so many, at least one; the export beside a backup goes with it."""
    files = list(files)
    times = {file[".id"]: each[1] for file in files if (each := BACKUP.fullmatch(file["name"]))}
    newest = sorted(set(times.values()))[-max(kept, 1) :]
    return [file[".id"] for file in files if file[".id"] in times and times[file[".id"]] not in newest]


def routeros_seconds(duration: str) -> int:
    """Return a duration as the router prints it, 1w2d3h4m5s, in seconds."""
    return sum(int(number) * UNITS_S[unit] for number, unit in re.findall(r"(\d+)([wdhms])(?!s)", duration))


def public_key_files(keys: Mapping[str, str], kept: Iterable[str], directory: str = "/etc/wireguard") -> list[dict[str, Any]]:
    """Return the bundle of files that keeps public keys on a host, by interface, and removes those that are kept for others."""
    wanted = {f"{directory}/{interface}.pub": key for interface, key in keys.items()}
    return [
        {"dest": directory, "state": "directory", "mode": "0700"},
        *({"dest": path, "content": f"{key}\n", "mode": "0600"} for path, key in wanted.items()),
        *({"dest": path, "state": "absent"} for path in kept if path not in wanted),
    ]


def orphaned_public_keys(paths: Iterable[str]) -> list[str]:
    """Return the files with public keys (.pub) among these that have no private key (.key) beside them."""
    paths = set(paths)
    return sorted(path for path in paths if path.endswith(".pub") and path.removesuffix(".pub") + ".key" not in paths)


def interface_address(interface: str) -> str:
    """Return the address of an interface that is given with its prefix length."""
    return str(ip_interface(interface).ip)


def interface_network(interface: str) -> str:
    """Return the network that an interface, given with its prefix length, is in."""
    return str(ip_interface(interface).network)


def host_offset(interface: str) -> int:
    """Return how far an interface's address is from the first of its network."""
    found = ip_interface(interface)
    return int(found.ip) - int(found.network.network_address)


class FilterModule:
    """The filters, by the names that playbooks use."""

    def filters(self) -> dict[str, Any]:
        return {
            "host_offset": host_offset,
            "interface_address": interface_address,
            "interface_network": interface_network,
            "orphaned_public_keys": orphaned_public_keys,
            "public_key_files": public_key_files,
            "routeros_backups": routeros_backups,
            "routeros_menus": with_keys,
            "routeros_outlived": routeros_outlived,
            "routeros_seconds": routeros_seconds,
        }
