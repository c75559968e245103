#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell which packages a host misses, how its units stand and which paths there are: what a role asks before it acts, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_info
short_description: Tell which packages a host misses, how its units stand and which paths there are
description:
  - What a role asks before it acts, in one call. Nothing is ever changed.
  - Packages are asked of dpkg, without reading the lists of apt.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options:
  packages:
    description: Debian packages, as C(name) or, where a version is wanted, as C(name=version).
    type: list
    elements: str
    default: []
  units:
    description: systemd units, with their suffix.
    type: list
    elements: str
    default: []
  paths:
    description: Paths; shell wildcards may be used.
    type: list
    elements: str
    default: []
  texts:
    description: Path of a file → a text that it shall contain.
    type: dict
    default: {}
  users:
    description: Users that shall exist.
    type: list
    elements: str
    default: []
  members:
    description: Name of a group → the users that shall be in it.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Gather the state of the host
  unde.infra.host_info:
    packages: [haproxy, ca-certificates]
    units: [haproxy.service]
    paths: [/etc/haproxy/unde.cfg]
  register: found

- name: Install HAProxy
  ansible.builtin.apt:
    name: "{{ found.missing_packages }}"
  when: found.missing_packages | length > 0
"""

RETURN = r"""
missing_packages:
  description: Those of O(packages), as they were named, that are not installed in full, or in another version.
  type: list
  elements: str
  returned: always
  sample: [haproxy]
installed_packages:
  description: Name of a package → its version, of those that are installed, whatever version was wanted.
  type: dict
  returned: always
  sample: {"haproxy": "3.0.11-1+deb13u1"}
units:
  description: Name of a unit → how it stands.
  type: dict
  returned: always
  contains:
    exists:
      description: Whether there is a unit file.
      type: bool
    active:
      description: Whether it runs.
      type: bool
    enabled:
      description: Whether it starts with the host.
      type: bool
    masked:
      description: Whether it must not be started.
      type: bool
  sample: {"haproxy.service": {"exists": true, "active": true, "enabled": true, "masked": false}}
stopped_units:
  description: Those of O(units) that do not run, or do not start with the host.
  type: list
  elements: str
  returned: always
  sample: []
paths:
  description: Those of O(paths) that are there, wildcards filled in.
  type: list
  elements: str
  returned: always
  sample: [/etc/haproxy/unde.cfg]
missing_texts:
  description: Paths of O(texts) whose file is not there, or does not contain the text.
  type: list
  elements: str
  returned: always
  sample: []
missing_users:
  description: Those of O(users) that do not exist.
  type: list
  elements: str
  returned: always
  sample: []
missing_members:
  description: Users of O(members) that are not in the group; all of them where there is no such group.
  type: list
  elements: str
  returned: always
  sample: []
"""

import os
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import accounts, debian, systemd


def contains(path: str, text: str) -> bool:
    """Return whether a file is there and has a text in it."""
    try:
        return text in Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def main() -> None:
    """Run the module."""
    of_words: dict[str, Any] = {"type": "list", "elements": "str", "default": []}
    of_pairs: dict[str, Any] = {"type": "dict", "default": {}}
    spec = {"packages": of_words, "units": of_words, "paths": of_words, "users": of_words, "texts": of_pairs, "members": of_pairs}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    wanted = module.params["packages"]
    installed = debian.installed(module.run_command, [name.partition("=")[0] for name in wanted])
    units = systemd.units(module.run_command, module.params["units"])
    module.exit_json(
        changed=False,
        missing_packages=[name for name in wanted if not debian.satisfies(name, installed)],
        installed_packages=installed,
        units={name: {"exists": unit.exists, "active": unit.active, "enabled": unit.enabled, "masked": unit.masked} for name, unit in units.items()},
        stopped_units=[name for name, unit in units.items() if not (unit.active and unit.enabled)],
        paths=[path for path in systemd.files(module.params["paths"]) if os.path.lexists(path)],
        missing_texts=[path for path, text in module.params["texts"].items() if not contains(path, str(text))],
        missing_users=[name for name in module.params["users"] if not accounts.exists(name)],
        missing_members=[user for group, users in module.params["members"].items() for user in accounts.missing_members(group, users)],
    )


if __name__ == "__main__":
    main()
