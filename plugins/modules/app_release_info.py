#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell which releases of services of our own a host misses."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: app_release_info
short_description: Tell which releases of services of our own a host misses
description:
  - Looks which releases are unpacked below C(/opt/unde), so that only the archives of the others are brought.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options:
  releases:
    description: The releases that are wanted.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the service.
        type: str
        required: true
      version:
        description: Its release.
        type: str
        required: true
      checksum:
        description: SHA-256 of the release's archive. A version is one content for ever, so that another one that is there under this version is refused.
        type: str
"""

EXAMPLES = r"""
- name: Find the missing releases
  unde.infra.app_release_info:
    releases:
      - {name: mood, version: 1.4.2, checksum: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
  register: releases
"""

RETURN = r"""
missing:
  description: Names of the services whose release is not there.
  type: list
  elements: str
  returned: success
  sample: [mood]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import app_service


def main() -> None:
    """Run the module."""
    release = {"name": {"type": "str", "required": True}, "version": {"type": "str", "required": True}, "checksum": {"type": "str"}}
    module = AnsibleModule(
        argument_spec={"releases": {"type": "list", "elements": "dict", "required": True, "options": release}},
        supports_check_mode=True,
    )
    wanted = module.params["releases"]
    try:
        missing = [each["name"] for each in wanted if app_service.Service(each["name"], module.run_command).misses(each["version"], each["checksum"])]
    except app_service.Refused as reason:
        module.fail_json(msg=str(reason))
    module.exit_json(changed=False, missing=missing)


if __name__ == "__main__":
    main()
