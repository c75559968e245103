#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write the web configuration of Prometheus or Alertmanager: TLS, and users by bcrypt hashes that stay as long as their passwords do."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: prometheus_web_config
short_description: Write the web configuration of Prometheus or Alertmanager
description:
  - TLS with a certificate, and users by the bcrypt hashes of their passwords. A hash has salt in it, so hashing anew would never give the same; the one that
    the file has stays where it is of the user's password.
  - The server reads the file at every request. A file that its checker refuses is not written.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  path:
    description: The file.
    type: path
    required: true
  owner:
    description: The user that reads it; it belongs to them, and nobody else reads it.
    type: str
    required: true
  certificate:
    description: File of the server's certificate.
    type: path
    required: true
  key:
    description: File of its key.
    type: path
    required: true
  users:
    description: User → password.
    type: dict
    required: true
  validate:
    description: A command that must succeed on the new file; C(%s) stands for it.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Tells which users would have another password; nothing is written, and nothing hashed.
  diff_mode:
    support: full
    description: Lists the actions, without hashes.
"""

EXAMPLES = r"""
- name: Write TLS and the users
  unde.infra.prometheus_web_config:
    path: /etc/prometheus/web.yml
    owner: prometheus
    certificate: /etc/unde/tls/host.crt
    key: /etc/unde/tls/host.key
    users:
      operators: "{{ prometheus_operators_password }}"
      grafana: "{{ prometheus_grafana_password }}"
    validate: promtool check web-config %s
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: ["write /etc/prometheus/web.yml: password of grafana"]
"""

import ctypes
import os
import re
import secrets
import shlex
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import atomic
from ansible_collections.unde.infra.plugins.module_utils.actions import result

#: The alphabet of bcrypt's salt, 22 characters of it: crypt(5), bcrypt.
ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#: 2^10 rounds, what `htpasswd -B` and promtool's documentation take.
COST = 10
HASH = re.compile(r"^ +(\w+): (\$2b\$\S{56})$", re.MULTILINE)


class Unsupported(Exception):
    """This host cannot hash."""


def crypt(password: str, setting: str) -> str:
    """Return a password's hash as the C library makes it; the setting is a hash, or what one begins with.

    Raises:
        Unsupported: the library is not there, or does not know bcrypt.

    """
    try:
        library = ctypes.CDLL("libcrypt.so.1")
    except OSError as error:
        raise Unsupported(f"this host has no libcrypt: {error}") from error
    library.crypt.restype = ctypes.c_char_p
    hashed = library.crypt(password.encode(), setting.encode())
    if not hashed or hashed.startswith(b"*"):
        raise Unsupported("this host's libcrypt cannot make bcrypt hashes")
    return str(hashed.decode())


def new_hash(password: str) -> str:
    """Return a password's hash with salt of its own."""
    return crypt(password, f"$2b${COST:02}${''.join(secrets.choice(ALPHABET) for _place in range(22))}")


def is_of(hashed: str, password: str) -> bool:
    """Return whether a hash is of this password."""
    return bool(hashed) and crypt(password, hashed) == hashed


def rendered(certificate: str, key: str, hashes: dict[str, str]) -> str:
    """Return the whole file: web-configuration of Prometheus' exporter-toolkit."""
    return "".join(
        f"{line}\n"
        for line in (
            "# Managed by unde.infra.prometheus_web_config: changes made here are overwritten. It is read at every request.",
            "tls_server_config:",
            f"  cert_file: {certificate}",
            f"  key_file: {key}",
            "basic_auth_users:",
            *(f"  {user}: {hashed}" for user, hashed in hashes.items()),
        )
    )


def check(module: AnsibleModule, content: str) -> None:
    """Have new content checked; content that is refused ends the run."""
    if not module.params["validate"]:
        return
    with tempfile.NamedTemporaryFile("w", dir=module.tmpdir, prefix="web-config-") as file:
        file.write(content)
        file.flush()
        code, said, complaint = module.run_command([word.replace("%s", file.name) for word in shlex.split(module.params["validate"])])
    if code != 0:
        module.fail_json(msg=f"{module.params['path']}: the new content is refused by its checker, nothing was written: {(complaint or said).strip()}")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "owner": {"type": "str", "required": True},
            "certificate": {"type": "path", "required": True},
            "key": {"type": "path", "required": True, "no_log": False},
            "users": {"type": "dict", "required": True, "no_log": True},
            "validate": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    path, owner = module.params["path"], module.params["owner"]
    users = {user: str(password) for user, password in module.params["users"].items()}
    known = dict(HASH.findall(Path(path).read_text(encoding="utf-8"))) if os.path.exists(path) else {}
    try:
        stale = [user for user, password in users.items() if not is_of(known.get(user, ""), password)]
        # In check mode nothing is hashed: a new hash is never the one that the run then makes.
        hashes = {user: (new_hash(password) if not module.check_mode else "") if user in stale else known[user] for user, password in users.items()}
    except Unsupported as reason:
        module.fail_json(msg=str(reason))
    content = rendered(module.params["certificate"], module.params["key"], hashes)
    actions = []
    if stale or not atomic.matches(path, content, owner):
        actions.append(f"write {path}" + (f": password of {', '.join(stale)}" if stale else ""))
    if actions and not module.check_mode:
        check(module, content)
        atomic.write(path, content, owner)
    module.exit_json(**result(actions))


if __name__ == "__main__":
    main()
