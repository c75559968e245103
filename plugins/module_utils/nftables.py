# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A table of nftables that a unit of systemd loads: which rules are loaded, and what brings the wanted ones there.

The comment of a table carries the identity of its rules, ``rules <id>``: what is loaded is compared, not what was written.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from ansible_collections.unde.infra.plugins.module_utils import systemd

FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


class Refused(Exception):
    """What stands in the way, in words that a person can act on."""


class Ruleset:
    """The rules of one table."""

    def __init__(self, table: str, unit: str, run: systemd.Run, check_mode: bool) -> None:
        """Take the table with its family, the unit that loads it, what runs programs, and whether nothing may be changed."""
        self.table, self.unit, self.run, self.check_mode = table, unit, run, check_mode
        self.actions: list[str] = []

    def loaded_id(self) -> str:
        """Return the identity of the loaded rules; empty where none are."""
        if shutil.which("nft") is None:
            return ""
        found = re.search(r'comment "rules (\w+)', self.run(["nft", "-t", "list", "table", *self.table.split()])[1])
        return found[1] if found else ""

    def commands(self, rules_id: str, daemon_reload: bool) -> list[list[str]]:
        """Return the commands that have the wanted rules loaded, now and after each boot."""
        state = systemd.properties(self.run, self.unit, "UnitFileState", "ActiveState", "NeedDaemonReload")
        commands = []
        if daemon_reload or state.get("NeedDaemonReload") == "yes":
            commands.append(["systemctl", "daemon-reload"])
        if state.get("UnitFileState") != "enabled":
            commands.append(["systemctl", "enable", self.unit])
        if state.get("ActiveState") != "active":
            commands.append(["systemctl", "start", self.unit])
        elif self.loaded_id() != rules_id:
            commands.append(["systemctl", "reload", self.unit])
        return commands

    def act(self, command: list[str]) -> None:
        """Run a command, in check mode only list it.

        Raises:
            Refused: it fails; with the last lines that systemd has of the unit.

        """
        self.actions.append(" ".join(command))
        if self.check_mode:
            return
        code, _output, complaint = self.run(command)
        if code != 0:
            said = self.run(["journalctl", "--no-pager", "-o", "cat", "-n", "20", "-u", self.unit])[1]
            raise Refused(f"{self.actions[-1]}: {complaint.strip()}\n{said}")

    def load(self, rules_id: str, file: str, daemon_reload: bool = False) -> None:
        """Load the rules where others are loaded.

        Raises:
            Refused: the unit does not load them, or loads others.

        """
        for command in self.commands(rules_id, daemon_reload):
            self.act(command)
        if not self.check_mode and self.loaded_id() != rules_id:
            raise Refused(f"the table {self.table} that is loaded is not the one of {file}, although {self.unit} was loaded")

    def remove(self) -> None:
        """Load the rules no more, and delete the table. A unit that does not exist is not stopped.

        Raises:
            Refused: the table or the unit stays.

        """
        state = systemd.properties(self.run, self.unit, "UnitFileState", "ActiveState")
        if state.get("UnitFileState") == "enabled":
            self.act(["systemctl", "disable", self.unit])
        if state.get("ActiveState") == "active":
            self.act(["systemctl", "stop", self.unit])
        if shutil.which("nft") and self.run(["nft", "-t", "list", "table", *self.table.split()])[0] == 0:
            self.act(["nft", "delete", "table", *self.table.split()])

    def forward(self) -> None:
        """Let the kernel forward IPv4.

        Raises:
            Refused: it does not, and cannot be told to.

        """
        if FORWARDING.read_text().strip() == "1":
            return
        self.actions.append("ip_forward = 1")
        if self.check_mode:
            return
        try:
            FORWARDING.write_text("1")
        except OSError as error:
            raise Refused(
                f"the kernel does not forward and {FORWARDING} cannot be written ({os.strerror(error.errno or 0)}): start the container with "
                "--sysctl net.ipv4.ip_forward=1"
            ) from error
