#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sign a host's request with the authority's key, on the host that has it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: certificate_sign
short_description: Sign a host's request with the authority's key
description:
  - Runs on the authority's host (C(delegate_to)), which its key never leaves. Nothing is written there.
  - Of the request the public key alone is taken. Names, life and purposes are those of the options; the certificate is for serving and for asking.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options:
  request:
    description: The request (PEM), signed with its own key.
    type: str
    required: true
  common_name:
    description: The name that the certificate is for.
    type: str
    required: true
  names:
    description: Names and addresses that it is valid for.
    type: list
    elements: str
    required: true
  days:
    description: Days that it is valid for.
    type: int
    default: 825
  directory:
    description: Where C(ca.key) and C(ca.crt) are.
    type: path
    default: /etc/unde/ca
"""

EXAMPLES = r"""
- name: Sign the request on the authority's host
  unde.infra.certificate_sign:
    request: "{{ requested.request }}"
    common_name: etcd-2
    names: [etcd-2, 10.1.0.17, localhost, 127.0.0.1]
  delegate_to: monitoring
  register: signed
"""

RETURN = r"""
certificate:
  description: The certificate (PEM).
  type: str
  returned: success
  sample: "-----BEGIN CERTIFICATE-----\n..."
authority_certificate:
  description: The authority's own certificate (PEM).
  type: str
  returned: success
  sample: "-----BEGIN CERTIFICATE-----\n..."
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import certificates


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "request": {"type": "str", "required": True},
            "common_name": {"type": "str", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
            "days": {"type": "int", "default": 825},
            "directory": {"type": "path", "default": "/etc/unde/ca"},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    authority = certificates.Authority(Path(module.params["directory"]), module.run_command)
    try:
        certificate = authority.sign(*(module.params[name] for name in ("request", "common_name", "names", "days")))
    except certificates.Refused as reason:
        module.fail_json(msg=str(reason))
    module.exit_json(changed=False, certificate=certificate, authority_certificate=authority.certificate.read_text())


if __name__ == "__main__":
    main()
