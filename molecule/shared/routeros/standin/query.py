"""Which rows a print wants: the API's query words, a stack machine (help.mikrotik.com, "API", Queries)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence

from .errors import Trap

#: Queries compare text with text; yes and no are how a client may write what is shown as true and false.
SAME = {"yes": "true", "no": "false"}
ORDER: dict[str, Callable[[str, str], bool]] = {"=": operator.eq, "<": operator.lt, ">": operator.gt}


def matches(row: Mapping[str, str], words: Sequence[str]) -> bool:
    """Return whether a row is wanted; without words every row is."""
    stack: list[bool] = []
    for text in words:
        word = text[1:]
        try:
            if word.startswith("#"):
                _operate(stack, word[1:])
            else:
                stack.append(_compare(row, word))
        except IndexError:
            raise Trap(f"bad query {text}", 1) from None
    return all(stack)


def _compare(row: Mapping[str, str], word: str) -> bool:
    if word.startswith("-"):
        return word[1:] not in row
    order = ORDER.get(word[0], ORDER["="])
    name, has_value, value = word.lstrip("=<>").partition("=")
    if not has_value:
        return name in row
    return name in row and (order(row[name], value) or order(row[name], SAME.get(value, value)))


def _operate(stack: list[bool], signs: str) -> None:
    for sign in signs:
        if sign == "!":
            stack[-1] = not stack[-1]
        elif sign in "&|":
            one, two = stack.pop(), stack.pop()
            stack.append((one and two) if sign == "&" else (one or two))
        elif sign == ".":
            stack.append(stack[-1])
        else:
            raise IndexError
