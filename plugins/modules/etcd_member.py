#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring a member of etcd to its configuration without costing the quorum, put a host in the place of a lost one, or remove a member."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: etcd_member
short_description: Bring a member of etcd to its configuration, replace a lost one, or remove one
description:
  - A process that was started with other settings is restarted, unless that could cost the cluster its quorum. The running process is compared, not the file,
    so that a restart that a killed run owed is made.
  - One host at a time (C(throttle=1)), so that no two members are away at once.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.etcd_member]
options:
  state:
    description:
      - V(healthy) restarts the member where it runs with other settings, and waits until it takes part in the quorum.
      - V(replaced) takes the lost member of this name out of the cluster, and this host in; it is started afterwards.
      - V(removed) takes the member O(name) out of the cluster, from the host of any other member; nothing is stopped.
    type: str
    choices: [healthy, replaced, removed]
    default: healthy
  configuration:
    description: What O(configuration_file) is to hold; the running process is compared with it. Required for O(state=healthy).
    type: str
  may_restart:
    description: Whether a restart is allowed now.
    type: bool
    default: true
  timeout:
    description: Seconds to wait for the member, and for the others to be healthy, too.
    type: int
    default: 90
attributes:
  check_mode:
    support: full
    description: Tells whether it would be restarted, or which members would be changed; nobody waits.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Apply the configuration
  unde.infra.etcd_member:
    name: etcd-1
    address: 10.1.0.16
    members: [{name: etcd-1, address: 10.1.0.16}, {name: etcd-2, address: 10.1.0.17}, {name: etcd-3, address: 10.1.0.18}]
    cluster_token: unde
    configuration: "{{ lookup('ansible.builtin.template', 'etcd.env.j2') }}"
  throttle: 1

- name: Replace the lost member by this one
  unde.infra.etcd_member:
    state: replaced
    name: etcd-3
    address: 10.1.0.19
    members: [{name: etcd-1, address: 10.1.0.16}, {name: etcd-2, address: 10.1.0.17}, {name: etcd-3, address: 10.1.0.19}]
    cluster_token: unde
  register: replaced

- name: Remove a member from the cluster
  unde.infra.etcd_member:
    state: removed
    name: etcd-3
    address: 10.1.0.18
    members: [{name: etcd-1, address: 10.1.0.16}, {name: etcd-2, address: 10.1.0.17}, {name: etcd-3, address: 10.1.0.18}]
    cluster_token: unde
  delegate_to: etcd-1
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: ["restart etcd.service, whose process has another ETCD_HEARTBEAT_INTERVAL"]
degraded:
  description: What keeps another member from being healthy after O(timeout) seconds; empty when the cluster is whole.
  type: str
  returned: success
  sample: "after 90 s not healthy: https://10.1.0.18:2379"
first_start:
  description: What the first start needs after O(state=replaced); empty for a member that has data.
  type: dict
  returned: success
  contains:
    cluster:
      description: Members and their URLs.
      type: str
    state:
      description: V(existing).
      type: str
  sample: {cluster: "etcd-1=https://10.1.0.16:2380,etcd-3=https://10.1.0.19:2380", state: existing}
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import etcd
from ansible_collections.unde.infra.plugins.module_utils.actions import result


def make_healthy(module: AnsibleModule, member: etcd.Member) -> tuple[list[str], str]:
    """Restart the member where that is due, wait for it, and note the first time that it is healthy; return what was done and what the cluster lacks."""
    outdated = member.outdated_settings(module.params["configuration"]) if module.params["may_restart"] else []
    actions = [f"restart {etcd.UNIT}, whose process has another {', '.join(outdated)}"] if outdated else []
    note = [] if member.has_joined() else [f"note in {member.identity_file} that the member has joined"]
    if module.check_mode:
        return actions + note, ""
    if outdated:
        member.restart()
    degraded = member.wait(module.params["timeout"])
    if note:
        member.note_joined()
    return actions + note, degraded


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **etcd.MEMBER,
            "state": {"type": "str", "choices": ["healthy", "replaced", "removed"], "default": "healthy"},
            "configuration": {"type": "str"},
            "may_restart": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 90},
        },
        required_if=[("state", "healthy", ("configuration",))],
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    member, degraded, first_start = etcd.Member(module.params, module.run_command), "", etcd.Start()
    try:
        if module.params["state"] == "healthy":
            actions, degraded = make_healthy(module, member)
        elif module.params["state"] == "removed":
            actions = member.remove(module.params["timeout"], module.check_mode)
        else:
            actions, first_start = member.replace(module.params["timeout"], module.check_mode)
    except etcd.Refused as reason:
        module.fail_json(msg=str(reason))
    module.exit_json(**result(actions), degraded=degraded, first_start=asdict(first_start))


if __name__ == "__main__":
    main()
