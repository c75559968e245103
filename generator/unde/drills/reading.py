"""The files of a run, each by itself: what a line says, and what is wrong with it, with its place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from ..errors import clipped, nearest
from . import records
from .faults import FAULTS
from .records import FOLLOWS, Client, End, Foretold, Header, Line, Observer, Run, Seen, State

T = TypeVar("T")
_HEADER: TypeAdapter[Client | State | Observer] = TypeAdapter(Header)
_LINE: TypeAdapter[records.Operation | records.Row | End | Seen] = TypeAdapter(Line)


@dataclass(frozen=True)
class File:
    """A file as it was read: (line, what it says), and the last line where it has an end."""

    name: str
    header: Client | State | Observer
    lines: list[tuple[int, Any]]
    end: End | None
    torn: bool

    @property
    def last(self) -> float:
        """The last monotonic time in it."""
        times = [line.at if isinstance(line, records.Event) else line.end for _, line in self.lines if not isinstance(line, records.Row)]
        return max([self.header.monotonic, *times, *([self.end.monotonic] if self.end else [])])


def run(folder: Path, problems: list[str]) -> Run | None:
    """Return what ``run.json`` says."""
    path = folder / "run.json"
    if not path.is_file():
        problems.append(f"{folder}: holds no run.json: it is no folder of a drill's run (docs/drills.md)")
        return None
    try:
        raw = path.read_bytes()
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}")
        return None
    found = _parsed(raw, Run.model_validate_json, lambda why: problems.append(f"{path}: {why}"))
    if found is not None and found.fault not in FAULTS:
        problems.append(f"{path}: fault: '{clipped(found.fault)}' is not known — {nearest(found.fault, FAULTS)}")
    return found


def predictions(path: Path, run: Run, problems: list[str]) -> Foretold | None:
    """Return what was foretold of the loss, as ``unde survive`` said it before."""
    if not path.exists():
        if run.losses:
            words = " ".join(f"--lose {loss}" for loss in run.losses)
            problems.append(f"{path}: is not there, and run.json names losses — write it before the fault: unde survive {words} --format json")
        return None
    rows = _parsed(path.read_bytes(), TypeAdapter(list[dict[str, Any]]).validate_json, lambda why: problems.append(f"{path}: {why}"))
    if rows is None:
        return None
    losses, promises = ([row for row in rows if row.get("kind") == kind] for kind in ("loss", "promise"))
    if len(losses) > 1:
        problems.append(f"{path}: foretells {len(losses)} losses: name those of the drill: unde survive --lose … --format json")
        return None
    text = json.dumps({"loss": losses[0] if losses else None, "promises": promises}).encode()
    found = _parsed(text, Foretold.model_validate_json, lambda why: problems.append(f"{path}: {why}"))
    if found is None:
        return None
    if found.loss and not found.speaks_of(run.losses):
        problems.append(f"{path}: foretells {found.loss.name}, and run.json names the losses {', '.join(run.losses) or 'none'}")
    elif run.losses and not found.loss:
        problems.append(f"{path}: foretells no loss, and run.json names {', '.join(run.losses)}")
    return found


def file(path: Path, problems: list[str]) -> File | None:
    """Return what a file of lines holds; what is wrong with it is added to the problems."""
    def complain(number: int, why: str) -> None:
        problems.append(f"{path.name}:{number}: {why}")

    try:
        content = path.read_bytes()
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}")
        return None
    raws = content.split(b"\n")
    cut = raws.pop()  # nothing, where the last line is whole
    header = _parsed(raws[0] if raws else b"", _HEADER.validate_json, lambda why: complain(1, why))
    if header is None:
        return None
    lines: list[tuple[int, Any]] = []
    end: End | None = None
    allowed: tuple[type[records.Record], ...] = (*FOLLOWS[type(header)], End)
    for number, raw in enumerate(raws[1:], 2):
        line = _parsed(raw, _LINE.validate_json, lambda why, number=number: complain(number, why))  # type: ignore[misc]
        if line is not None and not isinstance(line, allowed):
            complain(number, f"'{line.kind}' has no place in a file of kind '{header.kind}'")
        elif end is not None:
            complain(number, "stands behind the end")
        elif isinstance(line, End):
            end = line
            if end.lines != number - 2:
                complain(number, f"says that {end.lines} lines stand before it, and {number - 2} do: some are lost")
        elif line is not None:
            lines.append((number, line))
    torn = bool(cut)
    if cut and (end is not None or isinstance(header, State) or _whole(cut)):
        complain(len(raws) + 1, "the last line has no line break: " + ("nothing may follow the end" if end else "is the file being written?"))
    elif isinstance(header, State) and end is None:
        complain(len(raws), f"the state of {header.shard} has no end: it was not read to its last row")
    return File(path.name, header, lines, end, torn)


def _whole(cut: bytes) -> bool:
    """Return whether a last line without its break is a whole line all the same."""
    return _parsed(cut, _LINE.validate_json, lambda _: None) is not None


def _parsed(raw: bytes, parse: Callable[[bytes], T], complain: Callable[[str], None]) -> T | None:
    """Return what JSON says; where it says nothing that fits, complain."""
    try:
        json.loads(raw, object_pairs_hook=_once)
        return parse(raw)
    except ValidationError as error:
        for why in _reasons(error):
            complain(why)
    except (ValueError, RecursionError) as error:
        complain(f"is not JSON: {clipped(error)}" if raw else "is empty")
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object whose keys differ."""
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise ValueError(f"the key '{clipped(twice)}' stands there twice")
    return made


def _reasons(error: ValidationError) -> Iterator[str]:
    """Yield what does not fit, each with the path of the value."""
    for each in error.errors(include_url=False):
        path = ".".join(map(str, each["loc"]))
        yield f"{path}: {each['msg']}" if path else each["msg"]
