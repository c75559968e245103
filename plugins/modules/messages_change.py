#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Change the shape of a shard's messages while they are read and written, a part of the way with each call."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: messages_change
short_description: Change the shape of a shard's messages while they are read and written
description:
  - A second table beside the first follows it, is filled in batches, and takes its place in one short transaction (the schema's own procedures do it).
  - Each call goes on for some seconds and says how far it is; it is called until O(ignore:done). All that must be known is in the database, so that a call
    goes on where the last one ended, wherever that was.
  - On a standby nothing is done.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  shape:
    description: The shape that is wanted, as C(unde_private.want_shape) takes it.
    type: dict
    default: {}
  step:
    description:
      - V(change) fills the second table and lets it take the first one's place.
      - V(back) lets them change places once more.
      - V(drop) gives up the second table, whichever it is.
    type: str
    choices: [change, back, drop]
    default: change
  anew:
    description: Begin a change although the shape is the wanted one, for a new centre of the bits.
    type: bool
    default: false
  seconds:
    description: How long a call copies.
    type: float
    default: 20
  batch:
    description: How many messages are copied in one transaction.
    type: int
    default: 500
  lag_bytes:
    description: How far a standby may be behind before the copying waits for it.
    type: int
    default: 67108864
  lock_attempts:
    description: How often a lock is asked for, each time for 300 ms, before the call gives up.
    type: int
    default: 60
  programs:
    description: The directory of PostgreSQL's programs.
    type: path
    required: true
  database:
    description: The shard's database.
    type: str
    default: unde
attributes:
  check_mode:
    support: full
    description: Tells whether there is something to do.
  diff_mode:
    support: none
    description: Messages are not shown.
"""

EXAMPLES = r"""
- name: Convert the messages table to binary vectors
  unde.infra.messages_change:
    programs: /usr/lib/postgresql/17/bin
    shape: {embedding_index: bits, storage: halfvec, in_line: true}
  register: changed
  until: changed.done
  retries: 10000
  delay: 0
"""

RETURN = r"""
done:
  description: Whether nothing is left to do for this step.
  type: bool
  returned: success
  sample: false
state:
  description: V(standby), V(none) where there is no second table, V(filling), V(full) or V(exchanged).
  type: str
  returned: success
  sample: filling
copied:
  description: Messages that were copied so far.
  type: int
  returned: success
  sample: 120000
expected:
  description: Messages there were when the change began, as the planner estimated them.
  type: int
  returned: success
  sample: 1340000
"""

import json
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import systemd
from ansible_collections.unde.infra.plugins.module_utils.postgresql import Refused, as_postgres, literal

#: SQLSTATEs after which the same is tried again: somebody held a lock.
BUSY = ("55P03", "40P01")
STATE = """
SELECT json_build_object('state', coalesce(c.state, 'none'), 'copied', coalesce(c.copied, 0), 'expected', coalesce(c.expected, 0),
                         'shape', unde_private.shape() - 'centre', 'other', c.shape - 'centre')
FROM (SELECT) AS one LEFT JOIN unde_private.change_of_shape AS c ON true
"""


class Shard:
    """The shard's database, asked as its superuser over the socket."""

    def __init__(self, parameters: dict[str, Any], run: systemd.Run) -> None:
        """Take a module's parameters, and what runs programs."""
        self._run = run
        self.lock_attempts: int = parameters["lock_attempts"]
        psql, options = f"{parameters['programs']}/psql", ["-XqAtw", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-d", parameters["database"]]
        self.psql = as_postgres(psql, *options, PGAPPNAME="unde-messages-change", PGOPTIONS="-c client_min_messages=warning")

    def ask(self, sql: str, *settings: str) -> str:
        """Return what a statement answers.

        Raises:
            Refused: the server complains; with its own words.

        """
        words = [*self.psql, *(word for each in (*settings, sql) for word in ("-c", each))]
        code, said, complaint = self._run(words, cwd="/", expand_user_and_vars=False)
        if code != 0:
            raise Refused(complaint.strip())
        return said.strip()

    def hold(self, sql: str) -> str:
        """Run what needs a lock that everybody waits for: never longer than 300 ms, again and again.

        Raises:
            Refused: it could not be had, or the server complains.

        """
        for attempt in range(1, self.lock_attempts + 1):
            try:
                return self.ask(sql, "SET lock_timeout = '300ms'")
            except Refused as why:
                if not any(state in str(why) for state in BUSY):
                    raise
                time.sleep(min(2.0, 0.1 * attempt))
        raise Refused("somebody held a lock on the messages all the time: look for a long transaction in pg_stat_activity, end it, and run again")

    def look(self) -> dict[str, Any]:
        """Return how far a change is."""
        if self.ask("SELECT pg_is_in_recovery()") == "t":
            return {"state": "standby", "copied": 0, "expected": 0, "shape": {}, "other": None}
        if self.ask("SELECT to_regclass('unde_private.change_of_shape') IS NULL") == "t":
            # A rehearsal on a shard from before shapes: what it has is not what is wanted, of which there is nothing yet.
            return {"state": "none", "copied": 0, "expected": 0, "shape": {}, "other": None}
        return dict(json.loads(self.ask(STATE)))


def has(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Return whether a shape is as it is wanted."""
    return all(found.get(name) == value for name, value in wanted.items())


def change(shard: Shard, options: dict[str, Any], at: dict[str, Any]) -> tuple[bool, bool]:
    """Go a part of the way to the wanted shape; return whether something was done, and whether it was the last part."""
    wanted, began = options["shape"], at["state"] == "none"
    if at["state"] == "exchanged" or (began and has(at["shape"], wanted) and not options["anew"]):
        if not has(at["shape"], wanted):
            raise Refused("the messages have changed to another shape: drop what is left of it first (step=drop), or go back (step=back)")
        return False, True
    if began:
        shard.hold(f"CALL unde_private.begin_change({literal(json.dumps(wanted))}, {str(options['anew']).lower()})")
        at = shard.look()
        if at["state"] == "none":
            return True, True
    elif not has(at["other"], wanted):
        raise Refused("another change has begun: finish it with its own shape, or give it up (step=drop)")
    if at["state"] == "filling":
        shard.ask(f"CALL unde_private.copy_messages({options['seconds']}, {options['batch']}, {options['lag_bytes']})")
        return True, False
    # Both hold the same: seen, before one takes the other's place; and the planner knows the new one, whose pages an index alone may answer for.
    shard.ask("VACUUM (ANALYZE) unde_other.messages")
    exchange(shard)
    return True, True


def exchange(shard: Shard) -> None:
    """Let the two tables change places, once they are seen to hold the same."""
    differences = shard.ask("SELECT unde_private.differences()")
    if differences:
        raise Refused(f"the two tables do not hold the same: {differences}. Nothing was exchanged; give the second one up (step=drop) and begin again")
    shard.hold("CALL unde_private.exchange()")


def act(shard: Shard, options: dict[str, Any], at: dict[str, Any]) -> tuple[bool, bool]:
    """Return whether something was done, and whether nothing is left to do."""
    if at["state"] == "standby":
        return False, True
    if options["step"] == "change":
        return change(shard, options, at)
    if options["step"] == "drop":
        if at["state"] != "none":
            shard.hold("CALL unde_private.drop_other()")
        return at["state"] != "none", True
    if at["state"] != "exchanged":
        raise Refused("there is nothing to go back to: no change was made, or its former table was dropped")
    exchange(shard)
    return True, True


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "shape": {"type": "dict", "default": {}},
            "step": {"type": "str", "choices": ["change", "back", "drop"], "default": "change"},
            "anew": {"type": "bool", "default": False},
            "seconds": {"type": "float", "default": 20},
            "batch": {"type": "int", "default": 500},
            "lag_bytes": {"type": "int", "default": 64 * 2**20},
            "lock_attempts": {"type": "int", "default": 60},
            "programs": {"type": "path", "required": True},
            "database": {"type": "str", "default": "unde"},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    options, shard = module.params, Shard(module.params, module.run_command)
    try:
        at = shard.look()
        if module.check_mode:
            wanted = {"change": not has(at["shape"], options["shape"]) or options["anew"], "back": at["state"] == "exchanged", "drop": at["state"] != "none"}
            module.exit_json(
                changed=at["state"] != "standby" and wanted[options["step"]], done=True, **{key: at[key] for key in ("state", "copied", "expected")}
            )
        changed, done = act(shard, options, at)
        at = shard.look()
    except Refused as why:
        module.fail_json(msg=str(why))
    module.exit_json(changed=changed, done=done, **{key: at[key] for key in ("state", "copied", "expected")})


if __name__ == "__main__":
    main()
