#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell how a host's name, its entries in /etc/hosts and its routes differ from what is wanted, with missing packages and stopped units."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: system_info
short_description: Tell how a host's name, hosts entries and routes differ from what is wanted
description:
  - What is configured on every host, compared with the kernel and with files, in one call. Nothing is ever changed.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options:
  packages:
    description: Debian packages that shall be installed.
    type: list
    elements: str
    default: []
  hostname:
    description: The name that the kernel shall have.
    type: str
  hosts_block:
    description: The lines that /etc/hosts shall have between its marks.
    type: str
  hosts_marker:
    description: The lines around them; C({mark}) stands for C(BEGIN) and C(END), as in M(ansible.builtin.blockinfile).
    type: str
    default: "# {mark} ANSIBLE MANAGED BLOCK"
  hosts_file:
    description: The file with the entries.
    type: path
    default: /etc/hosts
  loopback_name:
    description: Whether a line C(127.0.1.1) in O(hosts_file) is a difference.
    type: bool
    default: false
  routes:
    description: The routes of O(route_protocol), IPv4.
    type: list
    elements: dict
    suboptions:
      to:
        description: Destination, as CIDR.
        type: str
        required: true
      via:
        description: Address of the next hop.
        type: str
        required: true
  route_protocol:
    description: Number that marks routes as managed, so that other people's are left alone.
    type: int
    default: 143
"""

EXAMPLES = r"""
- name: Gather the state of the host
  unde.infra.system_info:
    packages: [chrony]
    hostname: local-redis
    hosts_block: |
      10.1.0.12 local-redis
    routes: [{to: 10.2.0.0/24, via: 10.1.0.1}]
  register: found
"""

RETURN = r"""
missing_packages:
  description: Those of O(packages) that are not installed in full.
  type: list
  elements: str
  returned: always
  sample: [chrony]
differences:
  description: What differs, of V(hostname), V(hosts), V(loopback_name) and V(routes).
  type: list
  elements: str
  returned: always
  sample: [hostname, routes]
cloud_init:
  description: Whether cloud-init is there, which writes names anew at each boot.
  type: bool
  returned: always
  sample: false
may_set_clock:
  description: Whether anything on this host can set the clock (CAP_SYS_TIME); nothing in most containers can.
  type: bool
  returned: always
  sample: true
has_login_key:
  description: Whether the user that Ansible logs in as has a key in C(authorized_keys).
  type: bool
  returned: always
  sample: true
"""

import os
import pwd
import re
from collections.abc import Iterator
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import debian
from ansible_collections.unde.infra.plugins.module_utils.systemd import Run

KERNEL_NAME = Path("/proc/sys/kernel/hostname")
FIRST_PROCESS = Path("/proc/1/status")
CLOUD_INIT = Path("/etc/cloud/cloud.cfg.d")
#: Bit of CAP_SYS_TIME: capability.h.
SYS_TIME = 25
#: A line of authorized_keys with a key, options before it or not: sshd(8).
KEY = re.compile(r"^[^#\n]*\b(ssh-|ecdsa-|sk-)", re.MULTILINE)
LOOPBACK = re.compile(r"^127\.0\.1\.1\s", re.MULTILINE)


def read(path: Path) -> str:
    """Return what a file holds; nothing where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def block(text: str, marker: str) -> str | None:
    """Return the lines between the marks, or None where there are none."""
    begin, end = (re.escape(marker.replace("{mark}", mark)) for mark in ("BEGIN", "END"))
    found = re.search(rf"^{begin}\n(.*?)^{end}$", text, re.MULTILINE | re.DOTALL)
    return found[1] if found else None


def routes(run: Run, protocol: int) -> set[tuple[str, str]]:
    """Return the destinations and next hops of the kernel's routes that carry a protocol number."""
    said = run(["ip", "-4", "route", "show", "proto", str(protocol)])[1]
    return set(re.findall(r"^(\S+) via (\S+)", said, re.MULTILINE))


def may_set_clock() -> bool:
    """Return whether the first process's bounding set has CAP_SYS_TIME."""
    found = re.search(r"^CapBnd:\s*([0-9a-f]+)", read(FIRST_PROCESS), re.MULTILINE)
    return bool(found and int(found[1], 16) >> SYS_TIME & 1)


def has_login_key() -> bool:
    """Return whether the user that logged in, before any sudo, has a key."""
    try:
        name = os.environ.get("SUDO_USER")
        home = Path((pwd.getpwnam(name) if name else pwd.getpwuid(os.getuid())).pw_dir)
    except KeyError:
        return False
    return any(KEY.search(read(home / ".ssh" / file)) for file in ("authorized_keys", "authorized_keys2"))


def differences(module: AnsibleModule) -> Iterator[str]:
    """Yield what differs from the parameters."""
    wanted = module.params
    if wanted["hostname"] is not None and read(KERNEL_NAME).strip() != wanted["hostname"]:
        yield "hostname"
    entries = read(Path(wanted["hosts_file"]))
    if wanted["hosts_block"] is not None and (block(entries, wanted["hosts_marker"]) or "").strip() != wanted["hosts_block"].strip():
        yield "hosts"
    if wanted["loopback_name"] and LOOPBACK.search(entries):
        yield "loopback_name"
    # The kernel shows a route to one host without its mask.
    if wanted["routes"] is not None:
        kernel = routes(module.run_command, wanted["route_protocol"])
        if kernel != {(each["to"].removesuffix("/32"), each["via"]) for each in wanted["routes"]}:
            yield "routes"


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "list", "elements": "str", "default": []},
            "hostname": {"type": "str"},
            "hosts_block": {"type": "str"},
            "hosts_marker": {"type": "str", "default": "# {mark} ANSIBLE MANAGED BLOCK"},
            "hosts_file": {"type": "path", "default": "/etc/hosts"},
            "loopback_name": {"type": "bool", "default": False},
            "routes": {
                "type": "list", "elements": "dict",
                "options": {"to": {"type": "str", "required": True}, "via": {"type": "str", "required": True}},
            },
            "route_protocol": {"type": "int", "default": 143},
        },
        supports_check_mode=True,
    )  # fmt: skip
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    packages = module.params["packages"]
    installed = debian.installed(module.run_command, packages)
    module.exit_json(
        changed=False,
        missing_packages=[name for name in packages if name not in installed],
        differences=list(differences(module)),
        cloud_init=CLOUD_INIT.is_dir(),
        may_set_clock=may_set_clock(),
        has_login_key=has_login_key(),
    )


if __name__ == "__main__":
    main()
