#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Have a running Redis Sentinel watch instances as is wanted, changing only what differs, and never who leads."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: redis_sentinel
short_description: Have a running Redis Sentinel watch instances
description:
  - Compares a running sentinel with what it is to watch, and brings what differs by C(SENTINEL MONITOR), C(SET), C(REMOVE), C(RESET), C(CONFIG SET) and
    C(ACL LOAD). Sentinel writes it into its own file, which nobody else touches.
  - Who leads is never told to a sentinel that watches an instance already. Of one that is new to it the other sentinels are asked, and without any its copies.
  - Sentinels and copies that are wanted no more are forgotten; they would count in every vote.
  - Fails where the sentinel reaches no master of an instance.
version_added: "0.1.0"
author: UNDE (@unde)
requirements:
  - python3-redis
options:
  address:
    description: The host's own address, at which the sentinel answers and which it tells the others.
    type: str
    required: true
  port:
    description: The port of every sentinel.
    type: int
    default: 26379
  state_file:
    description: The sentinel's own file. It has the passwords which a sentinel tells nobody.
    type: path
    required: true
  users:
    description: The sentinel's whole ACL file, with the words of each line in the order in which C(ACL LIST) has them.
    type: str
    required: true
  admin_passwords:
    description: Passwords of its user C(admin), of which one has to pass; the first one is used for the other sentinels.
    type: list
    elements: str
    required: true
  peer_password:
    description: Password with which it greets the other sentinels, as the user C(peer).
    type: str
    required: true
  members:
    description: Addresses of all sentinels, this one included.
    type: list
    elements: str
    required: true
  quorum:
    description: So many sentinels have to hold a master for lost.
    type: int
    required: true
  down_after:
    description: Seconds after which a master that does not answer is lost.
    type: int
    required: true
  failover_timeout:
    description: Seconds after which a failover that does not come to its end is tried again.
    type: int
    default: 180
  instances:
    description: What is watched; whatever else the sentinel watches is watched no more.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the instance, and of its master.
        type: str
        required: true
      port:
        description: Its port on every host.
        type: int
        required: true
      copies:
        description: Addresses of its copies, the master among them. Where several lead and nobody follows, the first counts.
        type: list
        elements: str
        required: true
      password:
        description: Password with which it is watched, as the user C(sentinel).
        type: str
        required: true
attributes:
  check_mode:
    support: full
    description: Tells what would be done. Where the sentinel does not run yet, its own file is compared, and nobody is asked who leads.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Configure the monitored instances
  unde.infra.redis_sentinel:
    address: 10.2.0.4
    state_file: /var/lib/redis/sentinel/sentinel.conf
    users: "{{ lookup('ansible.builtin.template', 'sentinel.acl.j2') }}"
    admin_passwords: ["{{ redis_sentinel_passwords['sentinel-admin'] }}"]
    peer_password: "{{ redis_sentinel_passwords['sentinel-peer'] }}"
    members: [10.2.0.4, 10.2.0.94, 10.2.0.50]
    quorum: 2
    down_after: 5
    instances:
      - name: limits
        port: 6380
        copies: [10.2.0.4, 10.2.0.94]
        password: "{{ redis_sentinel_passwords['limits-sentinel'] }}"
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: [watch limits, set down-after-milliseconds of limits]
sees:
  description: What the sentinel sees of each instance; in check mode of those that it watches already.
  type: list
  elements: str
  returned: success
  sample: ["limits: 10.2.0.4 leads (master), 1 of 1 copies follow, 3 of 3 sentinels"]
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.unde.infra.plugins.module_utils import redis_sentinels, redis_server
from ansible_collections.unde.infra.plugins.module_utils.actions import Actions, Failed, result


class QuietModule(AnsibleModule):  # type: ignore[misc]  # Ansible has no types
    """A module that logs which instances it is asked for: the journal is no place for passwords."""

    def _log_invocation(self) -> None:
        self.log("Asked for " + ", ".join(each["name"] for each in self.params["instances"]))


def main() -> None:
    """Run the module."""
    module = QuietModule(
        argument_spec={
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "default": 26379},
            "state_file": {"type": "path", "required": True},
            "users": {"type": "str", "required": True, "no_log": True},
            "admin_passwords": {"type": "list", "elements": "str", "required": True, "no_log": True},
            "peer_password": {"type": "str", "required": True, "no_log": True},
            "members": {"type": "list", "elements": "str", "required": True},
            "quorum": {"type": "int", "required": True},
            "down_after": {"type": "int", "required": True},
            "failover_timeout": {"type": "int", "default": 180},
            "instances": {
                "type": "list", "elements": "dict", "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "port": {"type": "int", "required": True},
                    "copies": {"type": "list", "elements": "str", "required": True},
                    "password": {"type": "str", "required": True, "no_log": True},
                },
            },
        },
        supports_check_mode=True,
    )  # fmt: skip
    if not redis_server.library() and not module.check_mode:
        module.fail_json(msg=missing_required_lib("redis"))
    actions = Actions(module.run_command, module.check_mode)
    sentinel = redis_sentinels.Sentinel(module.params, actions)
    try:
        sentinel.apply()
        sees = sentinel.look()
    except Failed as reason:
        module.fail_json(msg=str(reason))
    module.exit_json(**result(actions.done), sees=sees)


if __name__ == "__main__":
    main()
