#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make a host's key where there is none, and a request for its certificate."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: certificate_request
short_description: Make a host's key where there is none, and a request for its certificate
description:
  - The key is made on the host and stays there; a key that exists is never overwritten. Root and one group may read it.
  - The request is what an authority needs to sign (M(unde.infra.certificate_sign)). It is no secret.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  common_name:
    description: The name that the certificate is for.
    type: str
    required: true
  group:
    description: Group that may read the host's key.
    type: str
    default: unde-tls
  directory:
    description: Where C(host.key) is.
    type: path
    default: /etc/unde/tls
attributes:
  check_mode:
    support: full
    description: Tells whether a key would be made or its mode changed; there is no request from a key that would be made.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Create the private key and the signing request
  unde.infra.certificate_request:
    common_name: etcd-2
  register: requested
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: [make /etc/unde/tls/host.key]
request:
  description: The request (PKCS #10, PEM); empty in check mode where there is no key.
  type: str
  returned: success
  sample: "-----BEGIN CERTIFICATE REQUEST-----\n..."
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import certificates
from ansible_collections.unde.infra.plugins.module_utils.actions import result


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "common_name": {"type": "str", "required": True},
            "group": {"type": "str", "default": "unde-tls"},
            "directory": {"type": "path", "default": "/etc/unde/tls"},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    host = certificates.HostCertificate(module.params, module.run_command)
    actions, request = [], ""
    try:
        if not host.key.exists():
            actions.append(f"make {host.key}")
            if not module.check_mode:
                host.make_key()
                host.settle_key()
        elif not host.key_is_private():
            actions.append(f"give {host.key} to root and the group {host.group} with mode 0640")
            if not module.check_mode:
                host.settle_key()
        if host.key.exists():
            request = host.request()
    except certificates.Refused as reason:
        module.fail_json(msg=str(reason), actions=actions)
    module.exit_json(**result(actions), request=request)


if __name__ == "__main__":
    main()
