# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host under MikroTik CHR guests: what it lacks for them, and what is in their way. Nothing here changes anything."""

from __future__ import annotations

import importlib.machinery
import json
import shutil
from collections.abc import Iterable
from ipaddress import ip_interface, ip_network
from pathlib import Path
from typing import Any

from ansible_collections.unde.infra.plugins.module_utils import systemd

DISKS = Path("/var/lib/unde-chr")
WIREGUARD = Path("/etc/wireguard")
#: The rules of the gateway on Debian itself; the last that goes when it is taken away.
LINUX_ENGINE = Path("/etc/unde/gateway.nft")
TIMER = "unde-chr-counters.timer"
INTERFACES = Path("/sys/class/net")
MEMINFO = Path("/proc/meminfo")
NETWORK_FILES = (Path("/etc/systemd/network"), Path("/run/systemd/network"))
#: What the host itself and the download need beside the guests, MiB.
RESERVE_MB, IMAGE_MB = 256, 512
#: Debian's package → the programs that it is wanted for.
NETWORK_PACKAGES = {"nftables": ["/usr/sbin/nft"], "conntrack": ["/usr/sbin/conntrack"]}
#: Without what is only recommended: no screens, no UEFI, no network of libvirt's own.
LIBVIRT_PACKAGES = {
    "libvirt-clients": ["/usr/bin/virsh"],
    "libvirt-daemon-system": ["/usr/sbin/libvirtd"],
    "qemu-system-x86": ["/usr/bin/qemu-system-x86_64"],
}
#: What speaks the routers' API and makes keys: Debian's package → the library.
CLIENT_PACKAGES = {"python3-cryptography": "cryptography", "python3-librouteros": "librouteros"}


def disk(guest: str) -> Path:
    """Return where a guest's disk is."""
    return DISKS / f"{guest}.img"


def missing_disks(guests: Iterable[str]) -> list[str]:
    """Return the guests that have no disk yet."""
    return [guest for guest in guests if not disk(guest).exists()]


def missing_packages(libvirt: bool) -> list[str]:
    """Return the packages that the host lacks, by the programs and libraries that they bring."""
    programs = {**NETWORK_PACKAGES, **(LIBVIRT_PACKAGES if libvirt else {})}
    missing = [package for package, files in programs.items() if not all(Path(file).exists() for file in files)]
    return missing + [package for package, name in CLIENT_PACKAGES.items() if importlib.machinery.PathFinder.find_spec(name) is None]


def kept_keys() -> list[str]:
    """Return the files with public keys that are kept on the host for the far ends of tunnels."""
    return sorted(map(str, WIREGUARD.glob("*.pub")))


def is_counting(run: systemd.Run) -> bool:
    """Return whether the timer that counts what the tunnels carry is enabled and runs."""
    timer = systemd.properties(run, TIMER, "ActiveState", "UnitFileState")
    return timer.get("ActiveState") == "active" and timer.get("UnitFileState") == "enabled"


def shortages(guests: Iterable[str], ram_mb: int) -> list[str]:
    """Return what the guests that have no disk yet would not find: memory and space."""
    new = missing_disks(guests)
    if not new:
        return []
    memory = dict(line.split(":", 1) for line in MEMINFO.read_text(encoding="ascii").splitlines())
    free = int(memory["MemAvailable"].split()[0]) // 1024
    space = shutil.disk_usage(DISKS.parent).free >> 20
    wants = (("memory", len(new) * ram_mb + RESERVE_MB, free), (str(DISKS.parent), (len(new) + 1) * IMAGE_MB, space))
    return [f"not enough {what} for {' and '.join(new)}: {wanted} MiB wanted, {there} free" for what, wanted, there in wants if there < wanted]


def ask(run: systemd.Run, *words: str) -> list[dict[str, Any]]:
    """Return what ``ip`` knows of IPv4."""
    return list(json.loads(run(["ip", "-j", "-4", *words], check_rc=True)[1] or "[]"))


def is_replaced(interface: str) -> bool:
    """Return whether an interface is a tunnel of the engine that the router takes over from."""
    try:
        return (WIREGUARD / f"{interface}.conf").read_text(encoding="utf-8", errors="replace").startswith("# unde.infra gateway ")
    except FileNotFoundError:
        return False


def collisions(run: systemd.Run, bridge: str, address: str, remote_networks: Iterable[str]) -> list[str]:
    """Return what the host has already where the bridge, or a network behind it, is to be."""
    ours = ip_interface(address).network
    networks, found = [ours, *map(ip_network, remote_networks)], []
    for link in ask(run, "address"):
        if link["ifname"] == bridge or is_replaced(link["ifname"]):
            continue
        for each in link.get("addr_info", []):
            mine = ip_interface(f"{each['local']}/{each['prefixlen']}")
            if mine.network.overlaps(ours) or any(mine.ip in network for network in networks):
                found.append(f"{link['ifname']} has {mine}")
    for route in ask(run, "route"):
        device = str(route.get("dev"))
        if route["dst"] == "default" or route.get("protocol") == "kernel" or device == bridge or is_replaced(device):
            continue
        destination = ip_network(route["dst"])
        if any(destination.subnet_of(network) for network in networks):  # type: ignore[arg-type]
            found.append(f"{destination} is routed to {route.get('gateway') or device}")
    return [f"the network of {bridge}, or one behind it, is taken: {each}" for each in found]


def foreign_interface(bridge: str) -> list[str]:
    """Return what is wrong with an interface of the bridge's name: that it is none, or leads out."""
    interface = INTERFACES / bridge
    if not interface.exists():
        return []
    if not (interface / "bridge").exists():
        return [f"{bridge} exists, and is no bridge"]
    ports = [port.name for port in (interface / "brif").glob("*") if (INTERFACES / port.name / "device").exists()]
    return [f"{bridge} has the physical port {port}: the guests' bridge leads nowhere" for port in ports]


def sleeping_networkd(run: systemd.Run) -> list[str]:
    """Return the files that networkd, which does not run here, would act on once it does."""
    running = systemd.properties(run, "systemd-networkd.service", "ActiveState").get("ActiveState") == "active"
    files = [str(file) for place in NETWORK_FILES for file in sorted(place.glob("*.net*")) if not file.name.startswith("10-unde-chr.")]
    if running or not files:
        return []
    return [f"systemd-networkd does not run, and would take over other interfaces if it did: move {' '.join(files)} away, or start it yourself"]
