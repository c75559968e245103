"""The reachability matrix: what the plan opens, what was seen, and where the two differ."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from itertools import groupby

from ..plan.reachability import Cell
from .render import Row

#: Answers that mean that a packet came through; a refusal comes from the target itself.
REACHED = frozenset(["open", "refused"])
#: Source → target → port (as text, as JSON has it) → answer.
Seen = Mapping[str, Mapping[str, Mapping[str, str]]]


def rows(cells: Sequence[Cell]) -> list[Row]:
    """Return every cell as an object for programs."""
    return [
        {"source": cell.source, "target": cell.target, "address": cell.address, "port": cell.port, "declared": cell.declared,
         "open": cell.open, "flows": list(cell.flows)}
        for cell in cells
    ]


def brief(cells: Sequence[Cell]) -> list[Row]:
    """Return one row for each pair of hosts with an open port, for people."""
    found: list[Row] = []
    for (source, target), some in groupby(cells, key=lambda cell: (cell.source, cell.target)):
        opened = [cell for cell in some if cell.open]
        if opened:
            names = dict.fromkeys(name for cell in opened for name in cell.flows)
            found.append({"from": source, "to": target, "ports": ", ".join(str(cell.port) for cell in opened), "flows": ", ".join(names)})
    return found


def answer(cell: Cell, seen: Seen) -> str:
    """Return what was seen of a cell; ``not asked`` where nobody looked."""
    return seen.get(cell.source, {}).get(cell.target, {}).get(str(cell.port), "not asked")


def differs(cell: Cell, seen: Seen) -> str:
    """Say how what was seen differs from the plan; empty where it does not."""
    said = answer(cell, seen)
    if said == "not asked":
        return said
    if cell.open == (said in REACHED):
        return ""
    return "declared, but closed" if cell.open else "open, but undeclared"


def differences(cells: Sequence[Cell], seen: Seen) -> list[Row]:
    """Return the cells that are not as planned."""
    return [
        {"from": cell.source, "to": cell.target, "port": cell.port, "what": what, "answer": answer(cell, seen), "flows": ", ".join(cell.flows) or "none"}
        for cell in cells if (what := differs(cell, seen))
    ]


STYLE = """
:root { color-scheme: light dark; --line: #8886; --open: #2a78; --closed: transparent; --wrong: #d33; }
body { font: 13px/1.3 system-ui, sans-serif; margin: 1rem; }
table { border-collapse: collapse; }
th, td { border: 1px solid var(--line); padding: 1px 4px; text-align: center; font-weight: normal; font-size: 11px; }
thead th { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left; padding: 4px 1px; }
tbody th { text-align: right; white-space: nowrap; position: sticky; left: 0; background: Canvas; }
.open { background: var(--open); } .wrong { background: var(--wrong); color: #fff; font-weight: bold; } .self { background: var(--line); }
"""


def page(title: str, cells: Sequence[Cell], seen: Seen) -> str:
    """Return the matrix as one HTML page: a row for each source, a column for each target, the open ports in the cell."""
    hosts = list(dict.fromkeys(cell.source for cell in cells))
    pairs = {pair: list(some) for pair, some in groupby(cells, key=lambda cell: (cell.source, cell.target))}
    head = "".join(f"<th scope=col>{html.escape(host)}</th>" for host in hosts)
    lines = [
        f"<tr><th scope=row>{html.escape(source)}</th>{''.join(_field(pairs.get((source, target), []), seen) for target in hosts)}</tr>" for source in hosts
    ]
    wrong = sum(bool(differs(cell, seen)) for cell in cells) if seen else 0
    verdict = f"{len(cells)} cells, {wrong} not as planned" if seen else f"{len(cells)} cells, as planned"
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(title)}</title><style>{STYLE}</style>"
        f"<h1>{html.escape(title)}</h1><p>{verdict}. A row calls, a column is called; a cell names the ports that the flows open, "
        f"and in red what was seen otherwise.</p><table><thead><tr><td></td>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></html>\n"
    )


def _field(cells: Sequence[Cell], seen: Seen) -> str:
    """Return one field of the page: a pair of hosts."""
    if not cells:
        return "<td class=self></td>"
    wrong = [cell for cell in cells if seen and differs(cell, seen)]
    opened = [cell for cell in cells if cell.open]
    told = "; ".join(f"{cell.port}: {differs(cell, seen)} ({answer(cell, seen)})" for cell in wrong) or "; ".join(
        f"{cell.port}: {', '.join(cell.flows)}" for cell in opened
    )
    kind = "wrong" if wrong else "open" if opened else "closed"
    shown = " ".join(str(cell.port) for cell in wrong or opened)
    return f'<td class={kind} title="{html.escape(told, quote=True)}">{shown}</td>'
