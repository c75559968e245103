#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell which release of Debian a host runs, and refuse one that a role does not support."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: debian_release
short_description: Tell which release of Debian a host runs, and refuse one that a role does not support
description:
  - Reads C(/etc/os-release).
  - Fails where the release is none of O(supported), or the system is another one, and says what can be done. Nothing is ever changed.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options:
  supported:
    description: Code names of the releases that are supported; empty, whatever the machine runs.
    type: list
    elements: str
    required: true
  role:
    description: The role that wants one of them, for the message.
    type: str
    required: true
  host:
    description: Name of the host, for the message.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Check the Debian release
  unde.infra.debian_release:
    supported: [trixie]
    role: redis_sentinel
    host: "{{ inventory_hostname }}"
"""

RETURN = r"""
release:
  description: Code name of the release.
  type: str
  returned: always
  sample: trixie
version:
  description: Its number, empty for one that is not released.
  type: str
  returned: always
  sample: "13"
pretty_name:
  description: What the system calls itself.
  type: str
  returned: always
  sample: Debian GNU/Linux 13 (trixie)
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils.debian import Release, own_release


def refusal(found: Release, supported: list[str], role: str, host: str) -> str | None:
    """Return why the role must not act on the host; None: it may."""
    if not supported or (found.system == "debian" and found.release in supported):
        return None
    return (
        f"{host} runs {found.pretty_name}, and the role {role} works on {' and '.join(supported)} alone. Nothing was done. Upgrade the host to {supported[-1]} "
        f"(and say so in the layout: hosts.<name>.release), or give {role} to another host; of a host in use, take it out of `adopt`. Which role works where: "
        "docs/reference/releases.md"
    )


def main() -> None:
    """Run as Ansible does."""
    module = AnsibleModule(
        argument_spec={
            "supported": {"type": "list", "elements": "str", "required": True},
            "role": {"type": "str", "required": True},
            "host": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    found = own_release()
    told = {"release": found.release, "version": found.version, "pretty_name": found.pretty_name}
    if why := refusal(found, module.params["supported"], module.params["role"], module.params["host"]):
        module.fail_json(msg=why, **told)
    module.exit_json(changed=False, **told)


if __name__ == "__main__":
    main()
