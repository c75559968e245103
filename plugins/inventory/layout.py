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
notes:
  - The file is named as you like, with C(.yml) or C(.yaml) at its end (Ansible's default settings look at no other); it is known by its key
    C(plugin), that stands at the beginning of a line.
  - A layout with errors ends the run, where Ansible by default only warns of an inventory that it cannot parse. C(any_unparsed_is_failed = false),
    set by hand, has it warn again.
  - With Ansible's default settings the plugin V(auto) reads a layout before this one does. What is no YAML at all it only warns of, and of a key
    that overrides a merged one (C(<<)) it says that it stands twice. C(docs/ansible.cfg) of this collection has the settings that leave the
    layout to this plugin alone; C(docs/collection.md) says the rest.
requirements:
  - The Python package C(unde), from the same release, beside Ansible. In a checkout the C(generator) folder is found by itself.
extends_documentation_fragment:
  - constructed
  - inventory_cache
options:
  plugin:
    description: Marks the file as a source for this plugin, whatever its name.
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
# Any other name will do, by its key `plugin: unde.infra.layout`:
#   ansible-playbook unde.infra.site -i prod.yml --check --diff

# Groups and variables of one's own stand in the same file, beside the layout's keys, as in other inventory plugins:
keyed_groups:
  - prefix: rolls_out_on
    key: unde_day | string
compose:
  behind_a_tunnel: wireguard_peer_tunnels is defined
"""

import hashlib
import os
import re
import sys
from pathlib import Path

from ansible import constants
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.template import trust_as_template

#: Variables of all hosts that hold something of every host. Ansible would repeat their value host by host, so that an estate of
#: n hosts had n² entries; said as an expression they are computed where they are used, and are the same (tests/unit/plugins/inventory/test_layout.py).
EXPRESSIONS = {
    "base_hosts": (
        "{{ groups['all'] | map('extract', hostvars) | selectattr('unde_address', 'defined') "
        "| items2dict(key_name='unde_name', value_name='unde_address') | dict2items(key_name='name', value_name='address') | sort(attribute='name') }}"
    ),
}


#: A line that begins a key of the layout's first level.
KEY = re.compile(r"([a-z_]+):(?= |$)")
#: The line that names a file's plugin, with the name.
PLUGIN = re.compile(r"""^\ufeff?["']?plugin["']?[ \t]*:[ \t]+["']?([\w.]+)["']?[ \t]*(?:#.*)?$""", re.MULTILINE)


def package():
    """Find the package ``unde``: the installed one, else the one in the checkout that this file belongs to.

    Raises:
        AnsibleParserError: it is in neither place.
    """
    try:
        import unde
    except ImportError:
        checkout = str(Path(os.path.realpath(__file__)).parents[2] / "generator")
        if os.path.isdir(checkout) and checkout not in sys.path:
            sys.path.insert(0, checkout)
    try:
        import unde
    except ImportError as error:
        raise AnsibleParserError(f"{InventoryModule.NAME} needs the Python package 'unde' beside Ansible: {error}") from error
    return unde


def rooms():
    """Import what makes a plan; it takes longer than all the rest, and a plan from the cache does without.

    Raises:
        AnsibleParserError: what the package needs is missing.
    """
    unde = package()
    try:
        import unde.errors
        import unde.model  # what all stages need that is not the package's own
    except ImportError as error:
        raise AnsibleParserError(f"{InventoryModule.NAME} needs the Python package 'unde' with all that it requires: {error}") from error
    return unde


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Load, plan, publish."""

    NAME = "unde.infra.layout"

    def verify_file(self, path):
        """Return whether a file may be a layout by its name; what is in it, parse looks at, and gives a reason where it is none."""
        return path.endswith((".yml", ".yaml"))

    def parse(self, inventory, loader, path, cache=True):
        """Fill the inventory from the layout at ``path``."""
        super().parse(inventory, loader, path, cache)
        refuse_others(path)
        try:
            self.set_options(direct={"plugin": self.NAME, **own_options(path, self.option_definitions)})
            self._publish(self._planned(path, cache))
        except AnsibleError:
            fail_for_certain()
            raise

    def _planned(self, path, cache):
        """Return the plan as plain data, from the cache where the user has one and lets us use it."""
        if not self.get_option("cache"):
            return self._plan(path)
        self.load_cache_plugin()
        # Ansible keeps some twenty bits of a key: what the plan was made from is compared in full.
        origin = self._origin(path)
        key = self.get_cache_key(path)
        if cache:
            try:
                if self._cache[key]["origin"] == origin:
                    return self._cache[key]["plan"]
            except (KeyError, TypeError):  # not there, expired, or not ours
                pass
        planned = self._plan(path)
        self._cache[key] = {"origin": origin, "plan": planned}
        return planned

    def _origin(self, path):
        """Return a digest of all that the plan follows from: the layout, what is laid over it, and the package that derives it."""
        digest = hashlib.sha256(repr([path, self.get_option("overlay"), self.get_option("assignments")]).encode())
        for file in [path, self.get_option("overlay"), *sorted(Path(package().__file__).parent.rglob("*.py"))]:
            try:
                digest.update(hashlib.sha256(Path(file).read_bytes()).digest())
            except (OSError, TypeError):
                digest.update(b"absent")  # the plan's to report
        return digest.hexdigest()

    def _plan(self, path):
        """Return the plan as plain data."""
        unde = rooms()
        try:
            estate = unde.estate(unde.load(path, self.get_option("overlay"), self.get_option("assignments")))
            unde.refuse_errors(estate)
            return dict(vars(unde.inventory(estate)))
        except unde.errors.UndeError as error:
            raise AnsibleParserError(str(error)) from None  # Ansible would repeat the text of a cause

    def _publish(self, planned):
        """Hand the plan to Ansible."""
        self._set("all", planned["shared"])
        self._set("all", {**EXPRESSIONS, **planned["from_overlay"]}, expressions=True)
        for group, variables in planned["groups"].items():
            self.inventory.add_group(group)
            self._publish_entity(group, variables, planned["expressions"])
        for host, variables in planned["hosts"].items():
            self.inventory.add_host(host)
            for group in planned["members"][host]:
                self.inventory.add_child(group, host)
            self._publish_entity(host, variables, planned["expressions"])
        if self.get_option("compose") or self.get_option("groups") or self.get_option("keyed_groups"):
            for host in planned["hosts"]:
                self._construct(host)

    def _publish_entity(self, entity, variables, expressions):
        """Set what the plan says of a host or group: data, but for what the plan itself made to be evaluated."""
        evaluated = expressions.get(entity, ())
        self._set(entity, {name: value for name, value in variables.items() if name not in evaluated})
        self._set(entity, {name: variables[name] for name in evaluated}, expressions=True)

    def _set(self, entity, variables, expressions=False):
        """Set variables of a host or group: as templates, or as the data that they are, whatever it looks like."""
        for name, value in variables.items():
            self.inventory.set_variable(entity, name, trusted(value) if expressions else literal(value))

    def _construct(self, host):
        """Apply the user's own expressions to a host."""
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), self.inventory.get_host(host).get_vars(), host, strict=strict)
        variables = self.inventory.get_host(host).get_vars()
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict=strict)


