#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring the running WireGuard interfaces of a host to what is wanted, without taking any of them down."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: wireguard_interfaces
short_description: Bring running WireGuard interfaces to their configuration
description:
  - Compares what runs with what is wanted, and changes the running interfaces where they differ (C(wg set), C(ip)). No session is interrupted for it.
  - The units C(wg-quick@<interface>) are enabled; those whose interface does not exist are started, by the configuration that is there already.
  - Where the kernel has no WireGuard, C(wg-quick) starts C(wireguard-go).
  - The private key of an interface is read from its own file by C(wg).
version_added: "0.1.0"
author: UNDE (@unde)
options:
  interfaces:
    description: The interfaces that are to run.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the interface.
        type: str
        required: true
      address:
        description: This end's address in the tunnel, with its prefix length.
        type: str
        required: true
      mtu:
        description: MTU of the interface in bytes.
        type: int
        required: true
      listen_port:
        description: UDP port to listen on; left as it is without one.
        type: int
      far_address:
        description: The other end's address in the tunnel, which is routed there.
        type: str
        required: true
      routes:
        description: Networks that are routed into the tunnel.
        type: list
        elements: str
        required: true
      source:
        description: This host's address that is the source of what it sends to O(interfaces[].routes).
        type: str
      public_key:
        description: The other end's public key. Without one the interface has to come up without its peer, and one that it has is left alone.
        type: str
      allowed_ips:
        description: Networks that the other end may send from and is sent to.
        type: list
        elements: str
        required: true
      endpoint:
        description: Where the other end listens, as address:port. It is set where it has changed since it was set last, not where the peer has roamed.
        type: str
      persistent_keepalive:
        description: Seconds between keepalives; without it none are sent.
        type: int
  absent:
    description: Names of interfaces that go, with their unit, configuration and keys.
    type: list
    elements: str
    default: []
  daemon_reload:
    description: Whether a file of the unit was just written, so that systemd has to read it first, also where it does not say so itself.
    type: bool
    default: false
  directory:
    description: Where configurations and keys are.
    type: path
    default: /etc/wireguard
attributes:
  check_mode:
    support: full
    description: Tells what would be changed.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Apply the configuration of one tunnel and remove another
  unde.infra.wireguard_interfaces:
    interfaces:
      - name: wg-app
        address: 10.3.0.1/32
        mtu: 1420
        far_address: 10.3.0.100
        routes: [10.1.0.0/16]
        source: 10.2.0.2
        public_key: 9jalV3EEBnVXahro0pRMQ+cHlmjE33Slo9tddzCVtCw=
        allowed_ips: [10.1.0.0/16, 10.3.0.100/32]
        endpoint: 203.0.113.2:51820
        persistent_keepalive: 25
    absent: [wg-old]
"""

RETURN = r"""
actions:
  description: The commands that were run, or would be, and the files that were removed.
  type: list
  elements: str
  returned: success
  sample: [ip link set dev wg-app mtu 1400]
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import wireguard
from ansible_collections.unde.infra.plugins.module_utils.actions import result

INTERFACE = {
    "name": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "mtu": {"type": "int", "required": True},
    "listen_port": {"type": "int"},
    "far_address": {"type": "str", "required": True},
    "routes": {"type": "list", "elements": "str", "required": True},
    "source": {"type": "str"},
    "public_key": {"type": "str", "no_log": False},
    "allowed_ips": {"type": "list", "elements": "str", "required": True},
    "endpoint": {"type": "str"},
    "persistent_keepalive": {"type": "int"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "interfaces": {"type": "list", "elements": "dict", "required": True, "options": INTERFACE},
            "absent": {"type": "list", "elements": "str", "default": []},
            "daemon_reload": {"type": "bool", "default": False},
            "directory": {"type": "path", "default": "/etc/wireguard"},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    interfaces = wireguard.Interfaces(Path(module.params["directory"]), module.run_command, module.check_mode)
    try:
        interfaces.apply(module.params["interfaces"], module.params["absent"], module.params["daemon_reload"])
    except wireguard.Refused as reason:
        module.fail_json(msg=str(reason), actions=interfaces.actions)
    module.exit_json(**result(interfaces.actions))


if __name__ == "__main__":
    main()
