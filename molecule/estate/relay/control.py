"""The commands of the WAN, and the rules they act on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from .rule import Rule, Spec

USAGE = """\
stat [NAME]               what each tunnel has carried, as JSON; up is from the caller to the far end
cut NAME|all              nothing passes any more
heal [NAME|all]           everything as the layout says
delay NAME|all MS         milliseconds each way
loss NAME|all PERCENT     of the packets, at random
rate NAME|all MBIT        in each direction; 0 is unlimited
reload                    read the rules again; what did not change goes on undisturbed
"""


class Refused(Exception):
    """A command cannot be carried out; the text says why."""


class Relay:
    """All rules by name, and the commands."""

    def __init__(self, read: Callable[[], Iterable[Spec]]) -> None:
        """Start with the rules that ``read`` returns."""
        self.read = read
        self.rules: dict[str, Rule] = {}
        self.reload()

    def reload(self) -> None:
        """Start what is new, stop what is gone or different, leave the rest alone."""
        wanted = {spec.name: spec for spec in self.read()}
        for name in [name for name, rule in self.rules.items() if wanted.get(name) != rule.spec]:
            self.rules.pop(name).close()
        for name, spec in wanted.items():
            if name not in self.rules:
                self.rules[name] = Rule(spec)

    def command(self, line: str) -> str:
        """Carry out one command and return the answer as JSON.

        Raises:
            Refused: there is no such command or tunnel, or the value is no sensible number.

        """
        match line.split():
            case ["stat"]:
                return self._stat("all")
            case ["stat", name]:
                return self._stat(name)
            case ["reload"]:
                self.reload()
                return json.dumps(sorted(self.rules))
            case ["cut", names]:
                for rule in self._named(names):
                    rule.weather.cut = True
                return self._stat(names)
            case ["heal"]:
                return self.command("heal all")
            case ["heal", names]:
                for rule in self._named(names):
                    rule.heal()
                return self._stat(names)
            case ["delay" | "loss" | "rate" as what, names, value]:
                key, most = {"delay": ("delay_ms", 60_000), "loss": ("loss_percent", 100), "rate": ("rate_mbit", 100_000)}[what]
                number = self._number(value, most)
                for rule in self._named(names):
                    setattr(rule.weather, key, number)
                return self._stat(names)
            case _:
                raise Refused(f"no such command: {line.strip() or '(nothing)'}\n{USAGE}")

    def _named(self, names: str) -> list[Rule]:
        """Return the rules of ``all`` or of names divided by commas."""
        if names == "all":
            return list(self.rules.values())
        unknown = [name for name in names.split(",") if name not in self.rules]
        if unknown:
            raise Refused(f"no such tunnel: {', '.join(unknown)}; known: {', '.join(sorted(self.rules))}")
        return [self.rules[name] for name in names.split(",")]

    @staticmethod
    def _number(value: str, most: float) -> float:
        """Return a value as a number within its bounds."""
        try:
            number = float(value)
        except ValueError:
            raise Refused(f"not a number: {value}") from None
        if not 0 <= number <= most:
            raise Refused(f"not between 0 and {most}: {value}")
        return number

    def _stat(self, names: str) -> str:
        """Return state and counters of rules."""
        stat: dict[str, Any] = {rule.spec.name: rule.stat() for rule in self._named(names)}
        return json.dumps(stat)
