"""The register of rules: it names and places what a rule yields, and takes no id twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import support
from unde import checks, survive
from unde.checks import references, rules
from unde.checks.rules import Violation, rule
from unde.model import Estate


@pytest.fixture(autouse=True)
def register(monkeypatch: pytest.MonkeyPatch) -> dict[str, rules.Rule]:
    """Give each test a register of its own."""
    monkeypatch.setattr(rules, "RULES", {})
    return rules.RULES


def test_findings_carry_the_id_and_the_place(register: dict[str, rules.Rule], estate: Estate) -> None:
    """A rule says what is wrong where; its id, the file, the line and the level are added."""

    @rule("port-odd")
    def odd(estate: Estate) -> Iterator[Violation]:
        """Ports are even.

        The rest is not the summary.
        """
        yield Violation(("sites", "local", "provider"), "it is odd", "make it even")
        yield Violation(("sites",), "it is strange", "look at it", warn=True)

    found = list(register["port-odd"].check(estate))
    assert [(each.rule, each.level, each.path, each.message, each.fix) for each in found] == [
        ("port-odd", "error", "sites.local.provider", "it is odd", "make it even"), ("port-odd", "warning", "sites", "it is strange", "look at it"),
    ]
    lines = support.LAYOUT.read_text(encoding="utf-8").splitlines()
    assert lines[found[1].line - 1] == "sites:"
    assert found[0].line > found[1].line
    assert found[0].file == str(support.LAYOUT)
    assert register["port-odd"].summary == "Ports are even."


def test_an_id_is_taken_once(register: dict[str, rules.Rule]) -> None:
    """The second rule with an id would hide the first, which then refuses nothing."""

    @rule("port-odd")
    def odd(estate: Estate) -> Iterator[Violation]:
        yield from ()

    with pytest.raises(ValueError, match=r"two functions are the rule port-odd: .*odd and .*even"):

        @rule("port-odd")
        def even(estate: Estate) -> Iterator[Violation]:
            yield from ()

    assert register["port-odd"].violations is odd


def test_what_is_named_is_a_rule() -> None:
    """The rules that are named elsewhere are there: one that was renamed would be waited for in vain."""
    assert set(references.DANGLING) | set(survive.RELIES_ON) <= set(checks.RULES)
