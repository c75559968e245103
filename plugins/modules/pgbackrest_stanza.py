#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Create a stanza of pgBackRest and make its first full backup, on the member whose business that is."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pgbackrest_stanza
short_description: Create a stanza of pgBackRest, with a first full backup
description:
  - Creates the stanza where a repository has none, and makes a full backup where the repository in use has none.
  - Runs on every member of a cluster. It asks PostgreSQL whether it is the primary, whose business the stanza is; the backup is made by the member that makes
    them now. The others do nothing.
  - Before the backup C(pgbackrest check) has to see a segment of WAL arrive. A backup that is being made on this host is waited for.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  name:
    description: Name of the stanza.
    type: str
    required: true
  data_directory:
    description: The data directory that is backed up. It knows PostgreSQL's version.
    type: path
    required: true
  backups_from_replica:
    description: Whether a replica makes the backups as long as one streams.
    type: bool
    default: false
  new_repository:
    description:
      - Whether this run has named another repository in the configuration. In check mode it has not, and the repository is taken for empty rather than asked;
        so it is where pgBackRest is not installed yet.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description:
      - Tells what would be made. A host without PostgreSQL is taken for a primary unless O(backups_from_replica), where only the database's own role knows.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Create the stanza and a first full backup
  unde.infra.pgbackrest_stanza:
    name: shard0
    data_directory: /var/lib/postgresql/17/main
    backups_from_replica: true
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: ["create the stanza shard0", "make a full backup of shard0"]
reason:
  description: Why this member makes no backup; empty where it does.
  type: str
  returned: success
  sample: this is a standby
"""

import shutil
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import atomic, pgbackrest_backups
from ansible_collections.unde.infra.plugins.module_utils.actions import result
from ansible_collections.unde.infra.plugins.module_utils.pgbackrest_backups import Outcome

#: User of PostgreSQL, whose the repository and the spool are.
USER = "postgres"


def foretold(stanza: str, from_replica: bool) -> Outcome:
    """Return what becomes of a host on which there is no PostgreSQL yet."""
    if from_replica:
        return Outcome([], "whether this is the primary is known when PostgreSQL is there")
    return Outcome([f"create the stanza {stanza}", f"make a full backup of {stanza}"])


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "data_directory": {"type": "path", "required": True},
            "backups_from_replica": {"type": "bool", "default": False},
            "new_repository": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    stanza, data, from_replica = module.params["name"], Path(module.params["data_directory"]), module.params["backups_from_replica"]

    def run(words: list[str]) -> tuple[int, str, str]:
        code, said, complaint = module.run_command(["runuser", "-u", USER, "--", *words], cwd="/")
        return code, said, complaint

    try:
        if module.check_mode and not (data / "PG_VERSION").exists():
            outcome = foretold(stanza, from_replica)
        else:
            is_empty = module.check_mode and (module.params["new_repository"] or shutil.which("pgbackrest") is None)
            with atomic.usual_umask():
                outcome = pgbackrest_backups.Backups(run, stanza, data, from_replica).make("ensure", module.check_mode, is_empty)
    except pgbackrest_backups.Failed as reason:
        module.fail_json(msg=str(reason))
    actions = outcome.actions
    module.exit_json(**result(actions), reason=outcome.reason)


if __name__ == "__main__":
    main()
