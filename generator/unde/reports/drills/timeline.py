"""The course of a run as one SVG: what each client had acknowledged, who led, what sites were told, lag, redundancy, alerts; the fault across all of it.

Colours are classes of the page's style sheet: ``m0``, ``m1`` … for members, in the order of their names. Nothing runs in it; what a part means stands in its
``title``, which browsers show where one points.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from ...drills import History, Judgement, records
from ...drills.outage import SORTS, Outage, attempts, silences

LEFT, WIDTH, RIGHT = 190, 900, 20  #: of the lanes, pixels
TALL, LOW, GAP, HEAD = 46, 18, 8, 46  #: heights of a lane of rates, of one of strips, of what lies between; of what stands above all
BINS = 220  #: in how many parts the time is cut, at the most
STEPS = (0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
COLOURS = 5
MARGIN = 1.03  #: the time that is drawn, as a share of the run's


@dataclass(frozen=True)
class Scale:
    """From seconds of the run to pixels; ``step``: the width of a bin, seconds."""

    begin: float
    end: float
    step: float

    def x(self, moment: float) -> float:
        """Return where a moment is."""
        inside = min(max(moment, self.begin), self.end)
        return round(LEFT + WIDTH * (inside - self.begin) / (self.end - self.begin), 1)


@dataclass(frozen=True)
class Strip:
    """A piece of a lane that says one thing from one moment to another."""

    begin: float
    end: float
    kind: str
    label: str


@dataclass(frozen=True)
class Lane:
    """A part of the picture, drawn within its height."""

    title: str
    note: str
    height: int
    inner: str


def drawn(judged: Judgement) -> str:
    """Return the picture."""
    history = judged.history
    begin, end = _span(history)
    scale = Scale(begin, end, next((step for step in STEPS if (end - begin) / step <= BINS), STEPS[-1]))
    colours = _colours(history)
    lanes = [*_rates(history, scale, colours), *_strips(history, scale, colours), *_lag(history, scale), *_alerts(judged, scale)]
    parts, y = [], HEAD
    for lane in lanes:
        parts.append(f'<g transform="translate(0 {y})"><text class="lane" x="{LEFT - 12}" y="13">{html.escape(lane.title)}</text>'
                     f'<text class="note" x="{LEFT - 12}" y="27">{html.escape(lane.note)}</text>{lane.inner}</g>')
        y += lane.height + GAP
    under, over = _fault(judged, scale, y)
    title = html.escape(f"Course of the run: {_said(judged.figures.writes)}")
    return (
        f'<svg class="course" viewBox="0 0 {LEFT + WIDTH + RIGHT} {y + 34}" role="img" aria-label="{title}">'
        f'{under}{"".join(parts)}{over}{_axis(history.fault_at, scale, y)}</svg>'
    )


def legend(history: History) -> str:
    """Return which colour is which member's."""
    return "".join(f'<span><i class="key m{number}"></i>{html.escape(name)}</span>' for name, number in _colours(history).items()) + (
        '<span><i class="key bad"></i>without an answer</span>'
    )


def _said(found: Outage | None) -> str:
    return "no writes" if found is None else f"{found.worst_s:.1f} s without an acknowledged write at the worst"


def _span(history: History) -> tuple[float, float]:
    """Return from when to when something is drawn."""
    times = [history.fault_at, *(each.at for each in history.sightings), *(each.begin for each in history.attempts), *(each.end for each in history.attempts)]
    length = max(1.0, max(times) - min(times))
    return min(times), min(times) + MARGIN * length  # so that what was seen last has a width


def _colours(history: History) -> dict[str, int]:
    """Return the members, each with the number of its colour."""
    names = {each.member for each in history.attempts if each.member}
    for each in history.sightings:
        if isinstance(each.event, (records.Leader, records.Routing)) and each.event.member:
            names.add(each.event.member)
    return {name: number % COLOURS for number, name in enumerate(sorted(names))}


