#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Have a ruleset of nftables loaded, now and after each boot, or remove it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: nftables_ruleset
short_description: Load a ruleset of nftables where another one is loaded, or remove it
description:
  - Compares the rules that are loaded with those that are wanted, by the identity in the table's comment (C(rules <id>)), and has the table's unit of systemd
    load its file where they differ. Rules that a flush took away are loaded again; other tables are never touched.
  - The unit is enabled and active; it runs C(nft -f) on the file when it is started and when it is reloaded.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  state:
    description:
      - V(present) has the rules loaded, and the unit enabled and active.
      - V(absent) stops and disables the unit, and deletes the table; the files of both are left to the caller.
    type: str
    choices: [present, absent]
    default: present
  table:
    description: Family and name of the table.
    type: str
    required: true
  rules_id:
    description: Identity of the wanted rules, which the comment of the table in O(file) carries. Required for O(state=present).
    type: str
  file:
    description: The file that the unit loads. Required for O(state=present).
    type: path
  unit:
    description: The unit that loads it.
    type: str
    required: true
  daemon_reload:
    description: Whether a file of the unit was just written, so that systemd has to read it first, also where it does not say so itself.
    type: bool
    default: false
  forward:
    description: Whether the kernel is to forward IPv4, once the rules are loaded; V(false) leaves that as it is.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Tells what would be done, also where nftables is not installed yet.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Load the gateway's ruleset and enable forwarding
  unde.infra.nftables_ruleset:
    table: inet example
    rules_id: "{{ rules | hash('sha256') }}"
    file: /etc/example.nft
    unit: example-firewall.service
    forward: true

- name: Remove the gateway's ruleset
  unde.infra.nftables_ruleset:
    state: absent
    table: inet example
    unit: example-firewall.service
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: [systemctl reload example-firewall.service]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import nftables
from ansible_collections.unde.infra.plugins.module_utils.actions import result


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "table": {"type": "str", "required": True},
            "rules_id": {"type": "str"},
            "file": {"type": "path"},
            "unit": {"type": "str", "required": True},
            "daemon_reload": {"type": "bool", "default": False},
            "forward": {"type": "bool", "default": False},
        },
        required_if=[("state", "present", ("rules_id", "file"))],
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    ruleset = nftables.Ruleset(module.params["table"], module.params["unit"], module.run_command, module.check_mode)
    try:
        if module.params["state"] == "absent":
            ruleset.remove()
        else:
            ruleset.load(module.params["rules_id"], module.params["file"], module.params["daemon_reload"])
            if module.params["forward"]:
                ruleset.forward()
    except nftables.Refused as reason:
        module.fail_json(msg=str(reason), actions=ruleset.actions)
    module.exit_json(**result(ruleset.actions))


if __name__ == "__main__":
    main()
