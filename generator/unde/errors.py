"""What can be said about a layout: findings, and the errors that carry them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Level = Literal["error", "warning"]
MANY = 12  #: more problems of one file than these are counted instead of told


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong (level error) or doubtful (level warning) in a layout.

    Attributes:
        file: the file that holds the value.
        line: its line, counted from 1; 0 when the value stands in no file.
        path: the dotted data path, as ``hosts.local-app.address``.
        level: ``error`` refuses the layout, ``warning`` does not.
        rule: the id of the rule, stable across releases.
        message: what is wrong, both parties of a conflict named.
        fix: how to mend it.

    """

    file: str
    line: int
    path: str
    level: Level
    rule: str
    message: str
    fix: str

    def __str__(self) -> str:
        """Return the one-line form of the contract: ``LEVEL RULE-ID file:line path — message — fix``."""
        line = f"{self.level.upper()} {self.rule} {self.file}:{self.line} {self.path} — {self.message} — {self.fix}"
        return line.replace("\n", "\\n")


class UndeError(Exception):
    """Base of all errors that this package raises on purpose; its text is made for people."""


class UnreadableLayout(UndeError):
    """The layout cannot be read at all: no such file, or not YAML (exit code 2)."""


class WrongCall(UndeError):
    """The command was called with something that it cannot do (exit code 2)."""


class UnreadableHistory(WrongCall):
    """What a drill has written down cannot be judged: torn, wrong, or not all there (exit code 2).

    Attributes:
        problems: everything found, each with its file and line.

    """

    def __init__(self, problems: Sequence[str]) -> None:
        """Keep the problems; the text is one line for each of the first."""
        self.problems = tuple(problems)
        more = [f"and {len(problems) - MANY} more"] if len(problems) > MANY else []
        super().__init__("\nERROR ".join([*problems[:MANY], *more]))


class InvalidLayout(UndeError):
    """The layout can be read but not accepted (exit code 1).

    Attributes:
        findings: everything found at this stage, at least one of level error.

    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        """Keep the findings; the text is one line for each."""
        self.findings = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


def clipped(value: object) -> str:
    """Return a value for a message; of a long one its beginning."""
    text = str(value)
    return text if len(text) <= 100 else f"{text[:80]}… ({len(text)} characters)"


def nearest(value: str, known: Iterable[str]) -> str:
    """Return the fix for an unknown name: the nearest known one, or all of them."""
    options = list(known)
    near = get_close_matches(value, options, 1, 0.6)
    return f"did you mean '{near[0]}'?" if near else f"one of: {', '.join(options)}"
