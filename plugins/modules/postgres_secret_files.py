#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keep PostgreSQL's secret files: the key of encrypted columns in memory alone, and the password that members replicate with."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_secret_files
short_description: Keep PostgreSQL's encryption key in memory, and its replication password
description:
  - The encryption key goes where only memory holds it (tmpfs) and the system user C(postgres) reads it; after a boot it is gone. One that is not known is
    never replaced, since what one key encrypted the other cannot read.
  - While a key is being replaced, its former one lies beside it in C(<file>-former).
  - The replication password goes into a password file of libpq.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  encryption_key:
    description: The key, of at least 32 characters.
    type: str
    required: true
  former_encryption_key:
    description: The key that it replaces, as long as something may be encrypted with that; empty when nothing is.
    type: str
    default: ""
  encryption_key_file:
    description: Where the key lies; its directory is created.
    type: path
    default: /run/unde/master.key
  replication_password:
    description: Password of the user C(replicator).
    type: str
    required: true
  replication_password_file:
    description: Where libpq finds it.
    type: path
    default: /var/lib/postgresql/.unde-replicator.pgpass
attributes:
  check_mode:
    support: full
    description: Tells which files would be written.
  diff_mode:
    support: full
    description: Lists the actions; no secret is in them.
"""

EXAMPLES = r"""
- name: Write the master key and the replication password
  unde.infra.postgres_secret_files:
    encryption_key: "{{ master_key }}"
    replication_password: "{{ replicator_password }}"
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: ["write /run/unde/master.key"]
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import atomic, systemd
from ansible_collections.unde.infra.plugins.module_utils.actions import result
from ansible_collections.unde.infra.plugins.module_utils.postgresql import Refused

OWNER = "postgres"


def check_memory(run: systemd.Run, directory: Path) -> None:
    """Refuse a directory that is, or would be made, on anything but tmpfs."""
    anchor = directory if directory.is_dir() else directory.parent
    kind = run(["stat", "--file-system", "--format=%T", str(anchor)])[1].strip()
    if kind != "tmpfs":
        raise Refused(f"{directory} lies on {kind}, not on tmpfs: the master key must never reach a disk; mount a tmpfs there and run again")


def keep_key(run: systemd.Run, path: Path, key: str, former: str, check_mode: bool) -> list[str]:
    """Write the key where only memory holds it; never replace one that is unknown, nor lose one that is being replaced. Return what was done.

    Raises:
        Refused: the key is too short, has no place in memory, or another one is there.

    """
    if len(key) < 32:
        raise Refused("postgres_shard_master_key: shorter than 32 characters; make a random key of 256 bits (base64 or hex)")
    check_memory(run, path.parent)
    beside = path.with_name(f"{path.name}-former")
    present, past = (each.read_text() if each.exists() else "" for each in (path, beside))
    if present not in ("", key, former):
        raise Refused(
            f"{path}: holds another master key than the vault; what one key encrypted the other cannot read. "
            "Nothing was overwritten. If the vault is right, remove the file by hand and run again."
        )
    actions = [f"write {beside}"] if former and past != former else []
    actions += [f"write {path}"] if present != key else []
    actions += [f"remove {beside}"] if past and not former else []
    if actions and not check_mode:
        if not path.parent.is_dir():
            path.parent.mkdir()
            path.parent.chmod(0o755)
        # The former one first: at no moment is what it sealed unreadable.
        if former:
            atomic.write(beside, former, OWNER, 0o400)
        atomic.write(path, key, OWNER, 0o400)
        if not former:
            beside.unlink(missing_ok=True)
    return actions


def keep_password(path: Path, password: str, check_mode: bool) -> list[str]:
    """Keep the replication password where libpq finds it: for the copy, for streaming, and to ask the other members. Return what was done."""
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    line = f"*:*:*:replicator:{escaped}\n"
    if path.exists() and path.read_text() == line:
        return []
    if not check_mode:
        atomic.write(path, line, OWNER, 0o600)
    return [f"write {path}"]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "encryption_key": {"type": "str", "required": True, "no_log": True},
            "former_encryption_key": {"type": "str", "default": "", "no_log": True},
            "encryption_key_file": {"type": "path", "default": "/run/unde/master.key", "no_log": False},
            "replication_password": {"type": "str", "required": True, "no_log": True},
            "replication_password_file": {"type": "path", "default": "/var/lib/postgresql/.unde-replicator.pgpass", "no_log": False},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    options, run = module.params, module.run_command
    key, former = options["encryption_key"].strip(), options["former_encryption_key"].strip()
    try:
        actions = keep_key(run, Path(options["encryption_key_file"]), key, former, module.check_mode)
        actions += keep_password(Path(options["replication_password_file"]), options["replication_password"], module.check_mode)
    except Refused as reason:
        module.fail_json(msg=str(reason))
    module.exit_json(**result(actions))


if __name__ == "__main__":
    main()
