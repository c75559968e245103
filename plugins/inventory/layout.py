# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The layout as an inventory: a small adapter around the package ``unde``, which does all the thinking."""

from __future__ import annotations

DOCUMENTATION = r"""
name: layout
short_description: The estate's layout file as inventory
version_added: "0.1.0"
author: UNDE (@unde)
description:
  - Reads C(layout.yml), which says what the estate is, and publishes what follows from it.
  - Hosts are in groups by site, role, shard, day, phase and state, as C(site_local), C(role_etcd), C(shard_0), C(day_09),
    C(phase_2), C(state_create).
  - What the hosts of a group share is published once, on the group.
  - A layout with errors gives no inventory; every error is listed with its file and line. See C(unde check).
requirements:
  - The Python package C(unde), from the same release, beside Ansible. In a checkout the C(generator) folder is found by itself.
extends_documentation_fragment:
  - constructed
  - inventory_cache
options:
  plugin:
    description: Marks the file as a source for this plugin.
    required: true
    choices: [unde.infra.layout]
  overlay:
    description:
      - A second file that holds only what differs from the layout, as in a laboratory.
      - Under C(hosts) the key C("*") stands for every typed host.
      - Its key C(vars) holds variables for all hosts; they win over those of the plan. C(<host>) in a value stands for the host's name.
    type: path
    env:
      - name: UNDE_OVERLAY
  assignments:
    description: Single values laid over the layout, as C(shards.count=2,sites.helsinki.gateway.engine=linux).
    type: str
    default: ""
    env:
      - name: UNDE_SET
"""

EXAMPLES = r"""
# inventory/layout.yml itself is the source:
#   ansible-inventory --graph
#   ansible-inventory -i inventory/layout.yml --host local-shard-0

# Groups and variables of one's own stand in the same file, beside the layout's keys, as in other inventory plugins:
keyed_groups:
  - prefix: rolls_out_on
    key: unde_day | string
compose:
  behind_a_tunnel: wireguard_peer_tunnels is defined
"""

import dataclasses
import os
import sys
from pathlib import Path

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

try:
    from ansible.template import trust_as_template
except ImportError:  # ansible-core before 2.19 trusts what inventory plugins publish
    trust_as_template = None


def package():
    """Import the package ``unde``: the installed one, else the one in the checkout that this file belongs to.

    Raises:
        AnsibleParserError: it is in neither place, or what it needs is missing.
    """
    try:
        import unde
    except ImportError:
        checkout = str(Path(os.path.realpath(__file__)).parents[2] / "generator")
        if os.path.isdir(checkout) and checkout not in sys.path:
            sys.path.insert(0, checkout)
    try:
        import unde.checks
        import unde.errors
        import unde.model
        import unde.plan.inventory
    except ImportError as error:
        raise AnsibleParserError(f"{InventoryModule.NAME} needs the Python package 'unde' beside Ansible: {error}") from error
    return unde


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Load, plan, publish."""

    NAME = "unde.infra.layout"

    def verify_file(self, path):
        """Return whether a file may be a layout."""
        return super().verify_file(path) and path.endswith(("layout.yml", "layout.yaml"))

    def parse(self, inventory, loader, path, cache=True):
        """Fill the inventory from the layout at ``path``."""
        super().parse(inventory, loader, path, cache)
        unde = package()
        try:
            source = unde.model.source.load(path)
            # The layout is read once, by the package: Ansible's own loader is slow and takes merged keys for duplicates.
            own = {key: trusted(source.data[key]) for key in unde.model.reader.ADAPTER_KEYS if key in source.data}
            self.set_options(direct={"plugin": self.NAME, **own})
            planned = self._planned(unde, source, path, cache)
        except unde.errors.UndeError as error:
            raise AnsibleParserError(str(error)) from None  # Ansible would repeat the text of a cause
        self._publish(planned)

    def _planned(self, unde, source, path, cache):
        """Return the plan as plain data, from the cache where the user has one and lets us use it."""
        if not self.get_option("cache"):
            return self._plan(unde, source)
        self.load_cache_plugin()
        stamps = [unde.__version__, stamp(path), stamp(self.get_option("overlay")), self.get_option("assignments")]
        key = self.get_cache_key("|".join(stamps))
        if cache:
            try:
                return self._cache[key]
            except KeyError:  # not there, or expired
                pass
        planned = self._cache[key] = self._plan(unde, source)
        return planned

    def _plan(self, unde, source):
        """Return the plan as plain data."""
        if self.get_option("overlay"):
            source = unde.model.overlay.lay_over(source, unde.model.source.load(self.get_option("overlay")))
        source = unde.model.overlay.assign(source, self.get_option("assignments"))
        estate = unde.model.expand(unde.model.reader.typed(source), source)
        unde.checks.refuse_errors(estate)
        return dataclasses.asdict(unde.plan.inventory.build(estate))

    def _publish(self, planned):
        """Hand the plan to Ansible."""
        self._set("all", {**planned["shared"], **planned["from_overlay"]})
        for group, variables in planned["groups"].items():
            self.inventory.add_group(group)
            self._set(group, variables)
        for host, variables in planned["hosts"].items():
            self.inventory.add_host(host)
            for group in planned["members"][host]:
                self.inventory.add_child(group, host)
            self._set(host, variables)
        if self.get_option("compose") or self.get_option("groups") or self.get_option("keyed_groups"):
            for host in planned["hosts"]:
                self._construct(host)

    def _set(self, entity, variables):
        """Set the variables of a host or group."""
        for name, value in variables.items():
            self.inventory.set_variable(entity, name, trusted(value))

    def _construct(self, host):
        """Apply the user's own expressions to a host."""
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), self.inventory.get_host(host).get_vars(), host, strict=strict)
        variables = self.inventory.get_host(host).get_vars()
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict=strict)


def stamp(file):
    """Return what changes when a file does: its name, time and size; a file that is not there is the plan's to report."""
    try:
        status = os.stat(file)
    except (OSError, TypeError):
        return str(file)
    return f"{file}@{status.st_mtime_ns}+{status.st_size}"


def trusted(value):
    """Return a value with its strings trusted as templates, as those of any inventory file are: it is the user's own."""
    if isinstance(value, str):
        return trust_as_template(value) if trust_as_template else value
    if isinstance(value, dict):
        return {key: trusted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [trusted(inner) for inner in value]
    return value
