#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Load the firewall, and bring up the bridge between a host and its MikroTik CHR guests, as their files say."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: chr_network
short_description: Load the firewall and bring up the bridge of MikroTik CHR guests
description:
  - In this order, each where it differs from the files. The nftables table C(inet unde_chr) is loaded by C(unde-chr-firewall.service); the bridge, the host's
    address on it and the routes to what is behind the tunnels are made by systemd-networkd from C(/etc/systemd/network/10-unde-chr.*); nobody waits at boot
    for networkd where it has no other interface; the kernel forwards.
  - What is loaded is compared with what is wanted, so that a run that was killed after the files were written is mended by the next.
  - No interface is ever taken down; the guests stay on the bridge.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  state:
    description:
      - V(present) brings all of it to what is written.
      - V(absent) disables and unloads the firewall, and removes the bridge with its routes; their files are left to the caller.
    type: str
    choices: [present, absent]
    default: present
  bridge:
    description: Name of the bridge.
    type: str
    required: true
  address:
    description: The host's address on it, with its prefix length. Required for O(state=present).
    type: str
  routes:
    description: The networks behind the tunnels.
    type: list
    elements: str
    default: []
  gateway:
    description: The guest that they are routed to. Required for O(state=present).
    type: str
  rules_id:
    description: Identity of the rules that are to be loaded, as the comment of the written table has it (C(rules <identity>)). Required for O(state=present).
    type: str
  written:
    description: The paths of this bundle that were (in check mode, would be) written just now.
    type: list
    elements: path
    default: []
  may_restart:
    description: Whether networkd may be restarted, which it has to be once where it ran here before.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: Tells what would be done; nobody waits.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Apply the firewall, the bridge and its routes
  unde.infra.chr_network:
    bridge: chr0
    address: 192.168.254.1/29
    routes: [10.2.0.0/24]
    gateway: 192.168.254.2
    rules_id: "{{ rules | hash('sha256') }}"
    written: "{{ files.changed_paths }}"

- name: Unload the firewall and remove the bridge
  unde.infra.chr_network:
    state: absent
    bridge: chr0
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: [systemctl reload unde-chr-firewall.service, networkctl reload]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import chr_network
from ansible_collections.unde.infra.plugins.module_utils.actions import Actions, Failed, result


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "bridge": {"type": "str", "required": True},
            "address": {"type": "str"},
            "routes": {"type": "list", "elements": "str", "default": []},
            "gateway": {"type": "str"},
            "rules_id": {"type": "str"},
            "written": {"type": "list", "elements": "path", "default": []},
            "may_restart": {"type": "bool", "default": True},
        },
        required_if=[("state", "present", ("address", "gateway", "rules_id"))],
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    parameters, actions = module.params, Actions(module.run_command, module.check_mode)
    try:
        if parameters["state"] == "absent":
            chr_network.remove(actions, parameters["bridge"])
        else:
            chr_network.load_firewall(actions, parameters["rules_id"])
            bridge = chr_network.Bridge(parameters["bridge"], parameters["address"], parameters["routes"], parameters["gateway"], actions)
            bridge.bring_up(parameters["written"], parameters["may_restart"])
            chr_network.spare_boot(actions, parameters["bridge"])
            chr_network.forward(actions)
    except Failed as reason:
        module.fail_json(msg=str(reason), actions=actions.done)
    module.exit_json(**result(actions.done))


if __name__ == "__main__":
    main()
