#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Change the dynamic configuration of a PostgreSQL cluster in Patroni's coordination store."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: patroni_config
short_description: Change the dynamic configuration of a cluster under Patroni
description:
  - Compares what the coordination store holds for the cluster (C(patronictl show-config)) with what is wanted, and changes what differs in one step
    (C(patronictl edit-config)).
  - The store is asked itself, by the host's own configuration of Patroni, so that neither a leader nor the password of the REST API is needed.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  scope:
    description: Name of the cluster in the coordination store.
    type: str
    required: true
  configuration:
    description:
      - Keys and their values. V(null) removes a key; what is not named stays.
      - With O(purge_parameters), PostgreSQL parameters that are not named do not stay.
    type: dict
    required: true
  purge_parameters:
    description: Whether O(configuration) names all of C(postgresql.parameters), so that others are removed.
    type: bool
    default: false
  configuration_file:
    description: Patroni's configuration on this host.
    type: path
    default: /etc/patroni/config.yml
  timeout:
    description: Seconds for which it is tried again, since the store may be between two leaders.
    type: int
    default: 60
requirements: [PyYAML, which Patroni needs itself]
attributes:
  check_mode:
    support: full
    description: Tells what would be changed.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Change the shard's dynamic configuration
  unde.infra.patroni_config:
    scope: shard0
    configuration:
      ttl: 20
      postgresql:
        parameters: {max_connections: 100, wal_level: replica}
    purge_parameters: true

- name: Pause failover
  unde.infra.patroni_config:
    scope: shard0
    configuration: {pause: true}
"""

RETURN = r"""
actions:
  description: What was changed, or would be.
  type: list
  elements: str
  returned: success
  sample: ["set postgresql.parameters.max_connections to 120, which is 100"]
"""

import json
import time
import traceback
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.unde.infra.plugins.module_utils import patroni
from ansible_collections.unde.infra.plugins.module_utils.actions import result

try:
    import yaml

    MISSING = None
except ImportError:
    MISSING = traceback.format_exc()


def patronictl(module: AnsibleModule, *words: str, data: str | None = None) -> str:
    """Run a command of patronictl on the cluster and return what it says.

    Raises:
        patroni.Refused: it fails.

    """
    command = [patroni.PATRONICTL, f"--config-file={module.params['configuration_file']}", *words, module.params["scope"]]
    code, said, complaint = module.run_command(command, data=data, cwd="/")
    if code != 0:
        raise patroni.Refused(f"{module.params['scope']}: patronictl {words[0]}: {(complaint or said).strip()}")
    return str(said)


def change(module: AnsibleModule) -> list[str]:
    """Compare, and change what differs; return what that was.

    Raises:
        patroni.Refused: the store cannot be asked or changed.

    """
    present: dict[str, Any] = yaml.safe_load(patronictl(module, "show-config")) or {}
    patch = patroni.difference(module.params["configuration"], present, module.params["purge_parameters"])
    if patch and not module.check_mode:
        patronictl(module, "edit-config", "--force", "--apply", "-", data=json.dumps(patch))
    return patroni.described(patch, present)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "scope": {"type": "str", "required": True},
            "configuration": {"type": "dict", "required": True},
            "purge_parameters": {"type": "bool", "default": False},
            "configuration_file": {"type": "path", "default": "/etc/patroni/config.yml"},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    if MISSING:
        module.fail_json(msg=missing_required_lib("PyYAML"), exception=MISSING)
    end = time.monotonic() + module.params["timeout"]
    while True:
        try:
            actions = change(module)
            break
        except patroni.Refused as reason:
            if time.monotonic() >= end:
                module.fail_json(msg=f"after {module.params['timeout']} s {reason}")
            time.sleep(1)
    module.exit_json(**result(actions))


if __name__ == "__main__":
    main()
