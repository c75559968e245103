# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What systemd and the kernel say of a unit and of its main process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

#: What runs a program: its words → exit code, output and complaints, as ``AnsibleModule.run_command`` does.
Run = Callable[..., tuple[int, str, str]]


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
