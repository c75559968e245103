#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at a host that somebody else set up, and touch nothing: what runs, who listens, who is connected, what keeps the books."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_survey_info
short_description: Tell what runs on a host that somebody else set up, who listens and who is connected
description:
  - Services, sockets, connections, disks, firewalls and package states, with nothing but Debian's own Python. Nothing is ever changed.
  - What a program of the host does not tell, or where it is not there, is empty.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options: {}
"""

EXAMPLES = r"""
- name: Gather the state of the host
  unde.infra.host_survey_info:
  register: looked

- name: List the running services
  ansible.builtin.debug:
    msg: "{{ looked.survey.services.keys() | list }}"
"""

RETURN = r"""
survey:
  description: What was found; C(generator/unde/contact/survey.py) says what each part means.
  type: dict
  returned: always
  sample: {"hostname": "celery", "system": "debian", "version": "13", "services": {"cron.service": "312 4711"}, "firewalls": []}
"""

import glob
import os
import re
import shutil
import subprocess
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

#: What the programs say is read.
ENGLISH = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
#: File systems that are no disks.
NO_DISKS = {"proc", "sysfs", "devpts", "cgroup", "cgroup2", "mqueue", "securityfs", "debugfs", "tracefs", "devtmpfs", "autofs", "bpf", "pstore", "nsfs"}


def run(*command: str) -> str:
    """Return what a command prints, in English whatever the language of who logs in; nothing where it is not there, fails, or takes half a minute."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30, env={**os.environ, **ENGLISH}).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def read(path: str) -> str:
    """Return a file's text, empty where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def end(text: str) -> tuple[str, int]:
    """Return address and port of one end, IPv4 in its own form where ss tells it as IPv6; no address: any."""
    address, _colon, port = text.rpartition(":")
    address = address.strip("[]").split("%")[0].removeprefix("::ffff:")
    return ("" if address in ("*", "0.0.0.0", "::") else address), int(port) if port.isdigit() else 0


def whose(users: str) -> tuple[str, str]:
    """Return the program and the unit of a socket, from what ss says of its owner."""
    program, pid = re.search(r'\("([^"]+)"', users), re.search(r"pid=(\d+)", users)
    unit = re.search(r"/([^/\n]+\.(?:service|scope))", read(f"/proc/{pid[1]}/cgroup")) if pid else None
    return (program[1] if program else ""), (unit[1] if unit else "")


def sockets() -> dict[str, list[dict[str, Any]]]:
    """Return who listens and who is connected, each once with how often."""
    listens: dict[tuple[str, str, int], tuple[str, str]] = {}
    connections: dict[tuple[str, str, int, str], int] = {}
    for protocol, flags in (("tcp", "-ltnpH"), ("udp", "-lunpH")):
        for row in run("ss", flags).splitlines():
            address, port = end(row.split()[3])
            listens[protocol, address, port] = whose(row)
    for row in run("ss", "-tnpH", "state", "established").splitlines():
        fields = row.split()
        (local, local_port), (peer, peer_port) = end(fields[2]), end(fields[3])
        inward = ("tcp", "", local_port) in listens or ("tcp", local, local_port) in listens
        key = ("in" if inward else "out", peer, local_port if inward else peer_port, whose(row)[0])
        connections[key] = connections.get(key, 0) + 1
    return {
        "listens": [{"protocol": key[0], "address": key[1], "port": key[2], "program": of[0], "unit": of[1]} for key, of in listens.items()],
        "connections": [dict(zip(("way", "peer", "port", "program"), key, strict=True), count=count) for key, count in connections.items()],
    }


def services() -> dict[str, str]:
    """Return the services that run, with the second since boot at which each began."""
    units = [row.split()[0] for row in run("systemctl", "list-units", "--type=service", "--state=running", "--plain", "--no-legend").splitlines()]
    if not units:
        return {}
    shown = run("systemctl", "show", "--property=Id,ExecMainStartTimestampMonotonic,MainPID", *units)
    found = {}
    for block in shown.strip().split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines())
        found[values["Id"]] = f"{values['MainPID']} {values['ExecMainStartTimestampMonotonic']}"
    return found


def disks() -> list[dict[str, Any]]:
    """Return the file systems, with their sizes."""
    found = {}
    for row in read("/proc/mounts").splitlines():
        device, mount, kind = row.split()[:3]
        if kind in NO_DISKS or mount.startswith(("/sys", "/proc", "/dev", "/run")) or not os.path.isdir(mount):
            continue
        size = os.statvfs(mount)
        found[mount] = {"mount": mount, "device": device, "bytes": size.f_blocks * size.f_frsize, "free": size.f_bavail * size.f_frsize}
    return list(found.values())


def firewalls() -> list[str]:
    """Return the rules of others that are loaded, and the services that load some."""
    tables = [row.removeprefix("table ") for row in run("nft", "list", "tables").splitlines() if row.startswith("table ")]
    old = [f"iptables {name}" for path in glob.glob("/proc/net/ip*_tables_names") for name in read(path).split()]
    managers = [name for name in ("ufw", "firewalld", "shorewall", "ferm", "netfilter-persistent") if run("systemctl", "is-active", name).strip() == "active"]
    return [*(f"nftables {name}" for name in tables if not name.startswith("inet unde_")), *old, *managers]


def apt() -> dict[str, Any]:
    """Return what dpkg and apt say of themselves."""
    lists = glob.glob("/var/lib/apt/lists/*_Packages*") + glob.glob("/var/lib/apt/lists/partial")
    return {
        "lists_age_s": int(time.time() - max(map(os.path.getmtime, lists))) if lists else None,
        "unattended": 'APT::Periodic::Unattended-Upgrade "1"' in run("apt-config", "dump"),
        # Not apt-mark: that would write apt's cache anew.
        "held": [row.split()[0] for row in run("dpkg", "--get-selections").splitlines() if row.endswith("hold")],
        "broken": [row for row in run("dpkg", "--audit").splitlines() if row.startswith(" ")],
    }


def postgres() -> list[dict[str, str]]:
    """Return the PostgreSQL servers that Debian's tools know."""
    names = ("version", "name", "port", "status", "owner", "data")
    return [dict(zip(names, row.split(), strict=False)) for row in run("pg_lsclusters", "--no-header").splitlines()]


def survey() -> dict[str, Any]:
    """Return all of it."""
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)', read("/etc/os-release"), re.MULTILINE))
    count, most = (read(f"/proc/sys/net/netfilter/nf_conntrack_{name}").strip() for name in ("count", "max"))
    return {
        "hostname": os.uname().nodename, "system": release.get("ID", ""), "version": release.get("VERSION_ID", ""),
        "vcpu": os.cpu_count(), "ram_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "reboot_required": os.path.exists("/run/reboot-required"), "needrestart": shutil.which("needrestart") is not None,
        "addresses": re.findall(r"inet ([0-9.]+)", run("ip", "-4", "address", "show")),
        **sockets(), "services": services(), "disks": disks(), "firewalls": firewalls(), "apt": apt(), "postgres": postgres(),
        "tracked": int(count or 0), "tracked_most": int(most or 0),
        "encrypted": [row.split()[0] for row in read("/etc/crypttab").splitlines() if row.strip() and not row.startswith("#")],
    }  # fmt: skip


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    module.exit_json(changed=False, survey=survey())


if __name__ == "__main__":
    main()
