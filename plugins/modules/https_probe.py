#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask an HTTPS server as a user does, by its names: which protocol it agrees to, and its status for /."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: https_probe
short_description: Ask an HTTPS server as a user does, by its names
description:
  - Asks for the best protocol by ALPN, and for the page C(/). It answers where its status is below 500.
  - Whether its certificate is trusted is not asked.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options:
  address:
    description: Its address.
    type: str
    required: true
  port:
    description: Its port.
    type: int
    default: 443
  names:
    description: The names that users call it by.
    type: list
    elements: str
    required: true
  timeout_s:
    description: Seconds to wait for each answer.
    type: float
    default: 10
"""

EXAMPLES = r"""
- name: Ask the entry by its name
  unde.infra.https_probe:
    address: 192.0.2.10
    names: [api.example.org]
"""

RETURN = r"""
answers:
  description: Name → protocol and status.
  type: dict
  returned: success
  sample: {api.example.org: "h2 200"}
"""

import http.client
import socket
import ssl

from ansible.module_utils.basic import AnsibleModule


def connect(address: str, port: int, name: str, protocols: list[str], timeout_s: float) -> ssl.SSLSocket:
    """Return a TLS connection under a name."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(protocols)
    return context.wrap_socket(socket.create_connection((address, port), timeout_s), server_hostname=name)


def ask(address: str, port: int, name: str, timeout_s: float) -> tuple[str | None, int]:
    """Return the protocol that a server agrees to, and its status for ``/``.

    Raises:
        OSError: it does not answer, or not by TLS.
        http.client.HTTPException: it does not speak HTTP.

    """
    with connect(address, port, name, ["h2", "http/1.1"], timeout_s) as connection:
        protocol = connection.selected_alpn_protocol()
    page = http.client.HTTPSConnection(name, port, timeout=timeout_s)
    page.sock = connect(address, port, name, ["http/1.1"], timeout_s)
    try:
        page.request("GET", "/")
        return protocol, page.getresponse().status
    finally:
        page.close()


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "default": 443},
            "names": {"type": "list", "elements": "str", "required": True},
            "timeout_s": {"type": "float", "default": 10.0},
        },
        supports_check_mode=True,
    )
    address, port, answers = module.params["address"], module.params["port"], {}
    for name in module.params["names"]:
        try:
            protocol, status = ask(address, port, name, module.params["timeout_s"])
        except (OSError, http.client.HTTPException) as error:
            module.fail_json(msg=f"{address}:{port} does not answer as {name}: {error}")
        if status >= http.client.INTERNAL_SERVER_ERROR:
            module.fail_json(msg=f"{address}:{port} answers as {name} with {status}")
        answers[name] = f"{protocol} {status}"
    module.exit_json(changed=False, answers=answers)


if __name__ == "__main__":
    main()
