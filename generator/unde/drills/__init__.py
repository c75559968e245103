"""What a drill measured, and whether that is what was promised: from the files of its folder to a report.

Pure: a folder is read once (:func:`read`), the rest is a function of what was read; nothing is asked of any host. The format of the files
is a contract (``docs/drills.md``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .figures import Figures, figures
from .foretold import Comparison, comparisons
from .history import History, read

__all__ = ["Comparison", "Figures", "History", "Judgement", "judge", "read"]


@dataclass(frozen=True)
class Judgement:
    """A run, what it measured, and how that stands to what was said before."""

    folder: Path
    history: History
    figures: Figures
    comparisons: tuple[Comparison, ...]

    @property
    def held(self) -> bool:
        """Whether nothing is broken and nothing foretold was off."""
        return not self.figures.breaches and all(each.held for each in self.comparisons)


def judge(folder: Path) -> Judgement:
    """Return the judgement on the run in a folder.

    Raises:
        UnreadableHistory: what it holds cannot be judged.

    """
    history = read(folder)
    found = figures(history)
    return Judgement(folder, history, found, tuple(comparisons(history.run, history.predictions, found)))
