# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What systemd and the kernel say of a unit and of its main process."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

#: What runs a program: its words → exit code, output and complaints, as ``AnsibleModule.run_command`` does.
Run = Callable[..., tuple[int, str, str]]
#: Properties that a Unit is made of.
PROPERTIES = ("LoadState", "ActiveState", "UnitFileState", "NeedDaemonReload", "ActiveEnterTimestamp", "StateChangeTimestamp")
#: What `systemctl is-enabled` takes for enabled: systemctl(1), table 2.
ENABLED = frozenset({"enabled", "enabled-runtime", "static", "alias", "indirect", "generated"})
#: States of a unit that runs, or is about to: systemctl(1), `is-active`.
ACTIVE = frozenset({"active", "reloading", "activating", "refreshing"})


def assignments(text: str) -> dict[str, str]:
    """Return the lines of the form KEY=value; comments are skipped."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


def properties(run: Run, unit: str, *names: str) -> dict[str, str]:
    """Return properties of a unit, as ``systemctl show`` has them; nothing where systemd does not answer."""
    return assignments(run(["systemctl", "show", unit, f"--property={','.join(names)}"])[1])


def environment(pid: int) -> dict[str, str] | None:
    """Return the environment that a process was started with; None where it has ended."""
    try:
        return assignments(Path(f"/proc/{pid}/environ").read_text().replace("\0", "\n"))
    except OSError:
        return None


def properties_of(run: Run, units: list[str], *names: str, options: tuple[str, ...] = ()) -> dict[str, dict[str, str]]:
    """Return properties of several units, asked for at once; the answer has them in the order of the question, a blank line between two.

    Of a unit that is not in the answer, as where systemd does not answer at all, nothing is known.
    """
    if not units:
        return {}
    said = run(["systemctl", "show", *options, f"--property={','.join(names)}", *units])[1]
    blocks = said.strip("\n").split("\n\n")
    return {unit: assignments(block) for unit, block in zip(units, [*blocks, *[""] * len(units)], strict=False)}


def moment(text: str) -> float:
    """Return a time stamp of ``systemctl --timestamp=us+utc`` as seconds since 1970; 0 where there is none."""
    found = re.search(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d+)?", text)
    if found is None:
        return 0.0
    whole = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
    return whole.timestamp() + float(found[2] or 0)


@dataclass(frozen=True)
class Unit:
    """A unit as systemd has it now.

    Attributes:
        exists: there is a unit file.
        started: when it last became active, seconds since 1970; 0 for one that never did.
        changed: when its state last changed, a reload included.

    """

    name: str
    exists: bool
    active: bool
    enabled: bool
    masked: bool
    needs_daemon_reload: bool
    started: float
    changed: float

    @classmethod
    def read(cls, name: str, said: dict[str, str]) -> Unit:
        """Take the properties of a unit."""
        return cls(
            name=name,
            exists=said.get("LoadState", "not-found") not in ("not-found", "masked"),
            active=said.get("ActiveState") in ACTIVE,
            enabled=said.get("UnitFileState") in ENABLED,
            masked=said.get("LoadState") == "masked",
            needs_daemon_reload=said.get("NeedDaemonReload") == "yes",
            started=moment(said.get("ActiveEnterTimestamp", "")),
            changed=moment(said.get("StateChangeTimestamp", "")),
        )


def units(run: Run, names: Iterable[str]) -> dict[str, Unit]:
    """Return units by their names, asked for in one call."""
    said = properties_of(run, list(names), *PROPERTIES, options=("--timestamp=us+utc",))
    return {name: Unit.read(name, each) for name, each in said.items()}


def files(patterns: Iterable[str]) -> list[str]:
    """Return the files that names with wildcards stand for, sorted; a name without one stands for itself, whether it is there or not."""
    return sorted({path for pattern in patterns for path in (glob.glob(pattern) if glob.has_magic(pattern) else [pattern])})


def younger(patterns: Iterable[str], since: float) -> list[str]:
    """Return the files that were written after a moment (seconds since 1970), by the time of their last change: a rename and another mode count, too."""
    return [path for path in files(patterns) if os.path.exists(path) and os.stat(path).st_ctime > since]
