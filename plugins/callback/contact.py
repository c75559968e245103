# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write down what each task of a rehearsal would do, for the report of a first contact."""

from __future__ import annotations

DOCUMENTATION = r"""
name: contact
type: notification
short_description: Write down what each task of a rehearsal would do
version_added: "0.1.0"
author: UNDE (@unde)
description:
  - Does nothing until a task sets the fact C(contact_record) of a host to the name of a file; from then on, each result of that host is appended
    to it as one line of JSON, until the fact is set to an empty text. See C(playbooks/operate/adopt.yml).
  - What C(no_log) hides is hidden here, too; of a module's arguments only names, paths and wanted states are kept.
requirements:
  - Enabled by C(callbacks_enabled = unde.infra.contact) in ansible.cfg, as in a checkout of this collection.
"""

import json

from ansible.plugins.callback import CallbackBase

FACT = "contact_record"
#: Of a module's arguments.
ARGUMENTS = ("name", "state", "enabled", "path", "dest")


class CallbackModule(CallbackBase):
    """One line for each result, or for each item of one."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "unde.infra.contact"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self.records = {}

    def note(self, result, outcome):
        """Begin or end a host's record, or append to it."""
        host, output = result._host.get_name(), result._result
        facts = output.get("ansible_facts") or {}
        if FACT in facts:
            self.records[host] = facts[FACT]
            return
        file = self.records.get(host)
        if not file or "results" in output:  # a loop's items came one by one
            return
        with open(file, "a", encoding="utf-8") as record:
            record.write(json.dumps(line(result._task, output, outcome), default=str) + "\n")

    def v2_runner_on_ok(self, result):
        self.note(result, "ok")

    def v2_runner_on_skipped(self, result):
        self.note(result, "skipped")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.note(result, "failed")

    v2_runner_item_on_ok = v2_runner_on_ok
    v2_runner_item_on_skipped = v2_runner_on_skipped
    v2_runner_item_on_failed = v2_runner_on_failed


def line(task, output, outcome):
    """Return what is kept of one result."""
    action, arguments, diffs = task.action.rpartition(".")[2], (output.get("invocation") or {}).get("module_args") or {}, output.get("diff") or []
    texts = (output.get("msg"), output.get("skip_reason"), output.get("false_condition"), output.get("stderr") if outcome == "failed" else None)
    return {
        "role": task._role.get_name().rpartition(".")[2] if task._role else "",
        "task": task.name,
        "action": action,
        "outcome": outcome,
        "changed": bool(output.get("changed")),
        "hidden": "censored" in output,
        "arguments": {name: arguments[name] for name in ARGUMENTS if arguments.get(name) is not None},
        "paths": output.get("changed_paths") or [],
        "actions": [str(each) for each in output.get("actions") or []],
        "diff": [each for each in (diffs if isinstance(diffs, list) else [diffs]) if each],
        "simulated": str(output.get("stdout") or "") if action == "apt" else "",
        "says": " ".join(str(text) for text in texts if text),
    }
