"""``unde grow``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..reports.output import complain
from .options import DEFAULT_LAYOUT, OK, Format, LayoutFile, OutputFormat, load_sound


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
    from .. import diff as room
    from .. import refuse_errors
    from ..errors import WrongCall
    from ..model import resized
    from ..reports import changes, render

    estate = load_sound(layout, None, "")
    count = estate.layout.shards.count
    if shards < count:
        raise WrongCall(f"{layout} has {count} shards: growing to {shards} would abandon the users of {count - shards} — move them, retire the hosts, "
                        "then lower shards.count by hand")
    grown = resized(estate, shards)
    refuse_errors(grown)
    difference = room.between(estate, grown, room.load(room.find()))
    if output is Format.json:
        render.show(render.as_json(changes.rows(difference)))
    else:
        render.show("nothing differs" if difference.same else changes.text(difference))
    if write and not difference.same:
        _write(Path(layout), shards)
        complain(f"{layout}: shards.count is {shards} now, it was {count}")
    raise typer.Exit(OK)


def _write(file: Path, shards: int) -> None:
    """Set ``shards.count`` in a file: its digits are replaced where they stand, so that every other byte stays.

    Raises:
        WrongCall: the number does not stand in the file by itself (it comes from an anchor or a merge), or the file cannot be written.

    """
    from ..errors import WrongCall
    from ..model import source
    from . import files

    raw = files.read(file)
    start, end = _digits(raw, file)
    new = raw[:start] + str(shards).encode() + raw[end:]
    before, after = (source.parse(source.decoded(each, str(file)), str(file)).data for each in (raw, new))
    before["shards"]["count"] = shards
    if before != after:
        raise WrongCall(f"{file}: another value would change with shards.count (an anchor?) — write it by hand")
    files.replace(file, new)


def _digits(raw: bytes, file: Path) -> tuple[int, int]:
    """Return where in a file the digits of ``shards.count`` stand.

    Raises:
        WrongCall: they stand in another mapping, which is merged here.

    """
    import yaml

    from ..errors import WrongCall
    from ..model import source

    text = source.decoded(raw, str(file))
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.CSafeLoader)
    for key in ("shards", "count"):
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for name, value in pairs if name.value == key), None)
    if node is None or not text[node.start_mark.index : node.end_mark.index].isdecimal():
        raise WrongCall(f"{file}: shards.count is not written there as a number of its own — write it by hand")
    mark = len(raw) - len(raw.decode().removeprefix("\ufeff").encode())
    start, end = (mark + len(text[: each.index].encode()) for each in (node.start_mark, node.end_mark))
    return start, end
