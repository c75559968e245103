"""What every gate is measured with: patience, and programs that may not be there."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils.gates.measuring import Host, NotYet, Red, read


def answering(*answers: str | Exception) -> Any:
    """Return a question that is answered so, one answer after the other."""
    left = list(answers)

    def ask() -> str:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


def test_what_is_not_so_yet_is_asked_again(host: Host, pause: Any) -> None:
    assert host.until(answering(NotYet("a"), NotYet("b"), "well"), 2, 3) == "well"
    assert pause.slept == [3, 3]


def test_patience_ends_with_the_last_reason(host: Host, pause: Any) -> None:
    with pytest.raises(NotYet, match=r"^c$"):
        host.until(answering(NotYet("a"), NotYet("b"), NotYet("c"), "well"), 2, 3)
    assert pause.slept == [3, 3]


def test_what_will_not_change_is_not_asked_again(host: Host, pause: Any) -> None:
    with pytest.raises(Red, match=r"^lost$"):
        host.until(answering(Red("lost"), "well"), 2, 3)
    assert pause.slept == []


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_a_run_may_say_how_often(programs: Any, pause: Any, retries: int) -> None:
    with pytest.raises(NotYet):
        Host(programs.run, retries).until(answering(*[NotYet("a")] * (retries + 1)), 20, 3)
    assert pause.slept == [3] * retries


def test_of_many_those_that_lack_are_asked_again_together(host: Host, pause: Any) -> None:
    asked: list[str] = []

    def question(item: str) -> str:
        asked.append(item)
        if asked.count(item) < {"b": 2, "c": 3}.get(item, 1):
            raise NotYet(item)
        return item.upper()

    assert host.each("abcd", question, 2, 3) == ["A", "B", "C", "D"]
    assert asked == [*"abcd", *"bc", "c"]
    assert pause.slept == [3, 3]


def test_of_many_all_that_lack_are_told(host: Host) -> None:
    def question(item: str) -> str:
        raise (Red if item == "b" else NotYet)(f"{item} is away")

    with pytest.raises(NotYet, match=r"^a is away; b is away$"):
        host.each("ab", question, 1, 3)


def test_a_program_that_is_not_installed(pause: Any) -> None:
    def run(words: list[str], **_: Any) -> tuple[int, str, str]:
        raise FileNotFoundError(words[0])

    assert Host(run).run("patronictl", "list") == (127, "", "there is no patronictl on this host")


@pytest.mark.parametrize(("answer", "why"), [
    ({"output": "said", "complaint": "why\n"}, "why"), ({"output": "said\n"}, "said"), ({}, "unde-votes ended with status 3"),
])  # fmt: skip
def test_a_program_that_fails(host: Host, programs: Any, answer: dict[str, str], why: str) -> None:
    programs.say("unde-votes", code=3, **answer)
    with pytest.raises(NotYet) as raised:
        host.ask("unde-votes")
    assert str(raised.value) == why


def test_nothing_of_a_program_is_expanded(host: Host, programs: Any) -> None:
    """And it stands where everybody may, whoever it becomes."""
    programs.say("psql", "t\n")
    assert host.sql("17", "unde", "SELECT '$HOME'") == "t"
    assert programs.ways == [{"handle_exceptions": False, "expand_user_and_vars": False, "cwd": "/"}]
    [line] = programs.asked
    assert line.startswith("setpriv --reuid=postgres ")
    assert line.endswith("/usr/lib/postgresql/17/bin/psql -XAtw -v ON_ERROR_STOP=1 -d unde -c SELECT '$HOME'")


def test_what_is_no_json_is_not_yet() -> None:
    assert read('{"a": 1}', "it") == {"a": 1}
    with pytest.raises(NotYet, match=r"^it answers no JSON: nothing$"):
        read("", "it")
