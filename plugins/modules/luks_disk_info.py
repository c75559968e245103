#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Return the LUKS header of a disk, to be kept elsewhere."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: luks_disk_info
short_description: Return the LUKS header of a disk, for a copy of it
description:
  - The header with its key slots, in the form that C(cryptsetup luksHeaderRestore) takes once it is decoded and decompressed. What in it means nothing is zero.
  - Who has it and a passphrase of its time opens the disk. Keep it encrypted, and give the task C(no_log).
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options:
  device:
    description: The disk.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Read the LUKS header
  unde.infra.luks_disk_info:
    device: /dev/disk/by-id/virtio-data
  no_log: true
  register: found

- name: Save it encrypted
  ansible.builtin.copy:
    dest: /root/header.vault
    content: "{{ found.content | ansible.builtin.vault(passphrase) }}"
    mode: "0600"
  delegate_to: localhost
"""

RETURN = r"""
uuid:
  description: UUID of the header; empty where the disk has none.
  type: str
  returned: success
  sample: 9d1e2c1c-3d2f-4c57-8a5c-3b8f3d1d8a11
sha256:
  description: Digest of the header; empty where the disk has none.
  type: str
  returned: success
  sample: 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef
content:
  description: The header, compressed (gzip), then base64; empty where the disk has none.
  type: str
  returned: success
  sample: H4sIAAAAAAACA+3B…
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import luks


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"device": {"type": "str", "required": True}}, supports_check_mode=True)
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    try:
        disk = luks.Disk(module.params["device"], module.run_command)
        found = luks.backup(disk, disk.header(), with_content=True)
    except luks.Refused as reason:
        module.fail_json(msg=str(reason))
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
