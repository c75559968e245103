# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs that change a host: run and listed, in check mode only listed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import systemd


def result(actions: Collection[str]) -> dict[str, Any]:
    """Return what a module says of its actions: whether there are any, and each on a line of the diff."""
    return {"changed": bool(actions), "actions": list(actions), "diff": {"prepared": "".join(f"{each}\n" for each in actions)}}


def warn_of_pending(module: AnsibleModule, pending: Mapping[str, Collection[str]]) -> None:
    """Warn of what runs without its new files (unit or instance → files), because its restart needs an explicit yes."""
    for name, files in pending.items():
        module.warn(f"{name} runs without {', '.join(files)} until it is restarted, which needs an explicit yes (-e unde_may_restart=true)")


class Failed(Exception):
    """A program did not do what it was run for, or the host is not as it should be afterwards; in words that a person can act on."""


class Actions:
    """What was (in check mode: would be) done to a host, in order."""

    def __init__(self, run: systemd.Run, check_mode: bool) -> None:
        """Take ``AnsibleModule.run_command``, and whether it is only to be told what would be done."""
        self.run_command, self.check_mode = run, check_mode
        self.done: list[str] = []

    def run(self, words: list[str]) -> tuple[int, str, str]:
        """Run a program; one that is not installed, as before a first run in check mode, fails like any other."""
        try:
            return self.run_command(words, handle_exceptions=False)
        except FileNotFoundError as error:
            return 127, "", str(error)

    def note(self, action: str) -> bool:
        """List something that is not a program's; return whether it is really to be done."""
        self.done.append(action)
        return not self.check_mode

    def do(self, *words: str, said: str = "", journal: str = "") -> None:
        """Run a program; ``said`` is how it is listed, where not by its words.

        Raises:
            Failed: it fails; with the last lines that systemd has of the unit ``journal``.

        """
        if not self.note(said or " ".join(words)):
            return
        code, _output, complaint = self.run(list(words))
        if code != 0:
            lines = self.output("journalctl", "--no-pager", "-o", "cat", "-n", "20", "-u", journal) if journal else ""
            raise Failed(f"{self.done[-1]}: {complaint.strip()}\n{lines}".strip())

    def output(self, *words: str) -> str:
        """Return what a program that changes nothing prints; empty where it fails."""
        code, output, _complaint = self.run(list(words))
        return output if code == 0 else ""
