#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make the certificate authority on the host that keeps its key."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: certificate_authority
short_description: Make the certificate authority where there is none
description:
  - Makes C(ca.key) and C(ca.crt) together, for root alone. What is there, half of it too, is never overwritten.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  days:
    description: Days that the authority's certificate is valid for.
    type: int
    default: 7300
  directory:
    description: Where the files are to be; made with them.
    type: path
    default: /etc/unde/ca
attributes:
  check_mode:
    support: full
    description: Tells whether it would be made.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Create the authority's key and certificate
  unde.infra.certificate_authority:
  delegate_to: monitoring
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: ["make the authority in /etc/unde/ca"]
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import certificates
from ansible_collections.unde.infra.plugins.module_utils.actions import result


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"days": {"type": "int", "default": 7300}, "directory": {"type": "path", "default": "/etc/unde/ca"}},
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    authority = certificates.Authority(Path(module.params["directory"]), module.run_command)
    actions = [f"make the authority in {authority.directory}"] if authority.is_absent() else []
    if actions and not module.check_mode:
        try:
            authority.make(module.params["days"])
        except certificates.Refused as reason:
            module.fail_json(msg=str(reason))
    module.exit_json(**result(actions))


if __name__ == "__main__":
    main()
