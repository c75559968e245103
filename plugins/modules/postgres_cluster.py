#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Create the one PostgreSQL cluster of a host, copy it from a primary, or adopt the one that is there."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_cluster
short_description: Create the PostgreSQL cluster of a host, copy it from a primary, or adopt what is there
description:
  - A data directory comes into being once, by C(initdb) on a first primary and by a base backup over TLS everywhere else. Afterwards it is recognized by
    its system identifier, which is recorded in O(state_directory); one that is not known is never touched.
  - A run that was killed half way leaves a mark; only what such a run left behind is ever removed, and the next one starts over. One whose connection was
    lost goes on on the host, and the next one waits for it up to two minutes.
  - Where Patroni manages PostgreSQL, nothing is done.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.postgres]
options:
  state:
    description:
      - V(created) creates the cluster where this host is the first primary and no other member answers, and recognizes what is there.
      - V(joined) copies the primary where there is no data yet, through a physical replication slot of this host's own, and starts the copy.
    type: str
    choices: [created, joined]
    default: created
  name:
    description: Name of this host's member; its slot is called so, in lower case with underscores. Required for O(state=joined).
    type: str
  members:
    description: All members that share the data, this one included. None for a server that stands alone.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the member.
        type: str
        required: true
      address:
        description: Its address.
        type: str
        required: true
  initial_role:
    description: What this host is made as, the first time; later the members themselves know.
    type: str
    choices: [primary, replica]
    default: primary
  may_initialize:
    description: Whether a cluster may be made here.
    type: bool
    default: true
  adopt:
    description:
      - Which data that nothing is recorded about is taken over.
      - V(never) refuses all of it.
      - V(own) takes a system that another member shares, or whose O(database) has the table C(unde.schema_version).
      - V(any) takes any whose C(postgresql.conf) includes C(conf.d), and keeps its configuration as it was.
    type: str
    choices: [never, own, any]
    default: never
  database:
    description: The database that is looked into for O(adopt=own).
    type: str
    default: unde
  replication_password_file:
    description: Password file (C(.pgpass)) of the user C(replicator), which asks the other members and copies the primary.
    type: path
    default: /var/lib/postgresql/.unde-replicator.pgpass
  ca_file:
    description: Certificate of the authority that the members' certificates are of.
    type: path
    default: /etc/unde/tls/ca.crt
attributes:
  check_mode:
    support: full
    description: Tells what would be made; without PostgreSQL's programs the other members are not asked.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Create the cluster of a first primary
  unde.infra.postgres_cluster:
    version: "17"
    state_directory: /var/lib/unde/postgres_shard
    name: shard-0
    members: [{name: shard-0, address: 10.1.0.20}, {name: replica-0, address: 10.2.0.20}]
    initial_role: primary
    adopt: own
  register: cluster

- name: Clone the primary and start streaming
  unde.infra.postgres_cluster:
    state: joined
    version: "17"
    state_directory: /var/lib/unde/postgres_shard
    name: replica-0
    members: [{name: shard-0, address: 10.1.0.20}, {name: replica-0, address: 10.2.0.20}]
    initial_role: replica
    adopt: own
  when: cluster.state == 'absent'
"""

RETURN = r"""
state:
  description:
    - V(created) or V(joined) where that was done just now, or would be; V(ready) where the data is there and known; V(absent) where it is to be copied from
      a primary; V(patroni) where Patroni manages PostgreSQL.
  type: str
  returned: success
  sample: ready
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: ["create the cluster in /var/lib/postgresql/17/main by initdb", "record its system in /var/lib/unde/postgres_shard/system_identifier"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import postgresql
from ansible_collections.unde.infra.plugins.module_utils.actions import result
from ansible_collections.unde.infra.plugins.module_utils.postgresql_cluster import Cluster


def main() -> None:
    """Run the module."""
    member = {"name": {"type": "str", "required": True}, "address": {"type": "str", "required": True}}
    module = AnsibleModule(
        argument_spec={
            **postgresql.SERVER,
            "state": {"type": "str", "choices": ["created", "joined"], "default": "created"},
            "name": {"type": "str"},
            "members": {"type": "list", "elements": "dict", "default": [], "options": member},
            "initial_role": {"type": "str", "choices": ["primary", "replica"], "default": "primary"},
            "may_initialize": {"type": "bool", "default": True},
            "adopt": {"type": "str", "choices": ["never", "own", "any"], "default": "never"},
            "database": {"type": "str", "default": "unde"},
            "replication_password_file": {"type": "path", "default": "/var/lib/postgresql/.unde-replicator.pgpass", "no_log": False},
            "ca_file": {"type": "path", "default": "/etc/unde/tls/ca.crt"},
        },
        required_if=[("state", "joined", ("name",))],
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    try:
        outcome = Cluster(module.params, module.run_command, module.check_mode).ensure(module.params["state"] == "joined")
    except postgresql.Refused as reason:
        module.fail_json(msg=str(reason))
    module.exit_json(**result(outcome.actions), state=outcome.state)


if __name__ == "__main__":
    main()
