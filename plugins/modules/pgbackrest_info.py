#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell what a host has of pgBackRest, and what of its configuration must not be changed."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pgbackrest_info
short_description: Tell what a host has of pgBackRest, and which changes would lose backups
description:
  - Reads the configuration that the archiver and the timers work with now, and compares it with the one that is wanted.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options:
  stanza:
    description: Name of the cluster in the repository.
    type: str
    required: true
  data_directory:
    description: The data directory that is backed up.
    type: path
    required: true
  repository:
    description: Where backups and WAL are to go.
    type: dict
    required: true
    suboptions:
      type:
        description: A directory of this host, or a bucket.
        type: str
        choices: [posix, s3]
        required: true
      path:
        description: Path of the repository, on the host or in the bucket.
        type: str
        required: true
      endpoint:
        description: Name of the store's host.
        type: str
      bucket:
        description: Name of the bucket.
        type: str
  former_path:
    description: A directory of this host that held the repository before, and to which WAL still goes.
    type: str
    default: ""
  cipher_pass:
    description: Key under which the repository is to be encrypted.
    type: str
    required: true
  configuration_file:
    description: The configuration that is in use.
    type: path
    default: /etc/pgbackrest/pgbackrest.conf
"""

EXAMPLES = r"""
- name: Gather the state of pgBackRest
  unde.infra.pgbackrest_info:
    stanza: shard0
    data_directory: /var/lib/postgresql/17/main
    repository: {type: posix, path: /var/lib/pgbackrest}
    cipher_pass: "{{ vault_pgbackrest_cipher_pass }}"
  register: found
"""

RETURN = r"""
installed:
  description: Whether the package is installed.
  type: bool
  returned: always
  sample: true
new_repository:
  description: Whether the wanted repository is another one than that in use.
  type: bool
  returned: always
  sample: false
refusals:
  description: What is wanted otherwise than it is and no run changes, each with the way to do it.
  type: list
  elements: str
  returned: always
  sample: []
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import debian, pgbackrest


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "stanza": {"type": "str", "required": True},
            "data_directory": {"type": "path", "required": True},
            "repository": {
                "type": "dict", "required": True,
                "options": {
                    "type": {"type": "str", "choices": ["posix", "s3"], "required": True},
                    "path": {"type": "str", "required": True},
                    "endpoint": {"type": "str"},
                    "bucket": {"type": "str"},
                },
            },
            "former_path": {"type": "str", "default": ""},
            "cipher_pass": {"type": "str", "required": True, "no_log": True},
            "configuration_file": {"type": "path", "default": "/etc/pgbackrest/pgbackrest.conf"},
        },
        supports_check_mode=True,
    )  # fmt: skip
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    params = module.params
    used = pgbackrest.Configuration(Path(params["configuration_file"]))
    module.exit_json(
        changed=False,
        installed=bool(debian.installed(module.run_command, ["pgbackrest"])),
        new_repository=used.place != pgbackrest.place(params["repository"]),
        refusals=pgbackrest.refused_changes(
            used, params["stanza"], params["data_directory"], params["repository"], params["former_path"], params["cipher_pass"]
        ),
    )


if __name__ == "__main__":
    main()
