#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell what a host with Redis instances misses, what on it is not the role's own, and whom its instances follow."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: redis_instance_info
short_description: Tell what a host with Redis instances misses, and whom they follow
description:
  - Looks at packages, units, files and kernel settings in one call; asks an instance only where it had copies and is to have none any more.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
requirements:
  - python3-redis, where an instance is asked whom it follows
options:
  packages:
    description: Debian packages.
    type: list
    elements: str
    default: []
  instances:
    description: The instances that the host is to have.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the instance, and of its unit C(redis-server@<name>.service).
        type: str
        required: true
      replicated:
        description: Whether it is to have copies. One that had copies and is to have none is asked whom it follows.
        type: bool
        default: false
      admin_passwords:
        description: Passwords of its user C(admin), of which one has to pass; used only where it is asked.
        type: list
        elements: str
        default: []
  kernel_settings:
    description: Name of a kernel setting, as for C(sysctl) → its value.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Gather the state of the host
  unde.infra.redis_instance_info:
    packages: [redis-server, python3-redis]
    instances:
      - name: limits
        admin_passwords: ["{{ redis_passwords['limits-admin'] }}"]
    kernel_settings:
      vm.overcommit_memory: 1
  register: found
"""

RETURN = r"""
missing_packages:
  description: Those of O(packages) that are not installed in full.
  type: list
  elements: str
  returned: success
  sample: [redis-server]
package_unit:
  description: The package's own unit, C(redis-server.service).
  type: dict
  returned: success
  contains:
    exists:
      description: Whether there is a unit file, and it is not masked.
      type: bool
    masked:
      description: Whether it must not be started.
      type: bool
  sample: {exists: false, masked: true}
foreign_paths:
  description:
    - Configurations of O(instances[].name) that C(unde.infra.redis) did not write, data without a configuration, and, where the package's own unit is not
      masked, its data.
  type: list
  elements: str
  returned: success
  sample: [/var/lib/redis/dump.rdb]
stopped_instances:
  description: Those of O(instances) that do not run, or do not start with the host.
  type: list
  elements: str
  returned: success
  sample: []
formerly_replicated:
  description: Those of O(instances) that run, had copies and are to have none.
  type: list
  elements: str
  returned: success
  sample: [limits]
masters:
  description: Name of one of RV(formerly_replicated) → the address of the master that it follows; one that leads is not in it.
  type: dict
  returned: success
  sample: {limits: 10.2.0.94}
kernel_settings:
  description: Those of O(kernel_settings) that differ and can be changed from here.
  type: list
  elements: str
  returned: success
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.unde.infra.plugins.module_utils import debian, redis_server, redis_start, systemd
from ansible_collections.unde.infra.plugins.module_utils.actions import Failed

PACKAGE_UNIT = "redis-server.service"


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "list", "elements": "str", "default": []},
            "instances": {
                "type": "list", "elements": "dict", "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "replicated": {"type": "bool", "default": False},
                    "admin_passwords": {"type": "list", "elements": "str", "default": [], "no_log": True},
                },
            },
            "kernel_settings": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )  # fmt: skip
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    wanted = {each["name"]: each for each in module.params["instances"]}
    units = systemd.units(module.run_command, [PACKAGE_UNIT, *map(redis_server.unit_of, wanted)])
    package_unit = units[PACKAGE_UNIT]
    running = [name for name in wanted if (unit := units[redis_server.unit_of(name)]).active and unit.enabled]
    alone = [name for name in running if not wanted[name]["replicated"] and (redis_start.CONFIGURATION / f"replication-{name}.json").exists()]
    if alone and not redis_server.library():
        module.fail_json(msg=missing_required_lib("redis"))
    try:
        masters = {name: redis_server.master_of(redis_server.connect(name, wanted[name]["admin_passwords"])) for name in alone}
    except Failed as reason:
        module.fail_json(msg=str(reason))
    installed = debian.installed(module.run_command, module.params["packages"])
    module.exit_json(
        changed=False,
        missing_packages=[name for name in module.params["packages"] if name not in installed],
        package_unit={"exists": package_unit.exists, "masked": package_unit.masked},
        foreign_paths=redis_server.foreign_paths(list(wanted), package_unit.masked),
        stopped_instances=[name for name in wanted if name not in running],
        formerly_replicated=alone,
        masters={name: address for name, address in masters.items() if address},
        kernel_settings=redis_server.differing_kernel_settings(module.params["kernel_settings"]),
    )


if __name__ == "__main__":
    main()
