"""The checker finds what is planted, names it, and finds nothing in what is sound."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import simulated
from hypothesis import given
from hypothesis import settings as profile
from simulated import FIRST, SECOND, Made, Row, Setting

from unde import drills
from unde.drills.findings import Breach
from unde.drills.history import read


def breaches(made: Made, folder: Path) -> tuple[Breach, ...]:
    """Return what is found in a history."""
    return drills.judge(made.write(folder)).figures.breaches


def only(found: tuple[Breach, ...], rule: str) -> Breach:
    """Return the one breach that there is."""
    assert [each.rule for each in found] == [rule], found
    return found[0]


@profile(max_examples=25)
@given(setting=simulated.settings())
def test_a_sound_history_passes(setting: Setting, tmp_path_factory: pytest.TempPathFactory) -> None:
    """With and without a failover, with writes that are lost and brought back, on one kernel's clock and on five that are off."""
    judged = drills.judge(simulated.simulated(setting).write(tmp_path_factory.mktemp("run")))
    assert judged.figures.breaches == ()
    assert judged.figures.checked.acknowledged > 20
    assert (judged.figures.moved == ("shard0",)) == setting.failover


def kept(made: Made, name: str = "near.jsonl", **wanted: object) -> Row:
    """Return an acknowledged write in the middle of a run that was not lost."""
    there = {(row["user"], row["number"]) for row in made.lines("before.jsonl", "row")}
    found = [each for each in made.operations(name, what="write", result="ok", **wanted) if (each["user"], each["number"]) in there]
    return found[len(found) // 2]


def name(each: Row) -> str:
    return f"{each['user']}/{each['number']}"


def place(made: Made, each: Row, file: str = "near.jsonl") -> str:
    return f"{file}:{made.files[file].index(each) + 1}"


def test_a_lost_write(tmp_path: Path) -> None:
    made = simulated.simulated(Setting())
    gone = kept(made, timeline=1)
    for moment in ("before", "after"):
        made.drop(moment, gone["user"], gone["number"])
    found = only(breaches(made, tmp_path), "lost")
    assert found.ids == (name(gone),)
    assert all(words in found.message for words in (name(gone), FIRST, "timeline 1", place(made, gone), "shard0"))


def test_what_was_lost_before_the_replay_and_brought_back_is_a_figure(tmp_path: Path) -> None:
    """And no breach; without the replay it is one, of the same writes."""
    made = simulated.simulated(Setting(unreplicated=0.5))
    judged = drills.judge(made.write(tmp_path / "with"))
    lost = judged.figures.checked.lost_before
    assert (judged.figures.breaches, judged.held) == ((), True)
    assert lost == tuple(name(each) for each in made.operations(what="replay"))
    assert len(lost) > 5
    assert 0.3 < judged.figures.checked.lost_span_s < 0.6
    made.files["after.jsonl"] = [made.files["after.jsonl"][0], *made.lines("before.jsonl", "row"), made.files["after.jsonl"][-1]]
    assert only(breaches(made, tmp_path / "without"), "lost").ids == lost


def test_what_vanishes_while_it_is_replayed(tmp_path: Path) -> None:
    """Though nobody had been promised it: its attempt is unknown."""
    made = simulated.simulated(Setting())
    each = kept(made)
    each |= {"result": "unknown", "member": None, "timeline": None}
    made.drop("after", each["user"], each["number"])
    assert only(breaches(made, tmp_path), "vanished").ids == (name(each),)


@pytest.mark.parametrize("there", [True, False])
def test_an_unknown_write_is_neither_lost_nor_kept(there: bool, tmp_path: Path) -> None:
    made = simulated.simulated(Setting())
    usual = drills.judge(made.write(tmp_path / "usual")).figures.checked
    each = kept(made)
    each |= {"result": "unknown", "member": None, "timeline": None}
    if not there:
        for moment in ("before", "after"):
            made.drop(moment, each["user"], each["number"])
    judged = drills.judge(made.write(tmp_path / "unknown"))
    checked = judged.figures.checked
    assert [breach for breach in judged.figures.breaches if breach.rule != "phantom"] == []
    assert (checked.acknowledged, checked.unknown) == (usual.acknowledged - 1, usual.unknown + 1)
    assert checked.unknown_kept == usual.unknown_kept + there
    assert checked.lost_before == ()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_duplicate(moment: str, tmp_path: Path) -> None:
    made = simulated.simulated(Setting())
    each = kept(made)
    row = made.row(moment, each["user"], each["number"])
    made.files[f"{moment}.jsonl"].insert(2, row | {"position": row["position"] + 100_000})
    assert only(breaches(made, tmp_path / "one"), "duplicate").ids == (name(each),)
    if moment == "before":  # what is so before is told once
        made.files["after.jsonl"].insert(2, row | {"position": row["position"] + 100_000})
        assert only(breaches(made, tmp_path / "both"), "duplicate").ids == (name(each),)


def test_a_reordering_within_one_user(tmp_path: Path) -> None:
    """Two writes of a user that stand the other way round; the same of two users is nothing."""
    made = simulated.simulated(Setting())
    one, two = (each for each in made.operations(user=0, result="ok") if each["number"] in (5, 6))
    rows = [made.row(moment, each["user"], each["number"]) for moment in ("before", "after") for each in (one, two)]
    for first, second in (rows[:2], rows[2:]):
        first["position"], second["position"] = second["position"], first["position"]
    found = only(breaches(made, tmp_path / "one user"), "order")
    assert found.ids == ("0/5", "0/6")
    assert place(made, two) in found.message
    made = simulated.simulated(Setting())
    placed = made.lines("before.jsonl", "row")
    one, two = next((one, two) for one, two in pairwise(placed) if one["user"] != two["user"])
    one["position"], two["position"] = two["position"], one["position"]
    assert breaches(made, tmp_path / "two users") == ()


def test_an_order_that_is_another_after_the_replay(tmp_path: Path) -> None:
    made = simulated.simulated(Setting(unreplicated=0.5))
    one, two = [each for each in made.operations(what="replay") if each["user"] == 0][:2]
    first, second = (made.row("after", each["user"], each["number"]) for each in (one, two))
    first["position"], second["position"] = second["position"], first["position"]
    assert only(breaches(made, tmp_path), "order").ids == (name(two), name(one))


def late(made: Made, by: float) -> Row:
    """Have the first leader acknowledge a client's last write so long after the second one's first sign; return it.

    The second one does not have it, nobody has seen it, and it is written again in the end.
    """
    signs = [each["end"] for file in ("near.jsonl", "far.jsonl") for each in made.operations(file, timeline=2)]
    seen = [each["at"] for each in made.lines("observer.jsonl", "leader") if each["timeline"] == 2]
    mine = made.operations("pinned.jsonl", user=200, result="ok")[-1]
    number, beginning = mine["number"], min(signs + seen)
    mine |= {"begin": beginning + by - 0.004, "end": beginning + by}
    for file in ("pinned.jsonl", "before.jsonl", "after.jsonl"):
        made.files[file] = [each for each in made.files[file] if each.get("user") != 200 or each["number"] < number or each is mine]
    for asked in made.operations("reader.jsonl", user=200):
        asked["seen"] = asked.get("seen") and min(asked["seen"], number - 1)
    until = made.files["near.jsonl"][-1]["monotonic"]
    again = {"kind": "operation", "what": "replay", "user": 200, "number": number, "begin": until, "end": until + 0.001, "result": "ok", "member": SECOND,
             "timeline": 2}
    made.files["near.jsonl"].insert(-1, again)
    made.files["after.jsonl"].insert(-1, {"kind": "row", "user": 200, "number": number, "position": 100_000})
    return mine


@pytest.mark.parametrize(("by", "told"), [(0.001, "1 ms after"), (0.0001, "0.1 ms after")])
def test_two_primaries_that_overlap_by_a_millisecond(by: float, told: str, tmp_path: Path) -> None:
    """Begun before the other one's first sign, acknowledged a millisecond after it, and not what the other one has."""
    made = simulated.simulated(Setting())
    each = late(made, by)
    found = only(breaches(made, tmp_path), "split-brain")
    assert found.ids == (name(each),)
    assert all(words in found.message for words in (FIRST, SECOND, told, "timeline 1", "timeline 2", place(made, each, "pinned.jsonl")))


def test_a_millisecond_before_is_no_overlap(tmp_path: Path) -> None:
    made = simulated.simulated(Setting())
    late(made, -0.001)
    assert breaches(made, tmp_path) == ()


def test_a_late_answer_to_what_the_new_leader_has_is_no_overlap(tmp_path: Path) -> None:
    """It was committed before the promotion: only the answer took its time. But when it was begun after it, it is one all the same."""
    made = simulated.simulated(Setting())
    each = late(made, 2.0)
    each["begin"] -= 10
    made.files["after.jsonl"].remove(made.row("after", 200, each["number"]))
    for moment in ("before", "after"):
        made.files[f"{moment}.jsonl"].insert(-1, {"kind": "row", "user": 200, "number": each["number"], "position": 100_000})
    for asked in made.operations("reader.jsonl", user=200, of="primary", member=SECOND):
        asked["seen"] = each["number"]
    assert breaches(made, tmp_path / "answer") == ()
    each["begin"] += 10
    assert "split-brain" in [found.rule for found in breaches(made, tmp_path / "write")]


def test_a_thawed_primary_that_had_been_succeeded(tmp_path: Path) -> None:
    """It acknowledges what it was sent before it froze, long after the promotion."""
    made = simulated.simulated(Setting())
    each = late(made, 3.0)
    each["begin"] -= 15
    assert only(breaches(made, tmp_path), "split-brain").ids == (name(each),)


def test_a_promotion_that_only_an_observer_saw(tmp_path: Path) -> None:
    """No write was acknowledged by the new leader yet; what the observer said counts, and nothing else can."""
    made = simulated.simulated(Setting())
    [seen] = [line for line in made.lines("observer.jsonl", "leader") if line["timeline"] == 2]
    seen["at"] -= 1
    seen["since"] -= 1
    each = late(made, 0.001)
    assert only(breaches(made, tmp_path / "seen"), "split-brain").ids == (name(each),)
    seen["timeline"] = None
    assert breaches(made, tmp_path / "unseen") == ()


def test_two_members_on_one_timeline(tmp_path: Path) -> None:
    made = simulated.simulated(Setting(failover=False))
    each = kept(made)
    each["member"] = SECOND
    found = only(breaches(made, tmp_path), "split-brain")
    assert name(each) in found.ids
    assert all(words in found.message for words in (FIRST, SECOND, "timeline 1"))


FAR_CLOCK = {"far-host": ("kernel two", 70.0, 2.0)}


def test_an_overlap_within_what_clocks_may_be_off_is_told_and_no_breach(tmp_path: Path) -> None:
    """Beyond it, it is one."""
    made = simulated.simulated(Setting(clocks={"pinned-host": ("kernel two", 5000.0, 0.0)}))
    each = late(made, 0.005)
    judged = drills.judge(made.write(tmp_path / "within"))
    assert judged.figures.breaches == ()
    [told] = judged.figures.checked.remarks
    assert all(words in told for words in (name(each), "is not known", "5 ms apart"))
    made = simulated.simulated(Setting(clocks={"pinned-host": ("kernel two", 5000.0, 0.0)}))
    each = late(made, 0.2)
    assert only(breaches(made, tmp_path / "beyond"), "split-brain").ids == (name(each),)


def test_a_stale_read_of_the_primary(tmp_path: Path) -> None:
    """The same read of a replica is late, and told as that."""
    made = simulated.simulated(Setting())
    usual = drills.judge(made.write(tmp_path / "usual")).figures.checked.replicas
    found = [each for each in made.operations("reader.jsonl", what="read", of="primary", result="ok") if (each["seen"] or 0) > 8]
    each = found[len(found) // 2]
    each["seen"] -= 3
    told = only(breaches(made, tmp_path / "primary"), "stale-read")
    assert told.ids == (place(made, each, "reader.jsonl"),)
    assert f"{each['user']}/{each['seen'] + 3}" in told.message
    each["of"] = "replica"
    judged = drills.judge(made.write(tmp_path / "replica"))
    assert judged.figures.breaches == ()
    assert len(judged.figures.checked.replicas.late_s) == len(usual.late_s) + 1


def test_a_read_does_not_have_to_show_what_was_lost(tmp_path: Path) -> None:
    """That is one loss, and not a stale read besides."""
    made = simulated.simulated(Setting(unreplicated=0.9))
    lost = {(each["user"], each["number"]) for each in made.operations(what="replay")}
    assert any((each["user"], (each["seen"] or 0) + 1) in lost for each in made.operations("reader.jsonl", of="primary", member=SECOND))
    assert breaches(made, tmp_path) == ()


def test_a_clock_that_is_off_and_known_changes_nothing(tmp_path: Path) -> None:
    """Its times are corrected, and it is told."""
    usual, off = (drills.judge(simulated.simulated(Setting(clocks=clocks)).write(tmp_path / str(len(clocks)))) for clocks in ({}, FAR_CLOCK))
    assert off.figures.breaches == ()
    assert off.figures.writes is not None
    assert usual.figures.writes is not None
    assert off.figures.writes.worst_s == pytest.approx(usual.figures.writes.worst_s, abs=1e-3)
    [told] = off.history.remarks
    assert "far-host is +2.000 s off" in told


def test_a_clock_that_is_off_and_claimed_to_be_right(tmp_path: Path) -> None:
    """Somebody saw what was not begun yet: both places are named."""
    made = simulated.simulated(Setting(clocks={"far-host": ("kernel two", 70.0, 0.6)}))
    made.run["clocks"] = [line | {"answered": (line["sent"] + line["received"]) / 2} for line in made.run["clocks"]]
    found = breaches(made, tmp_path)
    [clock] = [each for each in found if each.rule == "clock"]
    assert "reader.jsonl:" in clock.message
    assert "far.jsonl:" in clock.message


def spoil_phantom(made: Made) -> str:
    for moment in ("before", "after"):
        made.files[f"{moment}.jsonl"].insert(-1, {"kind": "row", "user": 0, "number": 9999, "position": 100_000})
    return "0/9999"


def spoil_failed(made: Made) -> str:
    each = kept(made)
    each |= {"result": "failed", "member": None, "timeline": None}
    return name(each)


def spoil_read(made: Made) -> str:
    each = made.operations("reader.jsonl", what="read", of="primary")[-1]
    each["seen"] = 9999
    return place(made, each, "reader.jsonl")


@pytest.mark.parametrize("spoil", [spoil_phantom, spoil_failed, spoil_read])
def test_what_nobody_wrote(spoil: Callable[[Made], str], tmp_path: Path) -> None:
    """A row without a write, a row whose only attempt had certainly failed, a read of a number that nobody wrote."""
    made = simulated.simulated(Setting())
    wanted = spoil(made)
    assert only(breaches(made, tmp_path), "phantom").ids == (wanted,)


def test_a_killed_client_may_have_sent_one_write_more(tmp_path: Path) -> None:
    """The next number of each of its users; not the one after."""
    made = simulated.simulated(Setting())
    made.files["far.jsonl"].pop()
    last = max(each["number"] for each in made.operations("far.jsonl", user=100))
    for moment in ("before", "after"):
        made.files[f"{moment}.jsonl"].insert(-1, {"kind": "row", "user": 100, "number": last + 1, "position": 100_000})
    judged = drills.judge(made.write(tmp_path / "one"))
    assert (judged.figures.breaches, judged.figures.checked.in_flight) == ((), 1)
    for moment in ("before", "after"):
        made.files[f"{moment}.jsonl"].insert(-1, {"kind": "row", "user": 100, "number": last + 3, "position": 100_001})
    assert only(breaches(made, tmp_path / "two"), "phantom").ids == (f"100/{last + 3}",)


def test_a_failback_is_no_split_brain(tmp_path: Path) -> None:
    """The first leader again, on a third timeline."""
    made = simulated.simulated(Setting())
    back = 5000 + 3 + 18 + 2
    for each in [each for file in ("near.jsonl", "far.jsonl") for each in made.operations(file, timeline=2)]:
        if each["begin"] > back:
            each |= {"member": FIRST, "timeline": 3}
        elif each["end"] > back:
            each |= {"result": "unknown", "member": None, "timeline": None}
    history = read(made.write(tmp_path))
    assert {each.timeline for each in history.of("write") if each.result == "ok"} == {1, 2, 3}
    assert drills.judge(tmp_path).figures.breaches == ()
