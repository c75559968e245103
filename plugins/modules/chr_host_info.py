#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look whether a host can carry MikroTik CHR guests, and what it lacks for them."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: chr_host_info
short_description: Look whether a host can carry MikroTik CHR guests, and what it lacks
description:
  - One question for all that the role C(mikrotik_chr) has to know of a host before it touches anything.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options:
  bridge:
    description: The closed network of host and guests.
    type: dict
    required: true
    suboptions:
      name:
        description: Name of the bridge.
        type: str
        required: true
      address:
        description: The host's address on it, with its prefix length.
        type: str
        required: true
  remote_networks:
    description: The networks behind the tunnels, which are to be routed to a guest.
    type: list
    elements: str
    default: []
  guests:
    description: Names of the guests that libvirt is to run; none where something else brings them up.
    type: list
    elements: str
    default: []
  ram_mb:
    description: Memory of a guest in MiB.
    type: int
    default: 1024
  try_kvm:
    description: Whether to find out if guests can run on the hardware.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Gather the state of the host
  unde.infra.chr_host_info:
    bridge: {name: chr0, address: 192.168.254.1/29}
    remote_networks: [10.2.0.0/24]
    guests: [a]
  register: host
"""

RETURN = r"""
problems:
  description: What is in the guests' way.
  type: list
  elements: str
  returned: always
  sample: ["the network of chr0, or one behind it, is taken: eth1 has 192.168.254.7/24"]
without_kvm:
  description: Why guests cannot run on the hardware; empty where they can, or nobody asked.
  type: str
  returned: always
  sample: there is no /dev/kvm
missing_disks:
  description: The guests that have no disk yet.
  type: list
  elements: str
  returned: always
  sample: [a]
missing_packages:
  description: The packages to install, by the programs and libraries that are not there.
  type: list
  elements: str
  returned: always
  sample: [nftables, python3-librouteros]
linux_engine:
  description: Whether the gateway on Debian itself was built here, which a guest takes over from.
  type: bool
  returned: always
  sample: false
counting:
  description: Whether the timer that counts what the tunnels carry is enabled and runs.
  type: bool
  returned: always
  sample: true
kept_keys:
  description: The files with public keys that are kept for the far ends of tunnels.
  type: list
  elements: str
  returned: always
  sample: [/etc/wireguard/wg-app.pub]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import chr_host, kvm


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "bridge": {
                "type": "dict", "required": True, "options": {"name": {"type": "str", "required": True}, "address": {"type": "str", "required": True}},
            },
            "remote_networks": {"type": "list", "elements": "str", "default": []},
            "guests": {"type": "list", "elements": "str", "default": []},
            "ram_mb": {"type": "int", "default": 1024},
            "try_kvm": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )  # fmt: skip
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    bridge, guests, run = module.params["bridge"], module.params["guests"], module.run_command
    problems = [
        *chr_host.collisions(run, bridge["name"], bridge["address"], module.params["remote_networks"]),
        *chr_host.foreign_interface(bridge["name"]),
        *chr_host.sleeping_networkd(run),
        *chr_host.shortages(guests, module.params["ram_mb"]),
    ]
    module.exit_json(
        changed=False,
        problems=problems,
        without_kvm=kvm.missing() if module.params["try_kvm"] else "",
        missing_disks=chr_host.missing_disks(guests),
        missing_packages=chr_host.missing_packages(libvirt=bool(guests)),
        linux_engine=chr_host.LINUX_ENGINE.exists(),
        counting=chr_host.is_counting(run),
        kept_keys=chr_host.kept_keys(),
    )


if __name__ == "__main__":
    main()
