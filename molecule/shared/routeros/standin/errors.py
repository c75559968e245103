"""What a router refuses, in the words that it says to the client."""

from __future__ import annotations


class Trap(Exception):
    """A refused command; the text is what the client sees as ``=message=``."""

    def __init__(self, message: str, category: int | None = None) -> None:
        super().__init__(message)
        self.category = category


def unsupported(what: str) -> Trap:
    """Return the refusal of what RouterOS would do and the stand-in cannot: it never pretends."""
    return Trap(f"failure: not in this stand-in: {what}")


def no_such_item() -> Trap:
    """Return the refusal of an item that is not there."""
    return Trap("no such item", 4)


def no_such_command() -> Trap:
    """Return the refusal of a command that a menu lacks."""
    return Trap("no such command", 0)


def unknown_parameter(name: str) -> Trap:
    """Return the refusal of an argument that the command lacks."""
    return Trap(f"unknown parameter {name}", 0)


def invalid(field: str) -> Trap:
    """Return the refusal of a value that is none."""
    return Trap(f"invalid value for argument {field}", 1)


def unmatched(field: str) -> Trap:
    """Return the refusal of a name that stands for nothing."""
    return Trap(f"input does not match any value of {field}", 1)


def missing(fields: list[str]) -> Trap:
    """Return the refusal of an item that lacks something."""
    return Trap(f"missing value(s) of argument(s) {' '.join(fields)}", 0)
