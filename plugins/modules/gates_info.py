#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Measure what must be true on a host when a day of the rollout ends."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: gates_info
short_description: Measure what must be true on a host when a day of the rollout ends
description:
  - Measures the gates of a host one after the other, each with its own timeout, and tells of each whether it is green, and what was measured or why it is red.
  - A red gate is a result, and no failure of the module, unless O(required) says so. One gate that cannot be measured leaves the others as they are.
  - Nothing stays that was not there before; the gate of the object storage writes objects of a few bytes and removes them.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options:
  gates:
    description: The gates, in the order in which they are measured.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Which gate it is; a function of this name in C(plugins/module_utils/gates/).
        type: str
        required: true
      key:
        description: Under what its result is told.
        type: str
        required: true
      parameters:
        description: What its function is told.
        type: dict
        default: {}
      secrets:
        description: What its function is told besides, and nobody else.
        type: dict
        default: {}
      problem:
        description: Why its parameters are not known; it is red with that.
        type: str
  retries:
    description: How often each question is asked again that is not answered as it has to be, in place of its own figure.
    type: int
  required:
    description: Whether the module fails where a gate is red.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Measure two gates
  unde.infra.gates_info:
    gates:
      - {name: votes, key: 11 votes, parameters: {members: 3}}
      - {name: base, key: 1 base, parameters: {firewall: true}}
"""

RETURN = r"""
gates:
  description: Key → whether the gate is green (C(green)), and what was measured or why it is red (C(says)).
  type: dict
  returned: always
  sample: {11 votes: {green: true, says: 3 of 3 healthy}, 1 base: {green: true, says: filters}}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils.gates import measuring, registry

#: Characters of a text: what a program complains of may be long.
MOST = 300


def result(host: measuring.Host, gate: dict[str, Any]) -> dict[str, Any]:
    """Return whether a gate is green, and what was measured or why it is red."""
    try:
        if gate["problem"]:
            raise measuring.Red(gate["problem"])
        if gate["name"] not in registry.GATES:
            raise measuring.Red(f"there is no gate {gate['name']}; there are {', '.join(sorted(registry.GATES))}")
        return {"green": True, "says": registry.GATES[gate["name"]](host, **gate["parameters"], **gate["secrets"])}
    except measuring.Red as reason:
        why = str(reason)
    except Exception as error:  # one gate's mistake is that gate's alone
        why = f"{type(error).__name__}: {error}"
    words = " ".join(why.split())
    return {"green": False, "says": words if len(words) <= MOST else f"{words[: MOST - 2]} …"}


def main() -> None:
    """Run the module."""
    gate = {
        "name": {"type": "str", "required": True},
        "key": {"type": "str", "required": True, "no_log": False},
        "parameters": {"type": "dict", "default": {}},
        "secrets": {"type": "dict", "default": {}, "no_log": True},
        "problem": {"type": "str"},
    }
    module = AnsibleModule(
        argument_spec={
            "gates": {"type": "list", "elements": "dict", "required": True, "options": gate},
            "retries": {"type": "int"},
            "required": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    host = measuring.Host(module.run_command, module.params["retries"])
    gates = {each["key"]: result(host, each) for each in module.params["gates"]}
    red = [f"{key}: {each['says']}" for key, each in gates.items() if not each["green"]]
    if red and module.params["required"]:
        module.fail_json(msg="; ".join(red), gates=gates)
    module.exit_json(changed=False, gates=gates)


if __name__ == "__main__":
    main()
