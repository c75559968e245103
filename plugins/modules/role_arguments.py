#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documents the action of the same name, which is all there is of it: nothing of it runs on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: role_arguments
short_description: Hold what hosts are told against the argument specs of roles
description:
  - Takes a host's variables over each role's C(defaults/main.yml), and checks them against C(main) of its C(meta/argument_specs.yml), as Ansible does when
    it comes to a role; of all roles at once, before the first of them acts.
  - Only the options that a spec names are templated. An option whose template fails, because the vault lacks a secret for example, is named with its role.
  - Fails with all errors of all hosts and roles. Reads on the control node alone, and needs no connection to a host.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options:
  roles:
    description: Names of roles of this collection, for the host of the task.
    type: list
    elements: str
  hosts:
    description: Name of a host → names of its roles, for many hosts at once (C(run_once)); with what the inventory and C(-e) tell them, not the play.
    type: dict
"""

EXAMPLES = r"""
- name: Validate the arguments of base and firewall
  unde.infra.role_arguments:
    roles: [base, firewall]

- name: Validate the arguments of the hosts' roles
  unde.infra.role_arguments:
    hosts: {push: [base, firewall], mood: [base]}
  run_once: true
"""

RETURN = r"""
argument_errors:
  description: What is wrong, host by host and role by role.
  type: dict
  returned: failure
  sample:
    push:
      base: ["value of base_manage must be one or more of: hostname, hosts, time, packages, upgrades, ssh, routes. Got no match for: foo"]
"""
