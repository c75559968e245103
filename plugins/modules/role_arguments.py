#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documents the action of the same name, which is all there is of it: nothing of it runs on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: role_arguments
short_description: Hold what a host is told against the argument specs of roles
description:
  - Takes the host's variables over each role's C(defaults/main.yml), and checks them against C(main) of its C(meta/argument_specs.yml), as Ansible does when
    it comes to a role; of all roles at once, before the first of them acts.
  - Only the options that a spec names are templated. An option whose template fails, because the vault lacks a secret for example, is named with its role.
  - Fails with all errors of all roles. Reads on the control node alone, and needs no connection to the host.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options:
  roles:
    description: Names of roles of this collection.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Refuse what base and firewall would not take
  unde.infra.role_arguments:
    roles: [base, firewall]
"""

RETURN = r"""
argument_errors:
  description: What is wrong, role by role.
  type: dict
  returned: failure
  sample:
    base: ["value of base_manage must be one or more of: hostname, hosts, time, packages, upgrades, ssh, routes. Got no match for: foo"]
"""
