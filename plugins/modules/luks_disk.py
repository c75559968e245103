#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Give a blank data disk its LUKS header or recognize the one that is there, and open and mount it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: luks_disk
short_description: Make the LUKS header of a blank data disk, or open and mount it
description:
  - A disk is formatted only when nothing at all was found on it (no signature, partition, opener, nor any byte other than zero where it is read), in the
    same call that looks. A header that is there is never written to, unless this module made it, which its label tells.
  - What an interrupted run has left is made good, a header without its recovery slot or without a filesystem.
  - cryptsetup reads the passphrases from pipes, never from an argument, the environment or a file.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  state:
    description:
      - V(present) makes the header with both passphrases, or tries them on the one that is there, and writes O(uuid_file).
      - V(mounted) opens the disk, makes a filesystem (ext4) in a header that was just made, and starts the unit that mounts O(mount). The unit's file has to be
        there.
    type: str
    choices: [present, mounted]
    required: true
  device:
    description: The disk, by a name that stays; a plain file serves too, and cannot be opened.
    type: str
    required: true
  mount:
    description: Where it is mounted. Refused where data lies there already, or something else is mounted.
    type: str
    required: true
  mapping:
    description: Name of the mapping.
    type: str
    required: true
  uuid_file:
    description: File that keeps the UUID of the disk that holds the data; another disk is refused, open or closed.
    type: path
    required: true
  passphrase:
    description: Opens the disk; slot 0 of a header that is made.
    type: str
    required: true
  recovery_passphrase:
    description: Opens it too; slot 1 of a header that is made. Required for O(state=present).
    type: str
  memory_kib:
    description: Memory of Argon2id in KiB, for a new key slot.
    type: int
    default: 65536
  iterations:
    description: Passes of Argon2id over that memory, for a new key slot; 4 is the least that cryptsetup takes.
    type: int
    default: 4
  parallel:
    description: Threads of Argon2id, for a new key slot; 4 is the most that cryptsetup takes.
    type: int
    default: 4
  discards:
    description: Pass discards through to the disk, which then shows which blocks are free.
    type: bool
    default: false
  tpm2:
    description: With O(state=present), let the machine's TPM open a header that this module made, while the machine boots as it does now (PCR 7).
    type: bool
    default: false
  may_initialize:
    description: Whether a blank disk may be formatted.
    type: bool
    default: false
  daemon_reload:
    description:
      - With O(state=mounted), whether files of units were just written, so that systemd has to read them first, also where it does not say so itself of the
        mount's.
    type: bool
    default: false
  must_open:
    description: Whether to fail where the kernel has no device mapper; with V(false) the module warns.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: Tells what would be done, also where cryptsetup is not installed yet; then no passphrase is tried on a header that is there.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Create the LUKS header, or adopt an existing one
  unde.infra.luks_disk:
    state: present
    recovery_passphrase: "{{ recovery_passphrase }}"
    may_initialize: true
    <<: &disk
      device: /dev/disk/by-id/virtio-data
      mount: /var/lib/postgresql
      mapping: unde_data
      uuid_file: /etc/unde/luks.uuid
      passphrase: "{{ passphrase }}"

- name: Open and mount the disk
  unde.infra.luks_disk:
    <<: *disk
    state: mounted
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: [cryptsetup open /dev/disk/by-id/virtio-data unde_data, systemctl start var-lib-postgresql.mount]
header:
  description: What the disk's header says; null where there is none, as in check mode before there is one.
  type: dict
  returned: success
  contains:
    version:
      description: Version of LUKS.
      type: int
    uuid:
      description: UUID of the header.
      type: str
    label:
      description: V(unde-new) or V(unde-data); empty where something else made the header.
      type: str
    slots:
      description: Key slots in use.
      type: list
      elements: dict
    tokens:
      description: Types of the tokens.
      type: list
      elements: str
    description:
      description: The slots, for people.
      type: str
  sample: {"version": 2, "uuid": "9d1e…", "label": "unde-data", "slots": [{"slot": 0, "kdf": "argon2id", "memory": 65536, "time": 4, "cpus": 4}], "tokens": [],
    "description": "slot 0 argon2id 65536 KiB, 4 passes, 4 threads"}
header_sha256:
  description:
    - Digest of the header as M(unde.infra.luks_disk_info) returns it.
    - Empty where nobody knows it yet, in check mode before there is a header, before cryptsetup is installed, and where the header would be changed.
  type: str
  returned: success
  sample: 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef
ours:
  description: Whether this module made the header, or would.
  type: bool
  returned: success
  sample: true
in_fstab:
  description: Whether C(/etc/fstab) mounts something at O(mount).
  type: bool
  returned: success
  sample: false
open:
  description: Whether the disk is open; with O(state=mounted) in check mode, whether it would be.
  type: bool
  returned: success
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import luks
from ansible_collections.unde.infra.plugins.module_utils.actions import result


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "mounted"], "required": True},
            "device": {"type": "str", "required": True},
            "mount": {"type": "str", "required": True},
            "mapping": {"type": "str", "required": True},
            "uuid_file": {"type": "path", "required": True},
            "passphrase": {"type": "str", "required": True, "no_log": True},
            "recovery_passphrase": {"type": "str", "no_log": True},
            "memory_kib": {"type": "int", "default": 65536},
            "iterations": {"type": "int", "default": 4},
            "parallel": {"type": "int", "default": 4},
            "discards": {"type": "bool", "default": False},
            "tpm2": {"type": "bool", "default": False},
            "may_initialize": {"type": "bool", "default": False},
            "daemon_reload": {"type": "bool", "default": False},
            "must_open": {"type": "bool", "default": True},
        },
        required_if=[("state", "present", ("recovery_passphrase",))],
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    actions: list[str] = []
    try:
        data = luks.DataDisk(module.params, module.run_command, module.check_mode)
        actions = data.actions
        if module.params["state"] == "present":
            data.ensure_header()
            is_open = data.disk.mapping()[0] is not None
        else:
            closed = data.unlock()
            is_open = not closed
            if closed and module.params["must_open"]:
                raise luks.Refused(closed)
            if closed:
                module.warn(f"not opened, not mounted: {closed}")
        digest = "" if data.will_differ else luks.backup(data.disk, data.header)["sha256"]
    except luks.Refused as reason:
        # The role's variables that another disk or place is asked for by.
        asked = f" (luks_device {module.params['device']}, luks_mount {module.params['mount']})" if module.params["state"] == "present" else ""
        module.fail_json(msg=f"{reason}{asked}", actions=actions)
    module.exit_json(
        **result(actions),
        header=data.header.result if data.header else None,
        header_sha256=digest,
        ours=data.header is None or data.header.ours,
        in_fstab=luks.in_fstab(module.params["mount"]),
        open=is_open,
    )


if __name__ == "__main__":
    main()
