#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell which WireGuard tunnels a host has, and which of the wanted ones would overwrite another's."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: wireguard_interfaces_info
short_description: Tell which WireGuard tunnels are configured on a host
description:
  - Reads the configurations of C(wg-quick). The first line of each that this collection wrote says which role owns it.
  - Nothing is ever changed, and no private key is read.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options:
  owner:
    description: The role that asks.
    type: str
    required: true
  interfaces:
    description: Names of the interfaces that it wants to write.
    type: list
    elements: str
    required: true
  directory:
    description: Where configurations and keys are.
    type: path
    default: /etc/wireguard
"""

EXAMPLES = r"""
- name: Read the host's tunnels
  unde.infra.wireguard_interfaces_info:
    owner: wireguard_peer
    interfaces: [wg-app]
  register: tunnels
"""

RETURN = r"""
owned:
  description: The interfaces that O(owner) wrote.
  type: list
  elements: str
  returned: always
  sample: [wg-app, wg-old]
peers:
  description: The far end's public key of each of them, where its configuration has one.
  type: dict
  returned: always
  sample: {wg-app: 9jalV3EEBnVXahro0pRMQ+cHlmjE33Slo9tddzCVtCw=}
public_keys:
  description: The public keys of this host.
  type: list
  elements: str
  returned: always
  sample: [rIvWoCeXxlSkhHAj0kUcsJtMIkSGwFCs+lzz3/FYaWc=]
refusals:
  description:
    - Which of O(interfaces) must not be written, each with the way to mend it.
    - In check mode a missing key is none, because a run would have made it.
  type: list
  elements: str
  returned: always
  sample: []
"""

from dataclasses import asdict
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import wireguard


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "owner": {"type": "str", "required": True},
            "interfaces": {"type": "list", "elements": "str", "required": True},
            "directory": {"type": "path", "default": "/etc/wireguard"},
        },
        supports_check_mode=True,
    )
    found = wireguard.configured(Path(module.params["directory"]), module.params["owner"], module.params["interfaces"], not module.check_mode)
    module.exit_json(changed=False, **asdict(found))


if __name__ == "__main__":
    main()
