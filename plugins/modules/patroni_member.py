#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hand a member of a PostgreSQL shard over to Patroni, restart its PostgreSQL through Patroni, or wait until it is what it should be."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: patroni_member
short_description: Start, restart or wait for a member of a PostgreSQL shard under Patroni
description:
  - A running primary is taken over as it is, without a restart and without a new timeline; a standby begins when somebody leads.
  - PostgreSQL is restarted by Patroni, which keeps the leader's lock meanwhile, so that nobody is elected.
  - M(unde.infra.patroni_member_info) tells what a member needs. The primary of a shard goes first when it is handed over, and last when it is restarted.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.patroni_member]
options:
  state:
    description:
      - V(started) writes O(adoption_file), enables and starts Patroni, and waits until the member leads, streams, or is being copied. A standby waits for
        a leader first.
      - V(restarted) has Patroni reload and then restart PostgreSQL, and waits until the member leads or streams again. Changes something every time.
      - V(configured) waits until the member has taken up O(dynamic_configuration) from the store, and knows what of it waits for a restart.
      - V(healthy) waits until the member leads or streams and PostgreSQL is no longer a process of its own unit; with O(adoption=clone), until it streams
        or is being copied.
    type: str
    choices: [started, restarted, configured, healthy]
    default: healthy
  adoption:
    description: What the member needs to be under Patroni, as M(unde.infra.patroni_member_info) tells it. Required for O(state=started).
    type: str
    choices: [adopt-primary, adopt-standby, start-primary, start-standby, clone]
  timeout:
    description: Seconds to wait for each of these.
    type: int
    default: 120
attributes:
  check_mode:
    support: full
    description: Tells what would be written, started or restarted; nobody waits.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Start Patroni on the primary
  unde.infra.patroni_member:
    state: started
    adoption: adopt-primary
    <<: &member
      scope: shard0
      name: local-shard-0
      address: 10.2.0.10
      members: [{name: local-shard-0, address: 10.2.0.10}, {name: shard-replica-0, address: 10.1.0.10}]
      dynamic_configuration: {ttl: 20, loop_wait: 5, retry_timeout: 5, postgresql: {parameters: {max_connections: 100}}}
      postgresql_version: "17"
      data_directory: /var/lib/postgresql/17/main

- name: Restart PostgreSQL as a child of Patroni
  unde.infra.patroni_member:
    <<: *member
    state: restarted
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: [write /etc/patroni/adopted, enable patroni.service, start patroni.service]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import patroni
from ansible_collections.unde.infra.plugins.module_utils.actions import result


def apply(module: AnsibleModule, member: patroni.Member) -> list[str]:
    """Bring the member into the wanted state; return what was done.

    Raises:
        patroni.Refused: it does not come to it in time.

    """
    state, adoption, timeout_s = module.params["state"], module.params["adoption"], module.params["timeout"]
    if state == "started":
        return member.start(adoption, timeout_s, module.check_mode)
    actions = [f"restart PostgreSQL of {member.name} through Patroni"] if state == "restarted" else []
    if module.check_mode:
        return actions
    if state == "restarted":
        member.restart(timeout_s)
    elif state == "configured":
        member.wait(member.has_taken_up, timeout_s, f"it has not taken up the configuration of {member.scope}")
    else:
        member.wait_until_healthy(adoption, timeout_s)
    return actions


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **patroni.MEMBER,
            "state": {"type": "str", "choices": ["started", "restarted", "configured", "healthy"], "default": "healthy"},
            "adoption": {"type": "str", "choices": list(patroni.ADOPTIONS)},
            "timeout": {"type": "int", "default": 120},
        },
        required_if=[("state", "started", ("adoption",))],
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    try:
        actions = apply(module, patroni.Member(module.params, module.run_command))
    except patroni.Refused as reason:
        module.fail_json(msg=str(reason))
    module.exit_json(**result(actions))


if __name__ == "__main__":
    main()
