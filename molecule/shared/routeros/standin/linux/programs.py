"""Linux's own programs; what they refuse, the router refuses."""

from __future__ import annotations

import subprocess

from ..errors import Trap


def program(*words: str, stdin: str = "") -> str:
    """Run a program and return what it prints.

    Raises:
        Trap: it refused.

    """
    done = subprocess.run(words, input=stdin, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise Trap(f"failure: {words[0]}: {(done.stderr.strip() or 'refused').splitlines()[0]}", 0)
    return done.stdout


def succeeds(*words: str) -> bool:
    """Return whether a program does what it is asked."""
    return subprocess.run(words, capture_output=True, check=False).returncode == 0
