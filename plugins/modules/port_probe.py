#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask many TCP ports at once whether a packet gets through to them."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: port_probe
short_description: Ask many TCP ports whether a packet gets through to them
description:
  - Opens a connection to every port, many at a time, and closes it again at once; nothing is sent.
  - A refused connection has got through as well as an open one, since the host itself refuses. A silent one has not.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options:
  targets:
    description: The ports.
    type: list
    elements: dict
    required: true
    suboptions:
      host:
        description: Name under which the answer is given.
        type: str
        required: true
      address:
        description: IPv4 address.
        type: str
        required: true
      port:
        description: TCP port.
        type: int
        required: true
  timeout_s:
    description: Seconds after which a port counts as silent; a lost packet is sent again after one.
    type: float
    default: 2.5
  at_once:
    description: Ports that are tried at the same time.
    type: int
    default: 256
"""

EXAMPLES = r"""
- name: Check that the database is reachable
  unde.infra.port_probe:
    targets:
      - {host: production-db, address: 10.1.0.12, port: 6432}
"""

RETURN = r"""
answers:
  description: Host → port → C(open), C(refused), C(silent) or C(unreachable).
  type: dict
  returned: always
  sample: {production-db: {"6432": open}}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import ports


def main() -> None:
    """Run the module."""
    target = {"host": {"type": "str", "required": True}, "address": {"type": "str", "required": True}, "port": {"type": "int", "required": True}}
    module = AnsibleModule(
        argument_spec={
            "targets": {"type": "list", "elements": "dict", "required": True, "options": target},
            "timeout_s": {"type": "float", "default": 2.5},
            "at_once": {"type": "int", "default": 256},
        },
        supports_check_mode=True,
    )
    targets, size = module.params["targets"], module.params["at_once"]
    answers: dict[str, dict[str, str]] = {}
    for start in range(0, len(targets), size):
        for each, said in ports.probe(targets[start : start + size], module.params["timeout_s"]):
            answers.setdefault(each["host"], {})[str(each["port"])] = said
    module.exit_json(changed=False, answers=answers)


if __name__ == "__main__":
    main()
