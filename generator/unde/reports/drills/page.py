"""A run, and the history over runs, each as one HTML page that needs nothing else: no script, no network, no other file."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from string import Template

from ...drills import Judgement
from ...drills.faults import FAULTS
from ...drills.measured import Kept
from ...drills.outage import Outage
from ..policy import checksums
from . import Row, alerts, began, breaches, clients, comparisons, figures, timeline, verdict

SOURCES = files(__package__)
PAGE = "report.html"  #: a run's page beside its report: the history leads to it


def run(judged: Judgement) -> str:
    """Return the page of a run; the same run gives the same text."""
    run, found = judged.history.run, judged.figures
    title = f"{FAULTS[run.fault].title}, RTT {run.rtt_ms:g} ms, {run.loss_percent:g} % loss"
    facts = [("Run", run.name), ("Began", began(judged)), ("Code", run.revision or "–"), ("Hit", ", ".join(run.targets) or "–")]
    remarks = [*judged.history.remarks, *found.checked.remarks]
    parts = [
        _head(title, facts, verdict(judged), judged.held),
        f'<dl class="tiles">{"".join(_tile(*each) for each in _tiles(judged))}</dl>',
        f'<figure class="wide"><figcaption class="keys">{timeline.legend(judged.history)}</figcaption>{timeline.drawn(judged)}</figure>',
        _table("What is broken", breaches(found), bad=True),
        _table("Foretold and promised", comparisons(judged)),
        _table("Figures", figures(found)),
        _table("Clients", clients(found)),
        _table("Alerts", alerts(found)),
        _table("To know", [{"what": each} for each in remarks]),
        f"<h2>Again</h2><pre>{html.escape(run.command)}</pre>",
    ]
    return _page(title, parts)


def history(kept: Sequence[Kept], beside: Path) -> str:
    """Return the page of many runs, by fault and condition, the outages of their writes drawn in the order of time.

    Args:
        kept: the runs' reports, the earliest first.
        beside: the folder that the page will stand in, for the links to the runs' own pages.

    """
    broken = sum(not each.report.held for each in kept)
    said = f"{len(kept)} runs, {broken} of them broken" if broken else f"{len(kept)} runs, all held" if kept else "no run was kept yet"
    parts = [_head("Drills over time", [], said, not broken)]
    for name, fault in FAULTS.items():
        own = [each for each in kept if each.report.fault == name]
        if own:
            parts.append(f"<h2>{html.escape(fault.title)}</h2>{_dots(own)}{_runs(own, beside)}")
    missing = [fault.title for name, fault in FAULTS.items() if all(each.report.fault != name for each in kept)]
    if missing:
        parts.append(f"<h2>Not measured</h2><p>{html.escape('; '.join(missing))}.</p>")
    return _page("Drills over time", parts)


def _page(title: str, parts: Sequence[str]) -> str:
    style = SOURCES.joinpath("style.css").read_text(encoding="utf-8")
    policy = f"default-src 'none'; style-src {checksums([style])}; img-src data:; base-uri 'none'; form-action 'none'"
    return Template(SOURCES.joinpath("page.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(title), policy=policy, style=style.removesuffix("\n"), body="\n".join(filter(None, parts)),
    )


def _head(title: str, facts: Sequence[tuple[str, str]], said: str, held: bool) -> str:
    rows = "".join(f"<div><dt>{name}</dt><dd>{html.escape(value)}</dd></div>" for name, value in facts)
    return f'<header><h1>{html.escape(title)}</h1><p class="verdict {"good" if held else "bad"}">{html.escape(said)}</p><dl class="facts">{rows}</dl></header>'


def _tiles(judged: Judgement) -> list[tuple[str, str, str, bool]]:
    """Return the figures that are read first: name, value, what stands below it, whether it is bad."""
    found = judged.figures
    lost = sum(len(each.ids) for each in found.breaches if each.rule == "lost")
    split = sum(len(each.ids) for each in found.breaches if each.rule == "split-brain")
    routed, whole = found.times.routed_s.values(), found.times.whole_s.values()
    fired = [each.fired_s for each in found.times.alerts]
    return [
        ("Writes", *_outage(found.writes)), ("Reads", *_outage(found.outages["reads"])), ("Reads of replicas", *_outage(found.outages["replica reads"])),
        ("Lost before the replay", str(len(found.checked.lost_before)), f"of {found.checked.acknowledged} acknowledged", False),
        ("Lost after it", str(lost), "promised: none", bool(lost)),
        ("Two primaries", str(split), "writes acknowledged beside another leader", bool(split)),
        ("Routing told", _longest(list(routed)), "after the fault, the last site", None in routed),
        ("Whole again", _longest(list(whole)), "after the fault", None in whole),
        ("First alert", f"{min(fired):.1f} s" if fired else "none", f"{len(fired)} fired", False),
    ]


def _outage(found: Outage | None) -> tuple[str, str, bool]:
    if found is None:
        return "–", "not measured", False
    return f"{found.worst_s:.1f} s", f"p50 {found.p50_s:.1f}, p95 {found.p95_s:.1f}, n {found.streams}" + (", not over" if found.open else ""), found.open


def _longest(times: Sequence[float | None]) -> str:
    """Return the last of several moments; a dash where there is none."""
    known = [each for each in times if each is not None]
    return "–" if not times else "never" if len(known) < len(times) else f"{max(known):.1f} s"


def _tile(name: str, value: str, below: str, bad: bool) -> str:
    return f'<div{" class=bad" if bad else ""}><dt>{name}</dt><dd>{html.escape(value)}</dd><dd class="below">{html.escape(below)}</dd></div>'


def _table(title: str, rows: Sequence[Row], *, bad: bool = False) -> str:
    """Return rows as a table; nothing where there are none."""
    if not rows:
        return ""
    head = "".join(f"<th scope=col>{html.escape(column)}</th>" for column in rows[0])
    lines = "".join(f'<tr{" class=bad" if bad or row.get("held") == "NO" else ""}>{"".join(f"<td>{_lines(cell)}</td>" for cell in row.values())}</tr>'
                    for row in rows)
    return f"<h2>{html.escape(title)}</h2><div class=wide><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"


def _lines(cell: object) -> str:
    """Return a cell's text with its lines."""
    return html.escape(str(cell)).replace("\n", "<br>")


