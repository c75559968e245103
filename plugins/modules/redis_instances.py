#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Start the Redis instances of a host, and bring the running ones to their settings, users and functions without a restart where Redis allows it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: redis_instances
short_description: Start Redis instances, and bring running ones to their settings, users and functions
description:
  - Each instance is a unit C(redis-server@<name>.service) with the configuration C(/etc/redis/redis-<name>.conf) and the ACL file
    C(/etc/redis/users-<name>.acl), which are written before.
  - What runs is asked itself, so that a run that was interrupted is made good by the next one. What differs is brought by C(CONFIG SET), C(ACL LOAD) and
    C(FUNCTION LOAD).
  - An instance is restarted only for a setting that Redis takes at its start alone, and only where O(may_restart) allows it.
version_added: "0.1.0"
author: UNDE (@unde)
requirements:
  - python3-redis
options:
  instances:
    description: The instances, in the order in which they are treated.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the instance.
        type: str
        required: true
      admin_passwords:
        description: Passwords of its user C(admin), of which one has to pass.
        type: list
        elements: str
        required: true
      configuration:
        description: Its whole configuration, as it is in its file; what it includes is left out of account.
        type: str
        required: true
      users:
        description: Its whole ACL file, with the words of each line in the order in which C(ACL LIST) has them.
        type: str
        required: true
      functions:
        description: Source of the library of functions C(unde); without one there shall be none. A copy has those of its master.
        type: str
        default: ""
      replica_password:
        description: Password with which it follows another one, as the user C(replica); only of an instance that has copies.
        type: str
      leads_first:
        description: Whether it leads when it starts for the first time; used only in check mode, to tell what such a start brings.
        type: bool
        default: true
  changed_paths:
    description:
      - Files that this run has written, as RV(unde.infra.files#module:changed_paths) has them. For a drop-in among them systemd reads its files anew, which
        restarts nothing.
    type: list
    elements: str
    default: []
  may_restart:
    description: Whether a running instance may be restarted now. Where it may not, the run warns, and RV(pending) names the settings.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: Tells what would be done. One that does not run is not asked; one that runs is, and nothing of it is changed.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Start the instances and apply their configuration
  unde.infra.redis_instances:
    instances:
      - name: limits
        admin_passwords: ["{{ redis_passwords['limits-admin'] }}"]
        configuration: "{{ lookup('ansible.builtin.template', 'redis.conf.j2') }}"
        users: "{{ lookup('ansible.builtin.template', 'users.acl.j2') }}"
    may_restart: false
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: ["set maxmemory of limits: '25165824' -> '33554432'", load users of limits]
pending:
  description: Name of an instance → settings that wait for a restart, which O(may_restart) forbids.
  type: dict
  returned: success
  sample: {limits: [unixsocketperm]}
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.unde.infra.plugins.module_utils import redis_server, systemd
from ansible_collections.unde.infra.plugins.module_utils.actions import Actions, Failed, result, warn_of_pending


class QuietModule(AnsibleModule):  # type: ignore[misc]  # Ansible has no types
    """A module that logs which instances it is asked for: the journal is no place for their users."""

    def _log_invocation(self) -> None:
        self.log("Asked for " + ", ".join(each["name"] for each in self.params["instances"]))


def apply(module: AnsibleModule, actions: Actions) -> dict[str, list[str]]:
    """Start the instances and bring them to what is wanted; return the settings of each that wait for a restart.

    Raises:
        Failed: one does not start, cannot be asked, or is not restarted.

    """
    wanted = module.params["instances"]
    units = systemd.units(module.run_command, [redis_server.unit_of(each["name"]) for each in wanted])
    instances = [redis_server.Instance(each, units[redis_server.unit_of(each["name"])], actions) for each in wanted]
    if any(each.is_stale(module.params["changed_paths"]) for each in instances):
        actions.do("systemctl", "daemon-reload", said="daemon-reload")
    elif not module.check_mode and not all(each.unit.active for each in instances):
        # No difference to a unit that does not run: it is read when it starts, but systemd may not have looked for its files since they came.
        actions.run(["systemctl", "daemon-reload"])
    for each in instances:
        each.start()
    running = [each for each in instances if each.unit.active or not module.check_mode]
    if running and not redis_server.library():
        if not module.check_mode:
            module.fail_json(msg=missing_required_lib("redis"))
        module.warn("What runs was not asked, since python3-redis is missing: " + ", ".join(each.name for each in running))
        running = []
    pending = {}
    for each in instances:
        if each in running:
            pending[each.name] = each.apply(module.params["may_restart"])
        elif not each.unit.active:
            each.foretell_functions()
    return {name: waiting for name, waiting in pending.items() if waiting}


def main() -> None:
    """Run the module."""
    module = QuietModule(
        argument_spec={
            "instances": {
                "type": "list", "elements": "dict", "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "admin_passwords": {"type": "list", "elements": "str", "required": True, "no_log": True},
                    "configuration": {"type": "str", "required": True},
                    "users": {"type": "str", "required": True, "no_log": True},
                    "functions": {"type": "str", "default": ""},
                    "replica_password": {"type": "str", "no_log": True},
                    "leads_first": {"type": "bool", "default": True},
                },
            },
            "changed_paths": {"type": "list", "elements": "str", "default": []},
            "may_restart": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )  # fmt: skip
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    actions = Actions(module.run_command, module.check_mode)
    try:
        pending = apply(module, actions)
    except Failed as reason:
        module.fail_json(msg=str(reason))
    warn_of_pending(module, pending)
    module.exit_json(**result(actions.done), pending=pending)


if __name__ == "__main__":
    main()
