"""The command ``unde-posthog``: health, settle, topics, backup, list, restore NAME, pending, may-upgrade, standing, up, secrets, metrics FILE."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from . import metrics, secrets, topics
from .backup import Backups
from .compose import Failed, Stack

SETTINGS = Path("/etc/unde/posthog/stack.json")
#: Outside the stack: it tells of containers, not of files.
BROUGHT = Path("/var/lib/posthog/brought.json")
HOUR = 3600
COMMANDS = ("health", "settle", "topics", "backup", "list", "restore", "pending", "may-upgrade", "standing", "up", "secrets", "metrics")


class Tool:
    """The commands."""

    def __init__(self, settings: dict[str, Any]) -> None:
        """Take the settings."""
        self.settings = settings
        self.stack = Stack(Path(settings["directory"]), Path(settings["data"]), settings["health_url"], frozenset(settings["once"]))
        self.backups = Backups(self.stack, Path(settings["backups"]), settings["backups_kept"])

    def health(self, _: str) -> None:
        """Fail with everything that is wrong."""
        unhealthy = self.stack.unhealthy_services()
        if unhealthy:
            raise Failed("; ".join(unhealthy))
        print("well")

    def settle(self, _: str) -> None:
        """Wait until all is well, then see it stay so: no container is started again meanwhile."""
        end = time.monotonic() + self.settings["start_timeout_s"]
        while unhealthy := self.stack.unhealthy_services():
            if time.monotonic() > end:
                raise Failed(f"not well after {self.settings['start_timeout_s']} s: {'; '.join(unhealthy)}")
            time.sleep(1)
        before, end = self.stack.restarts(), time.monotonic() + self.settings["stable_s"]
        while time.monotonic() < end:
            time.sleep(min(2, self.settings["stable_s"]))
            again = sorted(name for name, each in self.stack.restarts().items() if before.get(name) != each)
            if again:
                raise Failed(f"started again within {self.settings['stable_s']} s: {', '.join(again)}")
        self.health("")

    def topics(self, _: str) -> None:
        """Make the topics that are missing; say which."""
        for made in topics.ensure(self.stack, topics.wanted(self.stack.directory / "posthog/docker/kafka/topics.txt", self.settings["topics"])):
            print(made)

    def backup(self, _: str) -> None:
        """Make a backup."""
        print(self.backups.make(lambda part: print(part, flush=True)))

    def list(self, _: str) -> None:
        """Print the backups that count, oldest first."""
        for each in self.backups.finished():
            print(each.name)

    def restore(self, name: str) -> None:
        """Put a backup in the place of what is there."""
        self.backups.restore(name, lambda part: print(part, flush=True))
        self.settle("")

    def pending(self, _: str) -> None:
        """Print what a run is about: ``first``, ``upgrade`` with the pins that were, or nothing."""
        brought = self.brought()
        if not brought:
            print("first")
        elif brought["pins"] != self.settings["pins"]:
            print(f"upgrade {brought['pins']}")

    def standing(self, _: str) -> None:
        """Print whether the containers are what the files say: ``current`` or ``behind``."""
        brought = self.brought()
        print("current" if brought and brought["digest"] == self.stack.digest() and not self.stack.unhealthy_services() else "behind")

    def up(self, _: str) -> None:
        """Bring the containers to what the files say, wait until they are well, and remember it."""
        self.stack.run("up", "--detach", "--remove-orphans", "--pull", "missing" if self.settings["fetches"] else "never")
        self.settle("")
        self.topics("")
        BROUGHT.write_text(json.dumps({"pins": self.settings["pins"], "digest": self.stack.digest()}) + "\n", encoding="utf-8")

    def brought(self) -> dict[str, Any]:
        """Return what was brought up last; nothing where nothing was."""
        return json.loads(BROUGHT.read_text(encoding="utf-8")) if BROUGHT.exists() else {}

    def may_upgrade(self, _: str) -> None:
        """Fail unless a backup is young enough and all is well."""
        age = self.backups.newest_age_s()
        if age > self.settings["backup_age_h"] * HOUR:
            raise Failed(f"the newest backup is {'not there' if age == float('inf') else f'{age / HOUR:.0f} h old'}: run `systemctl start unde-posthog-backup`")
        self.health("")
        print(self.backups.finished()[-1].name)

    def secrets(self, _: str) -> None:
        """Print the Compose file that replaces upstream's known password."""
        files = [word for file in self.settings["upstream"] for word in ("--file", file)]
        print(secrets.override(json.loads(self.stack.run(*files, "config", "--no-interpolate", "--format", "json"))), end="")

    def metrics(self, file: str) -> None:
        """Leave what the node exporter shall tell."""
        metrics.write(self.stack, self.settings["gate_url"], Path(file))


def main() -> int:
    """Do one thing."""
    # Root's umask may be 077: what is made here is read by others.
    os.umask(0o022)
    # What the programs called here say is read: in English, whatever the language of who logs in.
    os.environ.update(LC_ALL="C.UTF-8", LANGUAGE="")
    parser = argparse.ArgumentParser(prog="unde-posthog", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("name", nargs="?", default="")
    arguments = parser.parse_args()
    tool = Tool(json.loads(SETTINGS.read_text(encoding="utf-8")))
    try:
        getattr(tool, arguments.command.replace("-", "_"))(arguments.name)
    except Failed as error:
        print(f"unde-posthog {arguments.command}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
