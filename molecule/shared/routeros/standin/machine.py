"""What is around the router: its network namespace, its cable to the host's bridge, power on and off."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from .guest import CONFIGURATION, REBOOT
from .linux.programs import program, succeeds

DEVICES = Path("/sys/class/net")
NAMESPACES = Path("/run/netns")
#: How often it is looked whether the cable is still plugged in.
LOOK_SECONDS = 0.5
#: How long a reboot takes at least.
DOWN_SECONDS = 2.0


@dataclass
class Machine:
    """One guest.

    Attributes:
        name: of the guest.
        mac: of its network card.
        bridge: that its cable is plugged into, as soon as there is one.

    """

    name: str
    mac: str
    bridge: str
    stopping: bool = False

    @property
    def namespace(self) -> str:
        """Return the network namespace's name."""
        return f"chr-{self.name}"

    @property
    def cable(self) -> str:
        """Return the name of the cable's end at the host."""
        return f"vnet-{self.name}"

    def run(self) -> int:
        """Be on until stopped, however often the router restarts; return its last exit status."""
        signal.signal(signal.SIGTERM, self._stop)
        self._off()
        while True:
            self._on()
            guest = subprocess.Popen(["ip", "netns", "exec", self.namespace, sys.executable, "-m", "standin", "guest", self.name])
            while guest.poll() is None:
                if self.stopping:
                    guest.terminate()
                else:
                    self._plug()
                try:
                    guest.wait(LOOK_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
            self._off()
            if self.stopping or guest.returncode != REBOOT:
                return guest.returncode
            time.sleep(DOWN_SECONDS)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _on(self) -> None:
        program("ip", "netns", "add", self.namespace)
        # As libvirt does: the host's end has the guest's address but for its first byte, high enough not to become the bridge's.
        program("ip", "link", "add", self.cable, "address", f"fe{self.mac[2:]}", "type", "veth",
                "peer", "name", "ether1", "address", self.mac, "netns", self.namespace)  # fmt: skip
        program("ip", "link", "set", self.cable, "up")

    def _off(self) -> None:
        succeeds("ip", "link", "delete", self.cable)
        if (NAMESPACES / self.namespace).exists():
            # Tunnels and DHCP clients outlive the router, and the namespace would live as long as they do.
            for number in program("ip", "netns", "pids", self.namespace).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(number), signal.SIGKILL)
            program("ip", "netns", "delete", self.namespace)

    def _plug(self) -> None:
        """Put the cable into the bridge where there is one and it is not yet there."""
        master = DEVICES / self.cable / "master"
        if (DEVICES / self.bridge / "bridge").exists() and not (master.exists() and master.resolve().name == self.bridge):
            succeeds("ip", "link", "set", self.cable, "master", self.bridge)


def main(name: str) -> int:
    """Run the guest that a file describes."""
    settings = json.loads((CONFIGURATION / f"{name}.json").read_text())
    return Machine(name, settings["mac"].lower(), settings["bridge"]).run()
