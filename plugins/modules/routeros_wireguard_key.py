#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Give a WireGuard interface of a RouterOS router a new private key."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: routeros_wireguard_key
short_description: Give a WireGuard interface of a RouterOS router a new private key
description:
  - RouterOS makes keys for new interfaces only. This one is made where the module runs, as C(wg genkey) does it (RFC 7748), and is kept nowhere but on the
    router; only the public key is returned.
  - Each run makes a new key, so each run is a change.
version_added: "0.1.0"
author: UNDE (@unde)
requirements: [cryptography, librouteros]
extends_documentation_fragment: [community.routeros.api]
options:
  interface:
    description: Name of the interface.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: Tells that a key would be made; no public key is returned.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Create a new key for the tunnel
  unde.infra.routeros_wireguard_key:
    hostname: 192.168.254.2
    username: unde
    password: "{{ password }}"
    tls: true
    ca_path: /etc/unde/chr/a.crt
    interface: wg-app
  register: key
"""

RETURN = r"""
public_key:
  description: The new public key; empty in check mode.
  type: str
  returned: success
  sample: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: [make a new key for wg-app]
"""

import traceback
from base64 import b64encode

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.community.routeros.plugins.module_utils.api import api_argument_spec, check_has_library, create_api
from ansible_collections.unde.infra.plugins.module_utils.actions import result

try:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    WITHOUT_CRYPTOGRAPHY = ""
except ImportError:
    WITHOUT_CRYPTOGRAPHY = traceback.format_exc()


def key_pair() -> tuple[str, str]:
    """Return a private key and its public one."""
    key = X25519PrivateKey.generate()
    return b64encode(key.private_bytes_raw()).decode(), b64encode(key.public_key().public_bytes_raw()).decode()


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={**api_argument_spec(), "interface": {"type": "str", "required": True}}, supports_check_mode=True)
    check_has_library(module)
    if WITHOUT_CRYPTOGRAPHY:
        module.fail_json(msg=missing_required_lib("cryptography"), exception=WITHOUT_CRYPTOGRAPHY)
    from librouteros.exceptions import LibRouterosError

    name, public = module.params["interface"], ""
    actions = [f"make a new key for {name}"]
    try:
        menu = create_api(module).path("interface", "wireguard")
        found = [entry[".id"] for entry in menu if entry["name"] == name]
        if not found:
            module.fail_json(msg=f"the router at {module.params['hostname']} has no WireGuard interface {name}; nothing was changed")
        if not module.check_mode:
            private, public = key_pair()
            module.no_log_values.add(private)
            menu.update(**{".id": found[0], "private-key": private})
    except LibRouterosError as error:
        module.fail_json(msg=f"{name} was not given a new key: {error}")
    module.exit_json(**result(actions), public_key=public)


if __name__ == "__main__":
    main()
