"""What the commands of this role share: where things are, how they take an order, refuse, and report.

Each command reads one JSON object from standard input (secrets therefore never stand on a command line),
prints one JSON object with at least `changed`, and ends with status 1 and one sentence on stderr when it refuses.
"""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

TOOL = Path(__file__).resolve().parent
PROGRAMS = Path("/opt/unde")
SETTINGS = Path("/etc/unde/app")
STATE = Path("/var/lib/unde/app_service")
UNITS = Path("/etc/systemd/system")
# Memory: what must never reach a disk waits here for its service to start.
VOLATILE = Path("/run/unde/app-keys")
# What a service that runs has been handed.
HANDED = Path("/run/unde/app")

Service = dict[str, Any]


def read_order() -> dict[str, Any]:
    """Return what the caller asks for; `check` is true when nothing may be changed."""
    # Root's umask may be 077: what is made here is read by others.
    os.umask(0o022)
    # What the programs called here say is read: in English, whatever the language of who logs in.
    os.environ.update(LC_ALL="C.UTF-8", LANGUAGE="")
    order: dict[str, Any] = json.load(sys.stdin)
    order["check"] = "--check" in sys.argv[1:]
    return order


class Refused(Exception):
    """Nothing was done, or what was begun was undone; the text is one readable sentence."""


def report(changed: bool, **rest: object) -> NoReturn:
    """End with the one JSON object that the role reads."""
    print(json.dumps({"changed": changed, **rest}))
    sys.exit(0)


def run(*argv: str, check: bool = True) -> str:
    """Run a command and return what it prints.

    Raises:
        Refused: it ended badly and `check` is set; the text is what it said.

    """
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise Refused(f"{argv[0]} ended with status {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout.strip()


def unit(name: str) -> str:
    """Return the unit that runs a service."""
    return f"unde-{name}.service"


def user(name: str) -> str:
    """Return the system user of a service."""
    return f"unde-{name}"


def text_of(path: Path) -> str | None:
    """Return what a file holds, or None where there is none."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def write(path: Path, content: str, mode: int = 0o644) -> None:
    """Write a file as a whole; for no moment can anybody read it who may not later."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=".unde-")
    try:
        with os.fdopen(handle, "w") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.chmod(beside, mode)
        os.rename(beside, path)
    except OSError:
        os.unlink(beside)
        raise


def exists(account: str) -> bool:
    """Tell whether there is a user of that name."""
    try:
        pwd.getpwnam(account)
    except KeyError:
        return False
    return True
