# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A libvirt domain of the system, by ``virsh``: as it is wanted, as it is defined, and as it runs.

A domain carries the identity of its definition as its description: the defined one and, until the next restart, the running one. So what differs is known
without comparing XML, which libvirt fills up with what it has chosen itself.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from pathlib import Path

from ansible_collections.unde.infra.plugins.module_utils import systemd
from ansible_collections.unde.infra.plugins.module_utils.actions import Actions, Failed

VIRSH = Path("/usr/bin/virsh")
CALL = ("virsh", "--quiet", "--connect", "qemu:///system")
#: Where a definition leaves room for its identity.
ROOM = "<description/>"


class Domain:
    """A domain as it is."""

    def __init__(self, name: str, run: systemd.Run) -> None:
        """Ask for its state; without virsh there is nothing to ask, as on a host before the package is installed."""
        self.name, self.run = name, run
        self.state = self.ask("domstate", name)
        self.defined = self.ask("desc", name, "--config")
        self.running = self.ask("desc", name, "--live") if self.state == "running" else ""
        self.autostart = any(line.split() == ["Autostart:", "enable"] for line in self.ask("dominfo", name).splitlines())

    def ask(self, *words: str) -> str:
        """Return what virsh answers; nothing where it fails, as for a domain that there is not."""
        if not VIRSH.exists():
            return ""
        code, output, _complaint = self.run([*CALL, *words])
        return output.strip() if code == 0 else ""


def do(actions: Actions, *words: str) -> None:
    """Let virsh act."""
    actions.do(*CALL, *words, said=f"virsh {' '.join(words)}")


def keep_running(name: str, definition: str, may_restart: bool, timeout_s: float, actions: Actions) -> bool:
    """Define a domain as it is wanted and keep it running; return whether it runs by an older definition still, since it may not be restarted.

    Raises:
        Failed: virsh fails, the definition has no room for its identity, or the domain does not shut down in that time.

    """
    if ROOM not in definition:
        raise Failed(f"the definition of {name} has no {ROOM}, where its identity belongs")
    identity = hashlib.sha256(definition.encode()).hexdigest()
    domain = Domain(name, actions.run)
    if domain.defined != identity:
        define(name, definition.replace(ROOM, f"<description>{identity}</description>"), actions)
    if not domain.autostart:
        do(actions, "autostart", name)
    if domain.state == "paused":
        do(actions, "resume", name)
    elif domain.state != "running":
        do(actions, "start", name)
    elif domain.running != identity and may_restart:
        restart(name, timeout_s, actions)
    elif domain.running != identity:
        return True
    return False


def define(name: str, definition: str, actions: Actions) -> None:
    """Define a domain; a running one stays as it is until its next start."""
    with tempfile.NamedTemporaryFile("w", prefix=name + "-", suffix=".xml", encoding="utf-8") as file:
        file.write(definition)
        file.flush()
        actions.do(*CALL, "define", "--validate", file.name, said=f"virsh define {name}")


def restart(name: str, timeout_s: float, actions: Actions) -> None:
    """Ask a domain to shut down, and start it as it is defined now."""
    do(actions, "shutdown", name)
    end = time.monotonic() + timeout_s
    while not actions.check_mode and Domain(name, actions.run).state != "shut off":
        if time.monotonic() > end:
            raise Failed(f"{name} did not shut down within {timeout_s:g} s; it runs on as it was")
        time.sleep(0.5)
    do(actions, "start", name)


def stop(name: str, actions: Actions) -> None:
    """Start a domain no more with its host, and ask it to shut down where it runs; nobody waits. One that there is not is left alone."""
    domain = Domain(name, actions.run)
    if domain.autostart:
        do(actions, "autostart", "--disable", name)
    if domain.state == "running":
        do(actions, "shutdown", name)