def _runs(kept: Sequence[Kept], beside: Path) -> str:
    """Return the runs of a fault as a table, the latest first."""
    rows = []
    for each in reversed(kept):
        report = each.report
        page = each.folder / PAGE
        name = html.escape(report.name)
        link = f'<a href="{html.escape(Path(os.path.relpath(page, beside)).as_posix())}">{name}</a>' if page.exists() else name
        foretold = "; ".join(f"{said.said}" for said in report.foretold if said.source == "unde survive" and said.what.startswith("writes of")) or "–"
        cells = [
            link, html.escape(report.began), f"{report.rtt_ms:g} ms, {report.loss_percent:g} %", f"{report.writes.worst_s:.1f}" if report.writes else "–",
            html.escape(foretold), f"{report.reads.worst_s:.1f}" if report.reads else "–", str(report.lost_before_replay), str(report.lost_after_replay),
            html.escape(report.revision or "–"), "yes" if report.held else "NO",
        ]
        rows.append(f'<tr{"" if report.held else " class=bad"}>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>')
    columns = ("run", "began", "RTT, loss", "writes s", "foretold", "reads s", "lost before", "lost after", "code", "held")
    head = "".join(f"<th scope=col>{column}</th>" for column in columns)
    return f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"


def _dots(kept: Sequence[Kept]) -> str:
    """Return the outages of writes of a fault's runs, one dot each, the earliest left; red where a run did not hold."""
    values = [(each.report, each.report.writes.worst_s) for each in kept if each.report.writes]
    if not values:
        return ""
    most, step = max(1.0, *(value for _, value in values)), 900 / max(len(values), 12)
    dots = "".join(
        f'<circle class="{"good" if report.held else "bad"}" cx="{60 + step * (number + 0.5):.1f}" cy="{110 - 96 * value / most:.1f}" r="4">'
        f"<title>{html.escape(report.name)}: {value:.1f} s, RTT {report.rtt_ms:g} ms, {report.loss_percent:g} % loss</title></circle>"
        for number, (report, value) in enumerate(values)
    )
    marks = f'<text class="tick end" x="52" y="114">0</text><text class="tick end" x="52" y="18">{most:.1f} s</text>'
    return (f'<svg class="dots" viewBox="0 0 970 124" role="img" aria-label="Outage of writes, seconds, run by run">'
            f'<path class="base" d="M60 110h900M60 14h900"/>{marks}{dots}</svg>')
