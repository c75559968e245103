#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Define a libvirt domain, keep it running, and restart it where it runs by an older definition."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: libvirt_domain
short_description: Define a libvirt domain and keep it running
description:
  - Defines the domain where its definition is another, lets it start with its host, starts it where it does not run, and restarts one that runs by an older
    definition, where that is allowed.
  - The definition's identity is kept as the domain's description. C(community.libvirt.virt) knows a domain by its name alone, and does not see that it runs
    by an older definition.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  name:
    description: Name of the domain.
    type: str
    required: true
  state:
    description:
      - V(running) has it defined, running, and started with its host.
      - V(stopped) has it started no more with its host, and asks it to shut down; nobody waits, and its definition and disks stay.
    type: str
    choices: [running, stopped]
    default: running
  definition:
    description:
      - The domain as libvirt's XML, with the name O(name) and an empty element C(<description/>), which gets the definition's identity.
      - Required for O(state=running).
    type: str
  may_restart:
    description: Whether a domain that runs by an older definition may be restarted now.
    type: bool
    default: true
  timeout:
    description: Seconds that it may take to shut down by itself.
    type: int
    default: 90
attributes:
  check_mode:
    support: full
    description: Tells what would be done. Without virsh, before its package is installed, that is all that a new domain needs.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Define the guest and keep it running
  unde.infra.libvirt_domain:
    name: chr-a
    definition: "{{ lookup('ansible.builtin.template', 'domain.xml.j2') }}"

- name: Shut the guest down and disable its autostart
  unde.infra.libvirt_domain:
    name: chr-a
    state: stopped
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: [virsh define chr-a, virsh shutdown chr-a, virsh start chr-a]
restart_pending:
  description: Whether the domain runs by an older definition still, since O(may_restart=false).
  type: bool
  returned: success
  sample: false
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import libvirt
from ansible_collections.unde.infra.plugins.module_utils.actions import Actions, Failed, result


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["running", "stopped"], "default": "running"},
            "definition": {"type": "str"},
            "may_restart": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 90},
        },
        required_if=[("state", "running", ("definition",))],
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    actions, name, pending = Actions(module.run_command, module.check_mode), module.params["name"], False
    try:
        if module.params["state"] == "running":
            pending = libvirt.keep_running(name, module.params["definition"], module.params["may_restart"], module.params["timeout"], actions)
        else:
            libvirt.stop(name, actions)
    except Failed as reason:
        module.fail_json(msg=str(reason), actions=actions.done)
    module.exit_json(**result(actions.done), restart_pending=pending)


if __name__ == "__main__":
    main()
