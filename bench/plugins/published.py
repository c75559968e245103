# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The yardstick of bench/speed.py: an inventory that publishes a ready-made plan and computes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
name: published
short_description: A ready-made plan
author: UNDE (@unde)
description: Publishes what a JSON file says.
options: {}
"""

import json

from ansible.plugins.inventory import BaseInventoryPlugin

try:
    from ansible.template import trust_as_template
except ImportError:  # ansible-core before 2.19
    trust_as_template = None


class InventoryModule(BaseInventoryPlugin):
    """Read, publish."""

    NAME = "published"

    def parse(self, inventory, loader, path, cache=True):
        """Fill the inventory."""
        super().parse(inventory, loader, path, cache)
        with open(path, encoding="utf-8") as file:
            plan = json.load(file)
        for name, value in plan["all"].items():
            inventory.set_variable("all", name, trusted(value))
        for group, variables in plan["groups"].items():
            inventory.add_group(group)
            for name, value in variables.items():
                inventory.set_variable(group, name, trusted(value))
        for host, variables in plan["hosts"].items():
            inventory.add_host(host)
            for group in plan["members"][host]:
                inventory.add_child(group, host)
            for name, value in variables.items():
                inventory.set_variable(host, name, trusted(value))


def trusted(value):
    """Return a value as a user's own; without it Ansible prints every string wrapped as unsafe."""
    if isinstance(value, str):
        return trust_as_template(value) if trust_as_template else value
    if isinstance(value, dict):
        return {key: trusted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [trusted(inner) for inner in value]
    return value
