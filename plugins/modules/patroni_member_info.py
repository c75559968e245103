#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell what runs on a member of a PostgreSQL shard, what it needs to be under Patroni, and whether it may be touched."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: patroni_member_info
short_description: Tell what runs on a member of a PostgreSQL shard
description:
  - Looks at the packages, the units of Patroni and of PostgreSQL, and the data; asks the local PostgreSQL and the REST API of the members.
  - Nothing is ever changed.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.patroni_member, unde.infra.read_only]
"""

EXAMPLES = r"""
- name: Gather the state of the member
  unde.infra.patroni_member_info:
    scope: shard0
    name: local-shard-0
    address: 10.2.0.10
    members: [{name: local-shard-0, address: 10.2.0.10}, {name: shard-replica-0, address: 10.1.0.10}]
    dynamic_configuration: {ttl: 20, loop_wait: 5, retry_timeout: 5, postgresql: {parameters: {max_connections: 100}}}
    postgresql_version: "17"
    data_directory: /var/lib/postgresql/17/main
  register: member
"""

RETURN = r"""
installed:
  description: Whether Patroni and its client of etcd are there.
  type: bool
  returned: always
  sample: true
running:
  description: Whether the unit of Patroni is active.
  type: bool
  returned: always
  sample: true
adoption:
  description:
    - What the member still needs to be under Patroni; empty when it is.
    - A running primary or standby is taken over (V(adopt-primary), V(adopt-standby)); one that is down is started (V(start-primary), V(start-standby));
      a member without data is copied from the leader (V(clone)).
  type: str
  returned: always
  sample: adopt-primary
postgresql_unit:
  description: PostgreSQL's own unit.
  type: dict
  returned: always
  contains:
    known:
      description: Whether systemd has it.
      type: bool
    active:
      description: Whether PostgreSQL runs as it.
      type: bool
    masked:
      description: Whether it is masked.
      type: bool
  sample: {known: true, active: false, masked: true}
has_data:
  description: Whether there is anything in the data directory.
  type: bool
  returned: always
  sample: true
system_identifier:
  description: The database's system identifier; empty where there is none.
  type: str
  returned: always
  sample: "7412345678901234567"
refusals:
  description: What is wanted of a running member otherwise than it is and no run changes, each with the way to do it.
  type: list
  elements: str
  returned: always
  sample: []
problem:
  description: Why the member must not be touched, and what to do; empty where nothing stands against it.
  type: str
  returned: always
  sample: ""
lagging:
  description: The members that do not stream from a primary that is to be taken over, or are too far behind, each with what is seen of it.
  type: dict
  returned: always
  sample: {shard-replica-0: "is streaming, 2097152 bytes behind"}
leads:
  description: Whether Patroni says that the member leads.
  type: bool
  returned: always
  sample: false
dynamic_changes:
  description: The patch that the shard's configuration in the store needs; V(null) removes a parameter. Empty where Patroni does not say what it is.
  type: dict
  returned: always
  sample: {postgresql: {parameters: {max_connections: 120}}}
restart_parameters:
  description: The parameters of RV(dynamic_changes) that PostgreSQL takes up only by a restart.
  type: list
  elements: str
  returned: always
  sample: [max_connections]
pending_restart:
  description: Whether Patroni says that settings wait for a restart of PostgreSQL.
  type: bool
  returned: always
  sample: false
pending_restart_reason:
  description: Those settings, each with the old value and the new one.
  type: dict
  returned: always
  sample: {max_connections: {old_value: "100", new_value: "120"}}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import patroni


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=patroni.MEMBER, supports_check_mode=True)
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    member = patroni.Member(module.params, module.run_command)
    found = patroni.Found(member)
    status, changes = found.status or {}, found.dynamic_changes()
    module.exit_json(
        changed=False,
        installed=member.is_installed(),
        running=found.patroni.active,
        adoption=found.adoption,
        postgresql_unit={"known": found.postgresql.known, "active": found.postgresql.active, "masked": found.postgresql.masked},
        has_data=found.has_data,
        system_identifier=found.system_identifier,
        refusals=found.refusals(),
        problem=found.problem(),
        lagging=found.lagging(),
        # Not whether it is well: who leads keeps the lock while PostgreSQL restarts.
        leads=status.get("role") in ("primary", "master"),
        dynamic_changes=changes,
        restart_parameters=member.needs_restart(changes),
        pending_restart=bool(status.get("pending_restart")),
        pending_restart_reason=status.get("pending_restart_reason") or {},
    )


if __name__ == "__main__":
    main()