def _rates(history: History, scale: Scale, colours: dict[str, int]) -> Iterator[Lane]:
    """Yield a lane for each sort of what a client does: acknowledged a second, in the colour of the member; in red where nothing was."""
    bins = ceil((scale.end - scale.begin) / scale.step)
    for name, party in sorted(history.clients.items(), key=lambda each: (each[1].header.site, each[0])):
        for sort in SORTS:
            own = [each for each in attempts(history, sort) if each.client == name]
            if not own:
                continue
            counts: list[dict[str, int]] = [{} for _ in range(bins)]
            for each in own:
                place = min(bins - 1, int((each.end - scale.begin) / scale.step))
                if each.result == "ok":
                    counts[place][str(each.member)] = counts[place].get(str(each.member), 0) + 1
            most = max(sum(each.values()) for each in counts) or 1
            pinned = "" if party.header.reconnects else ", one session"
            yield Lane(f"{name} {sort}", f"{party.header.site}{pinned}, ≤ {most / scale.step:g}/s", TALL,
                       _bars(counts, most, scale, colours) + _silent(silences(history, sort, name), scale))


def _bars(counts: list[dict[str, int]], most: int, scale: Scale, colours: dict[str, int]) -> str:
    """Return the bars of a lane, one path for each member."""
    paths: dict[str, list[str]] = {}
    for number, members in enumerate(counts):
        left, right, base = scale.x(scale.begin + number * scale.step), scale.x(scale.begin + (number + 1) * scale.step), float(TALL)
        for member, count in sorted(members.items()):
            top = round(base - TALL * count / most, 1)
            paths.setdefault(member, []).append(f"M{left:g} {base:g}V{top:g}H{right:g}V{base:g}Z")
            base = top
    return f'<path class="base" d="M{LEFT} {TALL}h{WIDTH}"/>' + "".join(
        f'<path class="m{colours[member]}" d="{"".join(path)}"><title>acknowledged by {html.escape(member)}</title></path>' for member, path in paths.items()
    )


def _silent(silences: list[tuple[float, float]], scale: Scale) -> str:
    """Return where a client had no answer, as a red line at the foot of its lane."""
    path = "".join(f"M{scale.x(begin):g} {TALL - 3}H{scale.x(end):g}" for begin, end in silences)
    return f'<path class="silent" d="{path}"><title>no answer, or an error</title></path>' if path else ""


def _strips(history: History, scale: Scale, colours: dict[str, int]) -> Iterator[Lane]:
    """Yield who led each shard and etcd, whom each site's routing record named, and whether each shard was whole."""
    found: dict[tuple[str, str], list[tuple[float, str, str]]] = {}
    votes: dict[str, int] = {}
    for each in history.sightings:
        event = each.event
        if isinstance(event, records.Leader):
            label = f"{event.member}{f', timeline {event.timeline}' if event.timeline is not None else ''}" if event.member else "nobody"
            found.setdefault((f"{event.shard} led by", ""), []).append((each.at, f"m{colours[event.member]}" if event.member else "bad", label))
        elif isinstance(event, records.Routing):
            kind = f"m{colours[event.member]}{' stale' if event.stale else ''}" if event.member else "bad"
            label = f"{event.member or 'nobody'}{' (stale)' if event.stale else ''}"
            found.setdefault((f"{event.shard} routed to", event.site), []).append((each.at, kind, label))
        elif isinstance(event, records.VotesLeader):
            number = votes.setdefault(event.member, len(votes) % 2) if event.member else 0
            found.setdefault(("etcd led by", ""), []).append((each.at, f"v{number}" if event.member else "bad", event.member or "nobody"))
        elif isinstance(event, records.Whole):
            found.setdefault((f"{event.shard} redundancy", ""), []).append((each.at, "good" if event.whole else "bad", "whole" if event.whole else "not whole"))
    for (title, note), said in found.items():
        pieces = [Strip(one[0], other[0], one[1], one[2]) for one, other in pairwise([*said, (scale.end, "", "")])]
        yield Lane(title, note, LOW + (12 if note else 0), "".join(_strip(piece, scale, 0) for piece in _joined(pieces)))


def _joined(pieces: list[Strip]) -> list[Strip]:
    """Return pieces without a seam between two that say the same."""
    made: list[Strip] = []
    for piece in pieces:
        if made and (made[-1].kind, made[-1].label) == (piece.kind, piece.label):
            made[-1] = Strip(made[-1].begin, piece.end, piece.kind, piece.label)
        else:
            made.append(piece)
    return made


