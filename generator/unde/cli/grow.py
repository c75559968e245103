"""``unde grow``."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from .options import DEFAULT_LAYOUT, OK, Format, LayoutFile, OutputFormat, load


def grow(
    shards: Annotated[int, typer.Option("--shards", min=1, help="How many shards there are to be.")],
    layout: LayoutFile = DEFAULT_LAYOUT,
    write: Annotated[bool, typer.Option("--write", help="Write the number into the layout; nothing else in the file changes.")] = False,
    output: OutputFormat = Format.table,
) -> None:
    """Show what another number of shards adds, host by host; with --write, set it. Nothing that is there changes its name, address or port.

    Fewer shards are refused: their users have to be moved and their hosts retired first. Ends with 1 if the layout has no room.

    Example: unde grow --shards 4 --write
    """
    from .. import checks
    from .. import diff as room
    from ..errors import WrongCall
    from ..model import resized
    from ..reports import changes, render

    estate = load(layout, None, "")
    checks.refuse_errors(estate)
    count = estate.layout.shards.count
    if shards < count:
        raise WrongCall(f"{layout} has {count} shards: growing to {shards} would abandon the users of {count - shards} — move them, retire the hosts, "
                        "then lower shards.count by hand")
    grown = resized(estate, shards)
    checks.refuse_errors(grown)
    difference = room.between(estate, grown, room.load(room.find()))
    if output is Format.json:
        render.show(render.as_json(changes.rows(difference)))
    else:
        render.show("nothing differs" if difference.same else changes.text(difference))
    if write and not difference.same:
        _write(Path(layout), shards)
        print(f"{layout}: shards.count is {shards} now, it was {count}", file=sys.stderr)
    raise typer.Exit(OK)


def _write(file: Path, shards: int) -> None:
    """Set ``shards.count`` in a file: its digits are replaced where they stand, so that every other character stays.

    The new file takes the old one's place in one step; whoever reads meanwhile sees one or the other.

    Raises:
        WrongCall: the number does not stand in the file by itself (it comes from an anchor or a merge).

    """
    from ruamel.yaml import YAML

    from ..errors import WrongCall
    from ..model import source

    text = file.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    read = YAML(typ="rt").load(text)["shards"]
    line, column = read.lc.value("count")
    digits = str(read["count"])
    if not lines[line][column:].startswith(digits):
        raise WrongCall(f"{file}:{line + 1}: shards.count is not written here as a number — write it by hand")
    lines[line] = f"{lines[line][:column]}{shards}{lines[line][column + len(digits):]}"
    new = "".join(lines)
    before, after = source.parse(text, str(file)).data, source.parse(new, str(file)).data
    before["shards"]["count"] = shards
    if before != after:
        raise WrongCall(f"{file}: another value would change with shards.count (an anchor?) — write it by hand")
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as written:
            written.write(new)
            written.flush()
            os.fsync(written.fileno())
        os.chmod(name, file.stat().st_mode)
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
