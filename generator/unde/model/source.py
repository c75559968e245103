"""Read YAML and remember where every value stands.

PyYAML's C composer is used, not its constructor: the node tree carries line numbers, and duplicate keys are still
visible there (a constructed dictionary has already dropped them).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from ..errors import Finding, UnreadableLayout, clipped

DataPath = tuple[str | int, ...]

MOST_VALUES = 200_000  #: a layout of 150 shards has some 2,000; aliases of aliases could ask for billions
MOST_LEVELS = 50  #: a layout has 7
MERGE, TEXT = "tag:yaml.org,2002:merge", "tag:yaml.org,2002:str"

#: Kind of a value → how it is written, so that everybody reads the same: people, YAML 1.1 (this reader, Ansible) and YAML 1.2.
PLAIN: dict[type, re.Pattern[str]] = {
    bool: re.compile("true|True|TRUE|false|False|FALSE"),
    int: re.compile("0|-?[1-9][0-9]*"),
    float: re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+"),
    type(None): re.compile("|~|null|Null|NULL"),
}
#: Text without quotes that YAML 1.2 takes for a number.
NUMBER_ELSEWHERE = re.compile(r"[-+]?(0o[0-7]+|(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+)")


def dotted(path: DataPath) -> str:
    """Return a data path as people write it: ``hosts.local-app.roles[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{clipped(part)}" if text else clipped(part)
    return text or "(top level)"


@dataclass(frozen=True)
class Position:
    """Where a value stands: a file and a line counted from 1; and how it is written there, where that is no text."""

    file: str
    line: int
    written: str | None = None


@dataclass
class Source:
    """Plain data and the position of each of its values.

    Attributes:
        data: dictionaries, lists and scalars.
        positions: data path → where its key (or list item) stands.
        findings: what is wrong with the YAML itself (duplicate keys).
        variables: what an overlay tells Ansible directly; no part of the layout.

    """

    file: str
    data: Any
    positions: dict[DataPath, Position]
    findings: list[Finding] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)

    def position(self, path: DataPath) -> Position:
        """Return the position of a value, or of the nearest parent that stands in a file."""
        while path and path not in self.positions:
            path = path[:-1]
        return self.positions.get(path, Position(self.file, 1))

    def finding(self, path: DataPath, rule: str, message: str, fix: str, warn: bool = False) -> Finding:
        """Return a finding about the value at ``path``, an error unless ``warn``."""
        at = self.position(path)
        return Finding(at.file, at.line, dotted(path), "warning" if warn else "error", rule, message, fix)


