"""A run's report: JSON that says everything, pages that need nothing else, texts that stay texts."""

from __future__ import annotations

import html.parser
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import simulated
from simulated import SECOND, Setting

import support
from unde import drills
from unde.drills import Judgement
from unde.drills.faults import FAULTS
from unde.drills.measured import lines, read
from unde.reports import drills as report
from unde.reports.drills import measured, page, timeline

HOSTILE = "<script>alert(1)</script>&\"'"


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judgement:
    """Return a failover that lost writes and brought them back."""
    return drills.judge(simulated.simulated(Setting(unreplicated=0.5)).write(tmp_path_factory.mktemp("run")))


class Elements(html.parser.HTMLParser):
    """The elements of a page, as (name, attributes)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_report_says_everything(judged: Judgement) -> None:
    """All that the requirement names, in JSON."""
    row = json.loads(json.dumps(report.report(judged)))
    assert (row["name"], row["fault"], row["rtt_ms"], row["loss_percent"], row["held"]) == ("2026-11-30-host-lost-1", "host-lost", 120, 0, True)
    for sort in ("writes", "reads", "replica_reads"):
        assert row[sort].keys() >= {"p50_s", "p95_s", "worst_s", "streams", "open"}
    assert row["lost_before_replay"] == len(row["lost_before_replay_ids"]) > 10
    assert [row[key] for key in ("lost_after_replay", "duplicates", "out_of_order", "split_brain", "stale_reads")] == [0] * 5
    assert (row["promoted_s"], row["routed_s"], row["whole_s"]) == ({"shard0": 18.0}, {"local shard0": 18.6}, {"shard0": 26.0})
    assert row["alerts"] == [{"name": "ShardWithoutPrimary", "watch": "helsinki", "about": "shard0", "fired_s": 8.0, "resolved_s": 24.0}]
    assert {each["source"] for each in row["foretold"]} == {"unde survive", "scenario-1"}
    assert {each["name"]: each["judged"] for each in row["clients"]} == {"far": True, "near": True, "pinned": False, "reader": True}


def test_the_page_needs_nothing_else(judged: Judgement) -> None:
    """No script, no link but an empty icon; its policy lets nothing in; twice the same bytes."""
    text = page.run(judged)
    assert text == page.run(judged)
    found = Elements(text).found
    assert not [name for name, _ in found if name in ("script", "img", "iframe", "object", "form")]
    assert [attributes.get("href") for name, attributes in found if name in ("link", "a")] == ["data:,"]
    assert not [attributes for _, attributes in found if "style" in attributes or any(name.startswith("on") for name in attributes)]
    [policy] = [attributes["content"] for name, attributes in found if attributes.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert not re.search(r"https?://(?!www\.w3\.org)", text)


def test_what_the_picture_shows(judged: Judgement) -> None:
    """A lane for each sort of each client, who led, routing, lag, redundancy, alerts; the fault, and the longest outage."""
    picture = ElementTree.fromstring(timeline.drawn(judged))
    texts = [each.text for each in picture.iter("text")]
    for lane in ("near writes", "far writes", "pinned writes", "reader reads", "reader replica reads", "shard0 led by", "etcd led by", "shard0 routed to",
                 "shard0 lag", "shard0 redundancy", "ShardWithoutPrimary"):
        assert lane in texts
    assert "power shard-a" in texts
    assert any(text and text.startswith("18.1 s without an acknowledged write") for text in texts)
    width, height = map(float, picture.attrib["viewBox"].split()[2:])
    for each in picture.iter("rect"):
        assert 0 <= float(each.attrib["x"]) <= float(each.attrib["x"]) + float(each.attrib["width"]) <= width
    assert height < 1000
    fault = next(each for each in picture.iter("rect") if each.attrib["class"] == "fault")
    bars = "".join(each.attrib["d"] for each in picture.iter("path") if len(each) and each[0].text == f"acknowledged by {SECOND}")
    starts = [float(x) for x in re.findall(r"M([\d.]+) ", bars)]
    assert min(starts) < float(fault.attrib["x"]) < max(starts), "the replica is read before the fault, and writes come after it"
    assert "".join(picture.itertext()).count("no answer, or an error") >= 4


def test_a_broken_run_says_so(tmp_path: Path) -> None:
    """In its first line, in a table of what is broken, and red."""
    made = simulated.simulated(Setting())
    row = made.lines("after.jsonl", "row")[20]
    made.drop("before", row["user"], row["number"])
    made.drop("after", row["user"], row["number"])
    broken = drills.judge(made.write(tmp_path))
    assert report.verdict(broken) == "BROKEN: 1 rule broken"
    assert ("Broken", 1) in [(title, len(rows)) for title, rows in report.tables(broken)]
    text = page.run(broken)
    assert '<p class="verdict bad">BROKEN' in text
    assert f"{row['user']}/{row['number']}" in text


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    """Whatever names hold."""
    made = simulated.simulated(Setting(before=1, outage=1, after=1))
    made.run |= {"name": HOSTILE, "command": HOSTILE, "targets": [HOSTILE], "revision": HOSTILE}
    made.files["near.jsonl"][0] |= {"client": HOSTILE, "site": HOSTILE}
    for each in made.operations(result="ok"):
        each["member"] = HOSTILE
    for each in made.lines("observer.jsonl", "alert"):
        each |= {"name": HOSTILE, "about": HOSTILE}
    made.lines("observer.jsonl", "leader")[0]["member"] = HOSTILE
    hostile = drills.judge(made.write(tmp_path))
    text = page.run(hostile)
    assert "<script" not in text
    ElementTree.fromstring(timeline.drawn(hostile))
    assert [name for name, _ in Elements(text).found if name == "script"] == []


@pytest.mark.parametrize("setting", [Setting(before=0.5, outage=0.2, after=0.3), Setting(before=2, outage=300, after=2, workers=1), Setting(failover=False)])
def test_runs_of_any_length_are_drawn(setting: Setting, tmp_path: Path) -> None:
    """Short and long ones, and one in which nothing moves; never more than a few hundred bars a lane."""
    text = timeline.drawn(drills.judge(simulated.simulated(setting).write(tmp_path)))
    ElementTree.fromstring(text)
    assert len(text) < 60_000


def test_the_history_leads_to_the_pages_of_its_runs(judged: Judgement, tmp_path: Path) -> None:
    """Where they stand beside the reports; faults without a run are named."""
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_text(json.dumps([{**report.report(judged), "name": name, "held": name == "with"}]), encoding="utf-8")
    (tmp_path / "with" / page.PAGE).write_text("", encoding="utf-8")
    text = page.history(read(tmp_path), tmp_path)
    links = [attributes["href"] for name, attributes in Elements(text).found if name == "a"]
    assert links == ["with/report.html"]
    assert "2 runs, 1 of them broken" in text
    assert text.count("<circle") == 2
    assert "primary frozen" in text.partition("Not measured")[2]
    assert "no run was kept yet" in page.history([], tmp_path)


def test_the_table_of_what_was_measured(judged: Judgement, tmp_path: Path) -> None:
    """A row for each line; what nobody measured says so, and nothing else."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "report.json").write_text(json.dumps([report.report(judged)]), encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in measured.text(lines(read(tmp_path))).splitlines() if line.startswith("| host of the primary lost")]
    assert [row[1:4] for row in rows] == [["120", "0", "1"], ["0, 40, 200", "0, 5", "not measured"], ["120", "5", "not measured"]]
    assert rows[0][4] == "18.1 / 18.1 / 18.1"
    assert rows[0][8:] == ["0", "16–29 s", "0", f"`{judged.history.run.command}`"]


def test_the_committed_table_names_every_fault() -> None:
    """Measured or not; it is what the command wrote."""
    text = (support.ROOT / "docs" / "measured.md").read_text(encoding="utf-8")
    empty = measured.text(lines([]))
    assert text.partition("\n| ")[0] == empty.partition("\n| ")[0]
    assert all(f"| {fault.title} |" in text for fault in FAULTS.values())
