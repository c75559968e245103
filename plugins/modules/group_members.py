#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Add users to a group, and tell so in check mode before either of them exists."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: group_members
short_description: Add users to a group
description:
  - Adds the users that are not in the group; whoever else is in it stays.
  - In check mode neither the group nor the users need to exist, since the packages and roles that bring them have not been applied yet. That is what
    M(ansible.builtin.user) cannot do.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  group:
    description: The group.
    type: str
    required: true
  users:
    description: The users.
    type: list
    elements: str
    required: true
attributes:
  check_mode:
    support: full
    description: Tells who would be added.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Add Prometheus to the group that reads the host's certificate
  unde.infra.group_members:
    group: unde-tls
    users: [prometheus]
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: ["add prometheus to group unde-tls"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import accounts
from ansible_collections.unde.infra.plugins.module_utils.actions import result


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"group": {"type": "str", "required": True}, "users": {"type": "list", "elements": "str", "required": True}},
        supports_check_mode=True,
    )
    group = module.params["group"]
    missing = accounts.missing_members(group, module.params["users"])
    for user in [] if module.check_mode else missing:
        code, _said, complaint = module.run_command(["usermod", "--append", "--groups", group, user])
        if code != 0:
            module.fail_json(msg=f"{user} was not added to group {group}: {complaint.strip()}")
    actions = [f"add {user} to group {group}" for user in missing]
    module.exit_json(**result(actions))


if __name__ == "__main__":
    main()
