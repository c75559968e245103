"""Compare what a scenario's run in check mode tells with what its first run then does, task by task of its roles."""

from __future__ import annotations

DOCUMENTATION = r"""
name: check_mode
type: notification
short_description: Compare what check mode tells with what the run then does
description:
  - In check mode, keeps which tasks of roles reported a change; the next run without it is compared, and each task that changed a host in one of the two alone
    is written to C(.cache/test/check_mode/<scenario>.json), where scripts/steps.py judges it.
  - The record of what was told is in C(MOLECULE_EPHEMERAL_DIRECTORY), and gone when it was compared.
requirements:
  - Enabled by the scenarios' configuration (.config/molecule/config.yml).
"""

import json
import os
from pathlib import Path

from ansible import context
from ansible.plugins.callback import CallbackBase

RECORD = "check_mode.json"


class CallbackModule(CallbackBase):
    """One line for each task that is told and not done, or done and not told."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "check_mode"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self.changed = set()
        folder = os.environ.get("MOLECULE_EPHEMERAL_DIRECTORY")
        self.record = Path(folder, RECORD) if folder else None

    def v2_runner_on_ok(self, result):
        task = result._task
        if task._role and result._result.get("changed"):
            self.changed.add((task._role.get_name().rpartition(".")[2], task.name, result._host.get_name()))

    def v2_playbook_on_stats(self, stats):
        if self.record is None:
            return
        if context.CLIARGS.get("check"):
            self.record.write_text(json.dumps(sorted(self.changed)))
        elif self.record.is_file():
            told = {tuple(each) for each in json.loads(self.record.read_text())}
            self.record.unlink()
            differences = {"done and not told": sorted(self.changed - told), "told and not done": sorted(told - self.changed)}
            result = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"], ".cache/test/check_mode", f"{os.environ['MOLECULE_SCENARIO_NAME']}.json")
            result.parent.mkdir(parents=True, exist_ok=True)
            result.write_text(json.dumps(differences, indent=2) + "\n")