def refuse_others(path):
    """Refuse a file that is no layout, with the reason.

    Raises:
        AnsibleParserError: it cannot be read, or is for another plugin.
    """
    try:
        if not os.path.isfile(path):  # a pipe could be read once only
            os.stat(path)
            raise AnsibleParserError(f"{path}: cannot be read: it is no file")
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise AnsibleParserError(f"{path}: cannot be read: {error.strerror}") from None
    named = PLUGIN.findall(text)
    if InventoryModule.NAME in named or (not named and looks_like_a_layout(path, text)):
        return
    what = f"its plugin is {named[0]}" if named else f"no line of it says `plugin: {InventoryModule.NAME}`"
    raise AnsibleParserError(f"{path}: is no layout: {what}")


def looks_like_a_layout(path, text):
    """Return whether a file without a line that names its plugin is a layout all the same: by its name, or written in braces."""
    if path.endswith(("layout.yml", "layout.yaml")):
        return True
    if InventoryModule.NAME not in text:
        return False
    unde = rooms()
    try:
        return unde.load(path).data.get("plugin") == InventoryModule.NAME
    except unde.errors.UndeError:
        return True  # to be reported


def fail_for_certain():
    """Let the run fail for this source: Ansible by default only warns, goes on without hosts, and calls that a success."""
    value, origin = constants.config.get_config_value_and_origin("INVENTORY_ANY_UNPARSED_IS_FAILED")
    if not value and origin == "default":
        constants.set_constant("INVENTORY_ANY_UNPARSED_IS_FAILED", True)


def own_options(path, options):
    """Return the options of this plugin that stand in the layout, beside its own keys.

    The layout is read by the package: Ansible's own loader is slow and takes merged keys for duplicates. Where no line can begin
    with an option, it is not read at all.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError):
        return {}  # the plan's to report
    keys = {KEY.match(line) for line in text.splitlines() if line[:1].strip() and not line.startswith(("#", "---"))}
    if all(key and (key[1] == "plugin" or key[1] not in options) for key in keys):
        return {}
    unde = rooms()
    try:
        data = unde.load(path).data
    except unde.errors.UndeError as error:
        raise AnsibleParserError(str(error)) from None
    return {key: trusted(data[key]) for key in unde.model.reader.ADAPTER_KEYS if key in data}


def literal(value):
    """Return a value whose strings are no templates, whatever they look like: a command of the layout may have braces of its own.

    Ansible evaluates what is trusted, and nothing else. What cannot be a template is published as any inventory file's strings are, so that a listing
    shows it as it is.
    """
    if isinstance(value, str):
        return value if any(mark in value for mark in ("{{", "{%", "{#")) else trusted(value)
    if isinstance(value, dict):
        return {key: literal(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [literal(inner) for inner in value]
    return value


def trusted(value):
    """Return a value with its strings trusted as templates, as those of any inventory file are: it is the user's own, or the plan's expression."""
    if isinstance(value, str):
        return trust_as_template(str(value))
    if isinstance(value, dict):
        return {key: trusted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [trusted(inner) for inner in value]
    return value
