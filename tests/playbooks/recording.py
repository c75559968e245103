"""Runs a playbook on hosts that are none: what would have run is written down, nothing does, and no packet leaves."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import support

HERE = Path(__file__).parent
#: All hosts are ours to build, and are reached by the connection that records.
OVERLAY: dict[str, Any] = {
    "hosts": {"*": {"state": "create", "adopt": []}},
    "shards": {"replica": {"only": {0: {"state": "create", "adopt": []}}}},
    "vars": {"ansible_connection": "recorder", "ansible_host": "<host>"},
}
#: What only asks.
READS = re.compile(
    r"endpoint health|patronictl (-c \S+ )?list|patronictl show-config|ping -n|SELECT |^ping$|/patroni\b|unde-posthog list"
    r"|\b(setup|stat|slurp|knock|wait_for|contact_info|gates_info)\b"
)


@dataclass(frozen=True)
class Module:
    """A module that would have run on a host."""

    host: str
    name: str
    said: str
    check: bool
    user: str | None

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.check or bool(READS.search(self.name) or READS.search(self.said))


@dataclass(frozen=True)
class Played:
    """What became of a run."""

    code: int
    text: str
    modules: tuple[Module, ...]

    @property
    def changing(self) -> list[Module]:
        """The modules that would have changed something."""
        return [module for module in self.modules if not module.reads]

    def ran(self, pattern: str) -> list[str]:
        """Return the hosts on which something ran that has the pattern."""
        return [module.host for module in self.modules if re.search(pattern, f"{module.name} {module.said}")]


def play(
    folder: Path, playbook: str, *words: str, answers: Iterable[tuple[str, Mapping[str, Any]]] = (), overlay: Mapping[str, Any] = OVERLAY, **environment: str
) -> Played:
    """Run a playbook; answers: pattern in ``<host> <module> <arguments>`` → what the module says."""
    record = folder / "record"
    record.write_text("")
    (folder / "answers").write_text(json.dumps(list(answers)))
    # The same file in every test: its plan is made once.
    told = yaml.safe_dump(dict(overlay))
    laid = folder.parent / f"overlay-{zlib.crc32(told.encode())}.yml"
    laid.write_text(told)
    done = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), f"playbooks/{playbook}", *words], cwd=support.ROOT, text=True, capture_output=True, check=False,
        env={
            **os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(support.ROOT / "generator"),
            "UNDE_OVERLAY": str(laid), "UNDE_SET": "", "UNDE_RECORD": str(record), "UNDE_ANSWERS": str(folder / "answers"),
            "ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection"), "ANSIBLE_STRATEGY": "linear", "ANSIBLE_NOCOLOR": "true", "ANSIBLE_RETRIES": "0",
            **environment,
        },
    )
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    modules = tuple(Module(line["host"], line["module"], json.dumps(line["arguments"]), line["check"], line["user"]) for line in lines)
    return Played(done.returncode, " ".join((done.stdout + done.stderr).split()), modules)