def load(file: str | Path) -> Source:
    """Read a YAML file.

    Raises:
        UnreadableLayout: the file cannot be opened, is not valid YAML, or does not hold a mapping.

    """
    try:
        raw = Path(file).read_bytes()
    except OSError as error:
        raise UnreadableLayout(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:  # a name with NUL in it
        raise UnreadableLayout(f"{str(file)!r}: cannot be read: no file has such a name") from error
    return parse(decoded(raw, str(file)), str(file))


def decoded(raw: bytes, file: str) -> str:
    """Return the text that bytes stand for, without a byte order mark; ``file`` is the name that messages give.

    Raises:
        UnreadableLayout: they are not UTF-8.

    """
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UnreadableLayout(f"{file}:{line}: cannot be read: not UTF-8 text — save the file as UTF-8") from error


def parse(text: str, file: str) -> Source:
    """Read YAML text; ``file`` is the name that messages give.

    Raises:
        UnreadableLayout: the text is not valid YAML, or does not hold a mapping.

    """
    source = Source(file, None, {})
    try:
        _refuse_depth(text)
        loader = yaml.CSafeLoader(text)
        try:
            source.data = _Converter(loader, source).convert(loader.get_single_node(), ())
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else file
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        if "\t" in text and "cannot start any token" in problem:
            problem += "; YAML is indented with spaces, never with tabs"
        raise UnreadableLayout(f"{where}: not valid YAML: {problem}") from error
    except RecursionError as error:
        raise UnreadableLayout(f"{file}: not valid YAML: nested without end; an alias that refers to itself?") from error
    if not isinstance(source.data, dict):
        raise UnreadableLayout(f"{file}: a layout is a mapping of keys to values; this file holds none")
    return source


def _refuse_depth(text: str) -> None:
    """Refuse what is nested so deeply that the C composer, which recurses, would bring the process down."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_LEVELS:
            raise yaml.MarkedYAMLError(problem=f"nested deeper than {MOST_LEVELS} levels", problem_mark=event.start_mark)  # type: ignore[arg-type]


@dataclass
class _Converter:
    """Turns nodes into plain data, noting positions, duplicate keys and values that are not what is written in ``source``."""

    loader: yaml.CSafeLoader
    source: Source
    visited: int = 0
    surprises: set[int] = field(default_factory=set)

    def convert(self, node: yaml.Node | None, path: DataPath) -> Any:
        """Return the plain data of a node."""
        self.visited += 1
        if self.visited > MOST_VALUES:
            raise yaml.MarkedYAMLError(problem=f"more than {MOST_VALUES} values, aliases counted where they are used")
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for number, item in enumerate(node.value):
                here = (*path, number)
                self.source.positions[here] = self.position(item, item)
                items.append(self.convert(item, here))
            return items
        return None if node is None else self.scalar(node, path)

    def position(self, key: yaml.Node, value: yaml.Node) -> Position:
        """Return where a key or an item stands, with how its value is written."""
        written = value.value if isinstance(value, yaml.ScalarNode) and value.tag != TEXT else None
        return Position(self.source.file, key.start_mark.line + 1, written)

    def mapping(self, node: yaml.MappingNode, path: DataPath) -> dict[Any, Any]:
        """Return a mapping: what it merges (``<<``) first, its own keys over that."""
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == MERGE:
                result |= self.merged(value_node, path)
        lines: dict[Any, int] = {}
        for key_node, value_node in node.value:
            if key_node.tag == MERGE:
                continue
            named = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
            key, line = self.scalar(key_node, (*path, named)), key_node.start_mark.line + 1
            if isinstance(key, (bool, float)):
                key = named  # a name, as far as anybody can tell
            if not isinstance(key, (str, int)):
                raise yaml.MarkedYAMLError(problem=f"a key must be a word or a number, not {key!r}", problem_mark=key_node.start_mark)
            here = (*path, key)
            if key in lines:
                self.duplicate(here, line, lines[key])
                continue
            lines[key] = line
            self.source.positions[here] = self.position(key_node, value_node)
            result[key] = self.convert(value_node, here)
        return result

    def merged(self, node: yaml.Node, path: DataPath) -> dict[Any, Any]:
        """Return what a merge key brings: one mapping, or several of which the first wins."""
        result: dict[Any, Any] = {}
        for part in reversed(node.value if isinstance(node, yaml.SequenceNode) else [node]):
            if not isinstance(part, yaml.MappingNode):
                raise yaml.MarkedYAMLError(problem="only a mapping can be merged with <<", problem_mark=part.start_mark)
            result |= self.convert(part, path)
        return result

    def scalar(self, node: yaml.Node, path: DataPath) -> Any:
        """Return the value of a node that is no mapping or list of the layout's own."""
        if not isinstance(node, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(problem="a key must be a word or a number, not a list or a mapping", problem_mark=node.start_mark)
        if node.tag == TEXT:  # most of them
            if not node.style and NUMBER_ELSEWHERE.fullmatch(node.value):
                self.surprise(node, path, "is text here and a number to other readers of YAML", "write a number in decimal digits")
            return node.value
        try:
            value = self.loader.construct_object(node, deep=True)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:  # PyYAML lets a bad date or !!int raise so
            raise yaml.MarkedYAMLError(problem=f"not a value of type {node.tag}", problem_mark=node.start_mark) from error
        if isinstance(value, int) and value.bit_length() > 63:
            raise yaml.MarkedYAMLError(problem="a number of more than 63 bits", problem_mark=node.start_mark)
        if type(value) not in PLAIN:
            self.surprise(node, path, f"is read as a {type(value).__name__}, which no key takes", "")
            return node.value
        if not _as_written(value, node.value):
            self.surprise(node, path, f"is read as {clipped(_shown(value))}", _meant(value, node.value))
        return value

    def surprise(self, node: yaml.ScalarNode, path: DataPath, what: str, fix: str) -> None:
        """Note a value that is not what is written, once however often its mapping is merged."""
        if node.start_mark.index in self.surprises:
            return
        self.surprises.add(node.start_mark.index)
        text = clipped(node.value)
        quoted = f'"{text}" in quotes'
        self.source.findings.append(
            Finding(self.source.file, node.start_mark.line + 1, dotted(path), "error", "yaml-not-as-written",
                    f"{text} without quotes {what}", f"{fix}, or {quoted} if text is meant" if fix else f"write {quoted}")
        )

    def duplicate(self, path: DataPath, line: int, first: int) -> None:
        """Note a duplicate key, once however often its mapping is merged."""
        if all(finding.line != line for finding in self.source.findings):
            self.source.findings.append(
                Finding(self.source.file, line, dotted(path), "error", "yaml-duplicate-key",
                        f"the key '{path[-1]}' stands here and in line {first}; the first would be silently lost",
                        "remove one of the two")
            )


def _as_written(value: bool | int | float | None, text: str) -> bool:
    """Return whether a value is what people read in a text."""
    if not PLAIN[type(value)].fullmatch(text) or (value == 0 and text.startswith("-")):
        return False
    return not isinstance(value, float) or Decimal(text) == Decimal(repr(value))


def _shown(value: bool | int | float | None) -> str:
    """Return a value as it is to be written."""
    return {True: "true", False: "false", None: "null"}[value] if value is None or isinstance(value, bool) else str(value)


def _meant(value: bool | int | float | None, text: str) -> str:
    """Return how to write what was meant by a text that is read as another value."""
    if isinstance(value, int) and not isinstance(value, bool) and re.fullmatch("[0-7]+", text):
        return f"write {int(text)}, or {value} if the octal number is meant"
    if value is None or isinstance(value, bool) or (isinstance(value, int) and ":" not in text):
        return f"write {_shown(value)}"
    return "write a number in decimal digits"


def walk(data: Any, path: DataPath = ()) -> Iterator[tuple[DataPath, Any]]:
    """Yield every value below ``data`` with its path, parents before children."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        here = (*path, key)
        yield here, value
        yield from walk(value, here)
