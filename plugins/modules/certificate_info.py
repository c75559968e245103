#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell whether a host needs a certificate, and why."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: certificate_info
short_description: Tell whether a host needs a certificate
description:
  - Looks at C(host.crt), C(host.key) and C(ca.crt) of one directory, by openssl.
  - Nothing is ever changed, and no private key is read but by openssl.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options:
  common_name:
    description: The name that the certificate has to be for.
    type: str
    required: true
  names:
    description: Names and addresses that it has to be valid for, these and no others.
    type: list
    elements: str
    required: true
  renew_days:
    description: A certificate with fewer days left than this is to be renewed.
    type: int
    default: 30
  authority_certificate:
    description: Certificate of the authority that has to have signed it; empty where it is not known, and that of the directory counts.
    type: str
    default: ""
  group:
    description: Group that may read the host's key.
    type: str
    default: unde-tls
  directory:
    description: Where the files are.
    type: path
    default: /etc/unde/tls
"""

EXAMPLES = r"""
- name: Check the host's certificate
  unde.infra.certificate_info:
    common_name: etcd-2
    names: [etcd-2, 10.1.0.17, localhost, 127.0.0.1]
  register: certificate
"""

RETURN = r"""
renewal_reason:
  description: Why the host needs a certificate; empty when it has a good one.
  type: str
  returned: success
  sample: /etc/unde/tls/host.crt has fewer than 30 days left
reload_pending:
  description: Whether the services have yet to be told of a certificate that was written, because the run that wrote it ended before.
  type: bool
  returned: success
  sample: false
has_openssl:
  description: Whether openssl is installed.
  type: bool
  returned: success
  sample: true
trusts_an_authority:
  description: Whether there is a C(ca.crt).
  type: bool
  returned: success
  sample: true
"""

import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import certificates


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "common_name": {"type": "str", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
            "renew_days": {"type": "int", "default": 30},
            "authority_certificate": {"type": "str", "default": ""},
            "group": {"type": "str", "default": "unde-tls"},
            "directory": {"type": "path", "default": "/etc/unde/tls"},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    host = certificates.HostCertificate(module.params, module.run_command)
    module.exit_json(
        changed=False,
        renewal_reason=host.renewal_reason(module.params["names"], module.params["renew_days"], module.params["authority_certificate"]),
        reload_pending=(host.directory / ".renewed").exists(),
        has_openssl=shutil.which("openssl") is not None,
        trusts_an_authority=host.authority.exists(),
    )


if __name__ == "__main__":
    main()
