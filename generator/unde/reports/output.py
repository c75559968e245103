"""What is written to, whatever it can hold: a terminal of an old encoding, a closed pipe, a full disk."""

from __future__ import annotations

import codecs
import os
import sys
from contextlib import suppress
from typing import TextIO

from ..errors import WrongCall

#: Marks of our messages that an old encoding lacks → what is written there.
PLAIN = {"—": "-", "–": "-", "→": "->", "←": "<-", "…": "...", "×": "x", "·": "*", "≤": "<=", "≥": ">=", "’": "'", "“": '"', "”": '"', "§": "S", "€": "EUR "}
HANDLER = "unde.plain"


def prepare() -> None:
    """Make the streams ready: what their encoding lacks is written another way, and a stream that is closed takes nothing.

    Raises:
        SystemExit: standard output is closed, so that nothing could be said.

    """
    codecs.register_error(HANDLER, _replaced)
    if sys.stderr is None:  # print() would write to standard output instead
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (for the rest of the process)
    if sys.stdout is None:
        print("ERROR standard output is closed: nothing can be said", file=sys.stderr)
        raise SystemExit(2)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=HANDLER)


def _replaced(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return what stands for characters that an encoding lacks: a plain mark, or the escape that JSON has for it."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(PLAIN.get(each) or each.encode("ascii", "backslashreplace").decode() for each in text), error.end


def holds(text: str) -> bool:
    """Return whether standard output's encoding has every character of a text."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def show(text: str) -> None:
    """Print text; who reads may close the pipe when they have seen enough, and that is no error.

    Raises:
        WrongCall: it cannot be written.

    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        _leave(sys.stdout)
        raise SystemExit(0) from None
    except OSError as error:
        _leave(sys.stdout)
        raise WrongCall(f"standard output: cannot be written: {error.strerror}") from error


def complain(text: str) -> None:
    """Print a message for people; where nobody can hear it, there is nothing more to do."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        _leave(sys.stderr)


def bug(error: Exception) -> str:
    """Return the line that tells of an error which is none of the user's."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f" ({os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno})" if trace else ""
    text = " ".join(str(error).split())[:200]
    return f"ERROR this is a mistake in unde, not in what it was given: {type(error).__name__}: {text}{where} — report it; UNDE_TRACEBACK=1 shows where"


def _leave(stream: TextIO) -> None:
    """Let a stream lead nowhere: Python must not find it broken again when it flushes at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
