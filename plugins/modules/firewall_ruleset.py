#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Load the firewall's new ruleset with automatic roll-back, and confirm it, by the program that the role firewall installs."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: firewall_ruleset
short_description: Load the firewall's new ruleset with automatic roll-back, and confirm it
description:
  - Calls the program that the role P(unde.infra.firewall#role) installs on the host. The host itself rolls back, so that a connection that the new ruleset
    cuts is no reason to lose the host.
  - Every call changes the host; whether one is due is told by what the program says with C(state).
version_added: "0.1.0"
author: UNDE (@unde)
options:
  state:
    description:
      - V(tracked), the kernel tracks the connections that are open, so that a first ruleset knows them.
      - V(loaded), the new ruleset is loaded, and rolled back after O(rollback_s) unless it is confirmed.
      - V(confirmed), the loaded ruleset is kept, and loaded at every start.
      - V(rolled_back), the former ruleset is loaded again, unless the new one was confirmed.
    type: str
    required: true
    choices: [tracked, loaded, confirmed, rolled_back]
  rollback_s:
    description: Seconds after which a ruleset that was not confirmed is rolled back. Required with O(state=loaded).
    type: int
  rules_id:
    description: Identity of the ruleset to confirm. Required with O(state=confirmed); another one that is loaded is not confirmed.
    type: str
  program:
    description: Where the program is.
    type: path
    default: /usr/local/sbin/unde-firewall
attributes:
  check_mode:
    support: full
    description: Tells what would be done; the program need not be there.
  diff_mode:
    support: full
    description: Lists the action.
"""

EXAMPLES = r"""
- name: Arm the roll-back and load the ruleset
  unde.infra.firewall_ruleset:
    state: loaded
    rollback_s: 30

- name: Confirm the ruleset
  unde.infra.firewall_ruleset:
    state: confirmed
    rules_id: "{{ rules | hash('sha256') }}"
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: ["load the new ruleset, to be rolled back after 30 s"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils.actions import Actions, Failed, result

#: State → the program's command, and how it is listed.
COMMANDS = {
    "tracked": ("track", "track the connections that are open"),
    "loaded": ("apply {rollback_s}", "load the new ruleset, to be rolled back after {rollback_s} s"),
    "confirmed": ("confirm {rules_id}", "confirm the loaded ruleset"),
    "rolled_back": ("rollback", "roll back to the former ruleset"),
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "required": True, "choices": list(COMMANDS)},
            "rollback_s": {"type": "int"},
            "rules_id": {"type": "str"},
            "program": {"type": "path", "default": "/usr/local/sbin/unde-firewall"},
        },
        required_if=[("state", "loaded", ["rollback_s"]), ("state", "confirmed", ["rules_id"])],
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    command, action = (text.format(**module.params) for text in COMMANDS[module.params["state"]])
    actions = Actions(module.run_command, module.check_mode)
    try:
        actions.do(module.params["program"], *command.split(), said=action)
    except Failed as reason:
        module.fail_json(msg=str(reason))
    module.exit_json(**result(actions.done))


if __name__ == "__main__":
    main()
