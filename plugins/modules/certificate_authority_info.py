#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell whether a host has the certificate authority, and whether it is whole."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: certificate_authority_info
short_description: Tell whether a host has the certificate authority, and whether it is whole
description:
  - Looks at C(ca.key) and C(ca.crt) of one directory, by openssl. Nothing is ever changed.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options:
  renew_days:
    description: With fewer days left than this the authority signs no more.
    type: int
    default: 30
  directory:
    description: Where the files are.
    type: path
    default: /etc/unde/ca
"""

EXAMPLES = r"""
- name: Read the authority's certificate
  unde.infra.certificate_authority_info:
  delegate_to: monitoring
  register: authority
"""

RETURN = r"""
state:
  description: V(present), also where only half of it is; or V(absent).
  type: str
  returned: success
  sample: present
certificate:
  description: The authority's certificate (PEM); empty where there is none.
  type: str
  returned: success
  sample: "-----BEGIN CERTIFICATE-----\n..."
problem:
  description: What keeps it from signing, and the way to mend it; empty when nothing does.
  type: str
  returned: success
  sample: ""
trusts_an_authority:
  description: Whether this host, which has no authority, trusts one.
  type: bool
  returned: success
  sample: false
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import certificates


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"renew_days": {"type": "int", "default": 30}, "directory": {"type": "path", "default": "/etc/unde/ca"}},
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    authority = certificates.Authority(Path(module.params["directory"]), module.run_command)
    absent = authority.is_absent()
    try:
        problem = "" if absent else authority.problem(module.params["renew_days"])
    except certificates.Refused as reason:
        module.fail_json(msg=str(reason))
    module.exit_json(
        changed=False,
        state="absent" if absent else "present",
        certificate=authority.certificate.read_text() if authority.certificate.exists() else "",
        problem=problem,
        trusts_an_authority=absent and certificates.TRUSTED.exists(),
    )


if __name__ == "__main__":
    main()
