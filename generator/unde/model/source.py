"""Read YAML and remember where every value stands.

PyYAML's C composer is used, not its constructor: the node tree carries line numbers, and duplicate keys are still
visible there (a constructed dictionary has already dropped them).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ..errors import Finding, UnreadableLayout

DataPath = tuple[str | int, ...]


def dotted(path: DataPath) -> str:
    """Return a data path as people write it: ``hosts.local-app.roles[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "(top level)"


@dataclass(frozen=True)
class Position:
    """Where a value stands: a file and a line counted from 1."""

    file: str
    line: int


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
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise UnreadableLayout(f"{file}: cannot be read: {reason}") from error
    return parse(text, str(file))


def parse(text: str, file: str) -> Source:
    """Read YAML text; ``file`` is the name that messages give.

    Raises:
        UnreadableLayout: the text is not valid YAML, or does not hold a mapping.

    """
    loader = yaml.CSafeLoader(text)
    try:
        root = loader.get_single_node()
        source = Source(file, None, {})
        source.data = _convert(loader, root, (), source)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else file
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        if "\t" in text and "cannot start any token" in problem:
            problem += "; YAML is indented with spaces, never with tabs"
        raise UnreadableLayout(f"{where}: not valid YAML: {problem}") from error
    except RecursionError as error:
        raise UnreadableLayout(f"{file}: not valid YAML: an alias refers to itself") from error
    finally:
        loader.dispose()
    if not isinstance(source.data, dict):
        raise UnreadableLayout(f"{file}: a layout is a mapping of keys to values; this file holds none")
    return source


def _convert(loader: yaml.CSafeLoader, node: yaml.Node | None, path: DataPath, source: Source) -> Any:
    """Return the plain data of a node, noting positions and duplicate keys in ``source``."""
    if isinstance(node, yaml.MappingNode):
        result: dict[Any, Any] = {}
        inherited: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                inherited.update(_convert(loader, value_node, path, source))
                continue
            key = loader.construct_object(key_node, deep=True)
            if not isinstance(key, (str, int)):
                raise yaml.MarkedYAMLError(problem=f"a key must be a word or a number, not {key!r}", problem_mark=key_node.start_mark)
            here = (*path, key)
            line = key_node.start_mark.line + 1
            if key in result:
                first = source.positions[here].line
                source.findings.append(
                    Finding(source.file, line, dotted(here), "error", "yaml-duplicate-key",
                            f"the key '{key}' stands here and in line {first}; the first would be silently lost",
                            "remove one of the two")
                )
                continue
            source.positions[here] = Position(source.file, line)
            result[key] = _convert(loader, value_node, here, source)
        return {**inherited, **result}
    if isinstance(node, yaml.SequenceNode):
        items = []
        for number, item in enumerate(node.value):
            here = (*path, number)
            source.positions[here] = Position(source.file, item.start_mark.line + 1)
            items.append(_convert(loader, item, here, source))
        return items
    return None if node is None else loader.construct_object(node, deep=True)


def walk(data: Any, path: DataPath = ()) -> Iterator[tuple[DataPath, Any]]:
    """Yield every value below ``data`` with its path, parents before children."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        here = (*path, key)
        yield here, value
        yield from walk(value, here)
