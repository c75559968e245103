"""Files are read strictly: what is wrong is refused with its file and line, what a killed writer leaves is tolerated and told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import simulated
from simulated import Made, Setting

from unde.drills import read
from unde.errors import UnreadableHistory

Spoil = Callable[[Made], object]


def refused(folder: Path) -> tuple[str, ...]:
    """Return what is said of a folder that cannot be judged."""
    with pytest.raises(UnreadableHistory) as stop:
        read(folder)
    return stop.value.problems


#: What is wrong → how it is made, and what is said.
WRONG: dict[str, tuple[Spoil, str]] = {
    "another format": (lambda made: made.files["near.jsonl"][0].update(format=2), r"near\.jsonl:1: client\.format: Input should be 1"),
    "an unknown kind": (lambda made: made.files["near.jsonl"][3].update(kind="guess"), r"near\.jsonl:4: .*'guess'"),
    "an unknown key": (lambda made: made.files["near.jsonl"][3].update(colour="red"), r"near\.jsonl:4: operation\.colour: Extra inputs"),
    "a text for a number": (lambda made: made.files["near.jsonl"][3].update(begin="1"), r"near\.jsonl:4: operation\.begin: Input should be a valid number"),
    "an end before its begin": (lambda made: made.files["near.jsonl"][3].update(end=1.0), r"near\.jsonl:4: operation: .*end 1\.0 lies before begin"),
    "acknowledged by nobody": (
        lambda made: made.files["near.jsonl"][3].update(member=None), r"near\.jsonl:4: .*a write that was acknowledged needs member"),
    "a write without a number": (lambda made: made.files["near.jsonl"][3].update(number=None), r"near\.jsonl:4: .*a write needs a number"),
    "a row among operations": (
        lambda made: made.files["near.jsonl"].insert(3, {"kind": "row", "user": 1, "number": 1, "position": 1}),
        r"near\.jsonl:4: 'row' has no place in a file of kind 'client'"),
    "a state without its end": (lambda made: made.files["before.jsonl"].pop(), r"before\.jsonl:\d+: the state of shard0 has no end"),
    "a line behind the end": (
        lambda made: made.files["observer.jsonl"].append(made.files["observer.jsonl"][1]), r"observer\.jsonl:\d+: stands behind the end"),
    "no state": (lambda made: made.files.pop("after.jsonl"), r"nobody read what shard0 held after the replay"),
    "two of one name": (
        lambda made: made.files["far.jsonl"][0].update(client="near"), r"near\.jsonl:1: is the client 'near', and so is far\.jsonl"),
    "a user of two clients": (
        lambda made: made.files["far.jsonl"][0]["users"].append(0), r"near\.jsonl:1: user 0 is near's and far's: their order could not be judged"),
    "another's user": (lambda made: made.files["near.jsonl"][3].update(user=100), r"near\.jsonl:4: writes for user 100, who is not among"),
    "no interval": (lambda made: made.files["near.jsonl"][0].pop("write_interval_s"), r"near\.jsonl:2: a write of a client .* no write_interval_s"),
    "a worker in two places": (
        lambda made: made.operations(worker=0)[4].update(begin=made.operations(worker=0)[3]["begin"]), r"near\.jsonl:\d+: worker 0 begins at .* under way"),
    "before its own beginning": (
        lambda made: made.files["near.jsonl"][1].update(begin=1.0), r"near\.jsonl:2: begin 1\.0 lies before the client's own beginning"),
    "no fault": (lambda made: made.files["observer.jsonl"].remove(made.lines("observer.jsonl", "fault")[0]), r"no observer saw the fault begin"),
    "an unknown fault": (lambda made: made.run.update(fault="host-loost"), r"run\.json: fault: 'host-loost' is not known — did you mean 'host-lost'\?"),
    "an unknown client": (lambda made: made.run.update(judged=["nar"]), r"run\.json: judged: there is no client 'nar' — did you mean 'near'\?"),
    "an unknown bound": (lambda made: made.run.update(bounds={"speed": 1}), r"run\.json: bounds\.speed"),
    "nothing foretold": (
        lambda made: setattr(made, "foretold", None), r"foretold\.json: is not there.*unde survive --lose host:shard-a --format json"),
    "another loss foretold": (
        lambda made: made.run.update(losses=["host:shard-b"]), r"foretold\.json: foretells host:shard-a, and run\.json names the losses host:shard-b"),
    "a state that was read too early": (
        lambda made: made.files["before.jsonl"][0].update(monotonic=5002.5),
        r"before\.jsonl:1: was read [\d.]+ s before \w+ had write \d+/\d+ \(\w+\.jsonl:\d+\)"),
    "a clock that nobody asked": (
        lambda made: [line.update(boot="kernel two") for line in made.files["far.jsonl"][:1]], r"far\.jsonl:1: the clock of far-host \(boot kernel two\)"),
    "no first line": (
        lambda made: made.files["far.jsonl"].insert(0, made.files["far.jsonl"].pop(3)), r"far\.jsonl:1: "),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_refused(what: str, tmp_path: Path) -> None:
    """With its file and line, and in words that say how to mend it."""
    made = simulated.simulated(Setting(before=1, outage=1, after=1))
    spoil, said = WRONG[what]
    spoil(made)
    problems = refused(made.write(tmp_path))
    assert any(re.search(said, each) for each in problems), problems


def test_a_sound_run_is_read(tmp_path: Path) -> None:
    """All of the above begin with it."""
    history = read(simulated.simulated(Setting(before=1, outage=1, after=1)).write(tmp_path))
    assert history.remarks == ()
    assert set(history.clients) == {"near", "far", "pinned", "reader"}


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """And what is more than a screen is counted."""
    made = simulated.simulated(Setting(before=1, outage=1, after=1))
    for each in made.operations()[:20]:
        each["colour"] = "red"
    problems = refused(made.write(tmp_path))
    assert len(problems) == 20
    assert str(UnreadableHistory(problems)).splitlines()[-1] == "ERROR and 8 more"


@pytest.mark.parametrize("rest", ['{"kind": "operation", "wh', "\0\0\0\0", '{"kind"'])
def test_the_torn_last_line_of_a_killed_client(rest: str, tmp_path: Path) -> None:
    """It is left out and told; everything else counts."""
    made = simulated.simulated(Setting(before=1, outage=1, after=1))
    made.files["far.jsonl"].pop()
    file = made.write(tmp_path) / "far.jsonl"
    whole = read(tmp_path)
    file.write_text(file.read_text(encoding="utf-8") + rest, encoding="utf-8")
    torn = read(tmp_path)
    assert torn.attempts == whole.attempts
    assert whole.remarks == ("far.jsonl: has no end: whoever wrote it was killed",)
    assert torn.remarks == ("far.jsonl: its last line is torn, and was left out: whoever wrote it was killed",)
    assert torn.clients["far"].killed


def test_a_torn_line_anywhere_else(tmp_path: Path) -> None:
    """In the middle, behind an end, or of a state: refused."""
    made = simulated.simulated(Setting(before=1, outage=1, after=1))
    for name, wanted in {"near.jsonl": "nothing may follow the end", "before.jsonl": "nothing may follow the end"}.items():
        folder = tmp_path / name
        file = made.write(folder) / name
        file.write_text(file.read_text(encoding="utf-8") + '{"kin', encoding="utf-8")
        assert any(wanted in each for each in refused(folder))
    file = made.write(tmp_path / "middle") / "near.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[4] = lines[4][:30]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert refused(tmp_path / "middle")[0].startswith("near.jsonl:5: is not JSON")


def test_lines_that_are_lost_are_missed(tmp_path: Path) -> None:
    """The end says how many there were."""
    file = simulated.simulated(Setting(before=1, outage=1, after=1)).write(tmp_path) / "before.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    del lines[7]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    [said] = refused(tmp_path)
    assert re.fullmatch(r"before\.jsonl:\d+: says that (\d+) lines stand before it, and (\d+) do: some are lost", said)


def test_a_key_that_stands_twice(tmp_path: Path) -> None:
    """JSON would let the last one win."""
    folder = simulated.simulated(Setting(before=1, outage=1, after=1)).write(tmp_path)
    (folder / "run.json").write_text((folder / "run.json").read_text(encoding="utf-8").replace("{", '{"rtt_ms": 0, ', 1), encoding="utf-8")
    assert any("the key 'rtt_ms' stands there twice" in each for each in refused(folder))


def test_a_clock_that_was_set_while_the_drill_ran_is_told(tmp_path: Path) -> None:
    """The monotonic one counts."""
    made = simulated.simulated(Setting(before=1, outage=1, after=1))
    usual = read(made.write(tmp_path / "usual"))
    made.files["far.jsonl"][-1]["wall"] += 0.25
    stepped = read(made.write(tmp_path / "stepped"))
    assert stepped.attempts == usual.attempts
    assert any("was set while the drill ran, by 0.250 s" in each for each in stepped.remarks)


def test_no_folder_of_a_run(tmp_path: Path) -> None:
    assert "holds no run.json" in refused(tmp_path)[0]


def test_the_example_of_the_documentation_is_read(tmp_path: Path) -> None:
    """And has a line of every kind."""
    history = read(simulated.documented(tmp_path))
    assert len(history.attempts) > 3
    kinds = {json.loads(line)["kind"] for file in tmp_path.glob("*.jsonl") for line in file.read_text(encoding="utf-8").splitlines()}
    assert kinds == {"client", "operation", "end", "state", "row", "observer", "fault", "mended", "leader", "votes-leader", "routing", "whole", "lag", "alert"}
