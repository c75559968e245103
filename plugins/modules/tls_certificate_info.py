#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell what is wrong with a certificate that users are to be shown: its key, its names, the days it has left."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: tls_certificate_info
short_description: Tell what is wrong with a certificate that users are to be shown
description:
  - Asks C(openssl) whether the certificate is of its key, for these names, and valid for some days. Nothing is ever changed.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options:
  certificate:
    description: File of the certificate, PEM; the first one in it is looked at.
    type: path
    required: true
  key:
    description: File of its key, PEM.
    type: path
    required: true
  names:
    description: Names of hosts that it shall be for.
    type: list
    elements: str
    default: []
  days:
    description: For how many days it shall still be valid.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: Read the certificate
  unde.infra.tls_certificate_info:
    certificate: /etc/letsencrypt/live/api.example.org/fullchain.pem
    key: /etc/letsencrypt/live/api.example.org/privkey.pem
    names: [api.example.org]
    days: 7
  register: certificate
"""

RETURN = r"""
problems:
  description: What is wrong with it, each to follow "the certificate"; empty for a certificate that is fine.
  type: list
  elements: str
  returned: always
  sample: ["has fewer than 7 days left", "is not for api.example.org"]
exists:
  description: Whether both files are there.
  type: bool
  returned: always
  sample: true
"""

from collections.abc import Iterator
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DAY_S = 86400


def holds_something(path: str) -> bool:
    """Return whether a file is there and not empty."""
    return Path(path).is_file() and Path(path).stat().st_size > 0


def problems(module: AnsibleModule, openssl: str) -> Iterator[str]:
    """Yield what is wrong with a certificate that is there."""
    certificate, key = module.params["certificate"], module.params["key"]

    def ask(*words: str) -> tuple[int, str]:
        code, said, _complaint = module.run_command([openssl, "x509", "-in", certificate, "-noout", *words])
        return code, said

    code, public = ask("-pubkey")
    if code != 0:
        yield "is none that openssl can read"
        return
    of_key = module.run_command([openssl, "pkey", "-in", key, "-pubout"])[1]
    if public.strip() != of_key.strip():
        yield f"is not of the key {key}"
    if ask("-checkend", str(module.params["days"] * DAY_S))[0] != 0:
        yield f"has fewer than {module.params['days']} days left"
    for name in module.params["names"]:
        # It ends with 0 either way.
        if "does match" not in ask("-checkhost", name)[1]:
            yield f"is not for {name}"


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "certificate": {"type": "path", "required": True},
            "key": {"type": "path", "required": True, "no_log": False},
            "names": {"type": "list", "elements": "str", "default": []},
            "days": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    exists = holds_something(module.params["certificate"]) and holds_something(module.params["key"])
    openssl = module.get_bin_path("openssl")
    if not exists:
        found = ["is missing, or its key is"]
    else:
        found = list(problems(module, openssl)) if openssl else []
    module.exit_json(changed=False, problems=found, exists=exists)


if __name__ == "__main__":
    main()
