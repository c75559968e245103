"""Compare what a scenario's run in check mode tells with what its first run then does, task by task of its roles."""

from __future__ import annotations

DOCUMENTATION = r"""
name: check_mode
type: notification
short_description: Compare what check mode tells with what the run then does
description:
  - In check mode, keeps which tasks of the collection's roles reported a change; the next run without it is compared, and each task that changed a host in
    one of the two alone is written to C(.cache/test/check_mode/<scenario>.json), where scripts/steps.py judges it. Of a scenario the first such pair counts,
    and none of its verification, where what is checked and what then runs may differ on purpose.
  - A change that a run makes once may be told by two roles of one host, since the first has not made it yet when the second looks. It counts once then.
    A change is one module with one set of arguments; of apt, the packages that would be installed.
  - The record of what was told is in C(MOLECULE_EPHEMERAL_DIRECTORY), and gone when it was compared.
requirements:
  - Enabled by the scenarios' configuration (.config/molecule/config.yml).
"""

import json
import os
import re
from pathlib import Path

from ansible import context
from ansible.plugins.callback import CallbackBase

RECORD, COMPARED = "check_mode.json", "check_mode.compared"
#: How the names of the collection's roles begin.
OURS = "unde.infra."


def changes_of(action, result):
    """Return what a task would do, each change in a form of its own; nothing where that cannot be known."""
    if action == "apt":
        return {f"install {name}" for name in re.findall(r"^Inst (\S+)", result.get("stdout") or "", re.MULTILINE)}
    arguments = (result.get("invocation") or {}).get("module_args")
    return {f"{action} {json.dumps(arguments, sort_keys=True, default=str)}"} if arguments else set()


class CallbackModule(CallbackBase):
    """One line for each task that is told and not done, or done and not told."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "check_mode"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self.changed = set()
        #: Host → what was told of it so far, each change in a form of its own.
        self.told = {}
        folder = os.environ.get("MOLECULE_EPHEMERAL_DIRECTORY")
        self.record = Path(folder, RECORD) if folder and not Path(folder, COMPARED).exists() else None

    def v2_playbook_on_start(self, playbook):
        if self.record and Path(playbook._file_name).name == "verify.yml":
            self.record.with_name(COMPARED).touch()
            self.record = None

    def v2_runner_on_ok(self, result):
        task = result._task
        role = task._role.get_name() if task._role else ""
        if role.startswith(OURS) and result._result.get("changed") and not (context.CLIARGS.get("check") and self.was_told(result)):
            self.changed.add((role.removeprefix(OURS), task.name, result._host.get_name()))

    def was_told(self, result):
        """Return whether all that a task would do was told of its host before."""
        changes = changes_of(result._task.action.rpartition(".")[2], result._result)
        before = self.told.setdefault(result._host.get_name(), set())
        new = changes - before
        before |= new
        return bool(changes) and not new

    def v2_playbook_on_stats(self, stats):
        if self.record is None:
            return
        if context.CLIARGS.get("check"):
            self.record.write_text(json.dumps(sorted(self.changed)))
        elif self.record.is_file():
            told = {tuple(each) for each in json.loads(self.record.read_text())}
            self.record.rename(self.record.with_name(COMPARED))
            differences = {"done and not told": sorted(self.changed - told), "told and not done": sorted(told - self.changed)}
            result = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"], ".cache/test/check_mode", f"{os.environ['MOLECULE_SCENARIO_NAME']}.json")
            result.parent.mkdir(parents=True, exist_ok=True)
            result.write_text(json.dumps(differences, indent=2) + "\n")
