#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make the WireGuard keys that a host lacks, and tell the public ones."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: wireguard_keys
short_description: Make the WireGuard keys that do not exist yet
description:
  - Makes a private key for each interface on the host itself, and keeps the public one beside it. A key that exists is never overwritten.
  - A private key never leaves the host, and is in nothing that the module returns or logs.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  interfaces:
    description: Names of the interfaces that need a key pair. Without any, nothing is looked at.
    type: list
    elements: str
    required: true
  directory:
    description: Where C(<interface>.key) and C(<interface>.pub) are; made for root alone.
    type: path
    default: /etc/wireguard
attributes:
  check_mode:
    support: full
    description: Tells which keys would be made, also where packages are missing.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Create missing private keys
  unde.infra.wireguard_keys:
    interfaces: [wg-app]
  register: keys

- name: Install the missing packages
  ansible.builtin.apt:
    name: "{{ keys.missing_packages }}"
  when: keys.missing_packages | length > 0
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: [make /etc/wireguard/wg-app.key, write /etc/wireguard/wg-app.pub]
public_keys:
  description: The public key of each interface; in check mode without those that would be made.
  type: dict
  returned: success
  sample: {wg-app: 9jalV3EEBnVXahro0pRMQ+cHlmjE33Slo9tddzCVtCw=}
missing_packages:
  description:
    - Packages without which no tunnel comes up. While there are any, no key is made. C(wireguard-go) is among them only where the running kernel has no
      WireGuard.
  type: list
  elements: str
  returned: success
  sample: []
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import wireguard
from ansible_collections.unde.infra.plugins.module_utils.actions import result


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "interfaces": {"type": "list", "elements": "str", "required": True},
            "directory": {"type": "path", "default": "/etc/wireguard"},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    interfaces: list[str] = module.params["interfaces"]
    keys = wireguard.Keys(Path(module.params["directory"]), module.run_command, module.check_mode)
    missing: list[str] = []
    public: dict[str, str] = {}
    if interfaces:
        if refusals := keys.refusals(interfaces):
            module.fail_json(msg="\n".join(refusals))
        missing = wireguard.missing_packages(module.run_command, module.check_mode)
        try:
            public = keys.make(interfaces) if module.check_mode or not missing else {}
        except wireguard.Refused as reason:
            module.fail_json(msg=str(reason), actions=keys.actions)
    module.exit_json(**result(keys.actions), public_keys=public, missing_packages=missing)


if __name__ == "__main__":
    main()
