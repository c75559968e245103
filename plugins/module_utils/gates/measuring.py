# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every gate is measured with: the host's programs, and how long is waited for what is not so yet."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ansible_collections.unde.infra.plugins.module_utils import postgresql, systemd

#: Seconds to wait for an answer over the network.
ANSWER_S = 30
T = TypeVar("T")
Item = TypeVar("Item")


class Red(Exception):
    """What must be true is not; the text says why, in words that a person can act on."""


class NotYet(Red):
    """It is not true yet, and may become so while one waits."""


class Host:
    """The host that a gate is measured on."""

    def __init__(self, run: systemd.Run, retries: int | None = None) -> None:
        """Take ``AnsibleModule.run_command``, and how often every question is asked again, where the gate's own figure is not to count."""
        self._run, self.retries = run, retries

    # ── Patience ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def until(self, question: Callable[[], T], retries: int, delay_s: float) -> T:
        """Return the answer to a question that is asked again, so often and after so many seconds, while it raises ``NotYet``.

        Raises:
            Red: it is not so; ``NotYet`` where it might be so later.

        """
        for _attempt in range(retries if self.retries is None else self.retries):
            try:
                return question()
            except NotYet:
                time.sleep(delay_s)
        return question()

    def each(self, items: Sequence[Item], question: Callable[[Item], T], retries: int, delay_s: float) -> list[T]:
        """Return the answer of each item; those that do not answer yet are asked again together, so that many wait no longer than one.

        Raises:
            Red: some do not; the text has the reason of each.

        """
        answers: dict[int, T] = {}

        def ask_the_rest() -> None:
            reasons = []
            for number, item in enumerate(items):
                if number not in answers:
                    try:
                        answers[number] = question(item)
                    except Red as reason:
                        reasons.append(str(reason))
            if reasons:
                raise NotYet("; ".join(reasons))

        self.until(ask_the_rest, retries, delay_s)
        return [answers[number] for number in range(len(items))]

    # ── Programs ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def run(self, *words: str) -> tuple[int, str, str]:
        """Run a program; return its exit code, output and complaints. One that is not installed fails like any other."""
        try:
            code, said, complaint = self._run(list(words), handle_exceptions=False, expand_user_and_vars=False, cwd="/")
        except FileNotFoundError:
            return 127, "", f"there is no {words[0]} on this host"
        return code, said.strip(), complaint.strip()

    def ask(self, *words: str) -> str:
        """Return what a program prints.

        Raises:
            NotYet: it fails.

        """
        code, said, complaint = self.run(*words)
        if code != 0:
            raise NotYet(complaint or said or f"{words[0]} ended with status {code}")
        return said

    def ask_json(self, *words: str) -> Any:
        """Return the JSON that a program prints.

        Raises:
            NotYet: it fails, or prints something else.

        """
        return read(self.ask(*words), words[0])

    def sql(self, version: str, database: str, query: str) -> str:
        """Return what a query answers the superuser, over the socket, as psql prints it without decoration.

        Raises:
            NotYet: it fails.

        """
        psql = f"/usr/lib/postgresql/{version}/bin/psql"
        return self.ask(*postgresql.as_postgres(psql, "-XAtw", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", query))


def read(text: str, whose: str) -> Any:
    """Return what JSON says.

    Raises:
        NotYet: it is none.

    """
    try:
        return json.loads(text)
    except ValueError:
        raise NotYet(f"{whose} answers no JSON: {text or 'nothing'}") from None