def _strip(piece: Strip, scale: Scale, y: int) -> str:
    """Return a piece as a bar, with its label where it has the room."""
    left, right = scale.x(piece.begin), scale.x(piece.end)
    wide = max(1.5, round(right - left, 1))
    label = html.escape(piece.label)
    text = f'<text class="on" x="{left + 5:g}" y="{y + 13}">{label}</text>' if wide > 7 * len(piece.label) else ""
    return f'<g><title>{label}</title><rect class="{piece.kind}" x="{left:g}" y="{y}" width="{wide:g}" height="{LOW}" rx="2"/>{text}</g>'


def _lag(history: History, scale: Scale) -> Iterator[Lane]:
    """Yield a lane of each shard's lag: that of the member furthest behind."""
    found: dict[str, dict[float, int]] = {}
    for each in history.sightings:
        if isinstance(each.event, records.Lag):
            own = found.setdefault(each.event.shard, {})
            own[each.at] = max(own.get(each.at, 0), each.event.lag_bytes)
    for shard, values in sorted(found.items()):
        most = max(values.values()) or 1
        points = [(scale.x(moment), round(TALL - TALL * value / most, 1)) for moment, value in sorted(values.items())]
        path = "".join(f"L{x:g} {y:g}" for x, y in points)[1:]
        area = f'<path class="lag" d="M{points[0][0]:g} {TALL}L{path}V{TALL}Z"><title>bytes behind the leader</title></path>'
        yield Lane(f"{shard} lag", f"≤ {_bytes(most)}", TALL, f'<path class="base" d="M{LEFT} {TALL}h{WIDTH}"/>{area}')


def _bytes(count: int) -> str:
    """Return a number of bytes in the unit that shows it."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count = round(count / 1000)
    return f"{count} GB"


def _alerts(judged: Judgement, scale: Scale) -> Iterator[Lane]:
    """Yield a lane for each alert."""
    at = judged.history.fault_at
    for each in judged.figures.times.alerts:
        end = scale.end if each.resolved_s is None else at + each.resolved_s
        label = f"after {each.fired_s:.1f} s" + ("" if each.resolved_s is None else f", until {each.resolved_s:.1f} s")
        note = ", ".join(filter(None, (each.about, f"by {each.watch}")))
        yield Lane(each.name, note, LOW + 12, _strip(Strip(at + each.fired_s, end, "alert", label), scale, 0))


def _fault(judged: Judgement, scale: Scale, bottom: int) -> tuple[str, str]:
    """Return what lies under the lanes, the time from the fault until it was mended, and what lies over them, the longest outage of writes."""
    history, times, writes = judged.history, judged.figures.times, judged.figures.writes
    left = scale.x(history.fault_at)
    right = scale.x(history.fault_at + times.mended_s) if times.mended_s is not None else scale.x(scale.end)
    what = ", ".join(dict.fromkeys(f"{each.event.name} {each.event.target}" for each in history.sightings if isinstance(each.event, records.Injected)))
    under = (f'<rect class="fault" x="{left:g}" y="{HEAD - 4}" width="{max(1.0, round(right - left, 1)):g}" height="{bottom - HEAD + 4}"/>'
             f'<path class="begin" d="M{left:g} {HEAD - 4}V{bottom}"/><text class="what" x="{left:g}" y="10">{html.escape(what)}</text>')
    if writes is None:
        return under, ""
    begin, end = scale.x(writes.worst.begin), scale.x(writes.worst.end)
    label = html.escape(f"{_said(writes)} ({writes.worst.client}, worker {writes.worst.worker})")
    return under, f'<path class="gap" d="M{begin:g} {HEAD - 18}v6H{end:g}v-6"/><text class="gap" x="{begin + 4:g}" y="{HEAD - 21}">{label}</text>'


def _axis(at: float, scale: Scale, y: int) -> str:
    """Return the seconds after the fault."""
    step = next((step for step in STEPS if step >= 1 and (scale.end - scale.begin) / step <= 14), STEPS[-1])
    first = ceil((scale.begin - at) / step)
    ticks = []
    number = first
    while (moment := at + number * step) <= scale.end:
        x = scale.x(moment)
        ticks.append(f'<path class="tick" d="M{x:g} {y}v5"/><text class="tick" x="{x:g}" y="{y + 18}">{number * step:g}</text>')
        number += 1
    return f'<path class="base" d="M{LEFT} {y}h{WIDTH}"/>{"".join(ticks)}<text class="note" x="{LEFT - 12}" y="{y + 18}">seconds after the fault</text>'
