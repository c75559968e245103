#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell what a host has of a member of etcd, and whether it may be started or changed."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: etcd_member_info
short_description: Tell what a host has of a member of etcd
description:
  - Looks at the packages, the unit, the data and the file beside it, and asks the other members, which answer without a quorum, too.
  - Nothing is ever changed.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.etcd_member, unde.infra.read_only]
options:
  inventory_name:
    description: This host's name in the inventory, for the commands that a refusal names; the member's own name where it is left out.
    type: str
"""

EXAMPLES = r"""
- name: Gather the state of the member
  unde.infra.etcd_member_info:
    name: etcd-1
    address: 10.1.0.16
    members: [{name: etcd-1, address: 10.1.0.16}, {name: etcd-2, address: 10.1.0.17}, {name: etcd-3, address: 10.1.0.18}]
    cluster_token: unde
  register: member
"""

RETURN = r"""
installed:
  description: Whether etcd and etcdctl are there, and the user etcd may read the host's key.
  type: bool
  returned: always
  sample: true
running:
  description: Whether the unit is active and enabled.
  type: bool
  returned: always
  sample: true
needs_daemon_reload:
  description: Whether a file of the unit is newer than what systemd knows.
  type: bool
  returned: always
  sample: false
problem:
  description: Why the member must not be started, and what to do; empty where nothing stands against it.
  type: str
  returned: always
  sample: ""
foreign_data:
  description: Whether the data is of another member or cluster.
  type: bool
  returned: always
  sample: false
refusals:
  description: What is wanted otherwise than it is and no run changes, each with the way to do it.
  type: list
  elements: str
  returned: always
  sample: []
first_start:
  description: What the first start needs; empty for a member that has data.
  type: dict
  returned: always
  contains:
    cluster:
      description: Members and their URLs.
      type: str
    state:
      description: V(new) or V(existing).
      type: str
  sample: {cluster: "etcd-1=https://10.1.0.16:2380", state: new}
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import etcd


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={**etcd.MEMBER, "inventory_name": {"type": "str"}}, supports_check_mode=True)
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    member = etcd.Member(module.params, module.run_command)
    unit = member.unit()
    problem, first_start = member.first_start(module.check_mode)
    module.exit_json(
        changed=False,
        installed=member.is_installed(),
        running=unit.get("ActiveState") in ("active", "activating") and unit.get("UnitFileState") == "enabled",
        needs_daemon_reload=unit.get("NeedDaemonReload") == "yes",
        problem=problem,
        foreign_data=member.has_data() and not member.owns_data(),
        refusals=member.refused_changes(module.params["inventory_name"] or member.name),
        first_start=asdict(first_start),
    )


if __name__ == "__main__":
    main()
