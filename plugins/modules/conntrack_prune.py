#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""End the tracked connections that no rule of an nftables table would let through any more, and no others."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: conntrack_prune
short_description: End the connections that a firewall would not let through any more
description:
  - Rules accept what is established, so that a connection outlives the rule that let it in. Each connection of TCP and UDP that the kernel tracks is held
    against the loaded rules of one table as its first packet would be.
  - What cannot be told of a connection afterwards, as the interface that it came in by, counts for it. It ends only where it surely would not pass.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  table:
    description: Family and name of the table. It has to be loaded.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: Tells which connections would be ended by the rules that are loaded now.
  diff_mode:
    support: full
    description: Lists the connections.
"""

EXAMPLES = r"""
- name: End connections that the ruleset no longer allows
  unde.infra.conntrack_prune:
    table: inet unde_firewall
"""

RETURN = r"""
actions:
  description: What was ended, or would be; who opened the connection, and to whom.
  type: list
  elements: str
  returned: success
  sample: ["end tcp 10.2.0.1:40000 > 10.9.0.9:5432"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import conntrack
from ansible_collections.unde.infra.plugins.module_utils.actions import result


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"table": {"type": "str", "required": True}}, supports_check_mode=True)
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    try:
        actions = [f"end {connection}" for connection in conntrack.prune(module.run_command, module.params["table"], module.check_mode)]
    except (conntrack.Refused, OSError) as reason:
        module.fail_json(msg=str(reason))
    module.exit_json(**result(actions))


if __name__ == "__main__":
    main()
