"""How long clients went without an answer: the definition, on histories small enough to count by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import simulated
from hypothesis import given, strategies
from simulated import Made, Setting

from unde import drills
from unde.drills import Figures
from unde.drills.outage import Outage, percentile

BEGAN = 5000.0


def made_of(**ends: list[tuple[float, str]]) -> Made:
    """Return a run whose clients, a worker each, write: the ends of their attempts, and the results. One is due each second; the fault comes at 10."""
    made = simulated.simulated(Setting(before=10, outage=1, after=1, failover=False))
    head, rows = made.files["near.jsonl"][0], []
    made.foretold, made.run["losses"], made.run["alerts"] = None, [], []
    for name in ("near.jsonl", "far.jsonl", "pinned.jsonl", "reader.jsonl"):
        del made.files[name]
    for user, (client, moments) in enumerate(ends.items()):
        lines = []
        for moment, result in moments:
            number = 1 + sum(line["result"] == "ok" for line in lines)
            lines.append({"kind": "operation", "what": "write", "user": user, "number": number, "begin": BEGAN + moment - 0.25, "end": BEGAN + moment,
                          "result": result, "member": "shard-a", "timeline": 1})
            if result == "ok":
                rows.append((moment, user, number))
        end = {"kind": "end", "wall": simulated.WALL + 900, "monotonic": BEGAN + 900, "lines": 0}
        made.files[f"{client}.jsonl"] = [head | {"client": client, "users": [user], "write_interval_s": 1.0, "reconnects": client != "pinned"}, *lines, end]
    table = [{"kind": "row", "user": user, "number": number, "position": place} for place, (_, user, number) in enumerate(sorted(rows), 1)]
    for moment in ("before", "after"):
        lines = made.files[f"{moment}.jsonl"]
        made.files[f"{moment}.jsonl"] = [lines[0] | {"monotonic": BEGAN + 950}, *table, lines[-1]]
    return made


def ok(*moments: float) -> list[tuple[float, str]]:
    return [(moment, "ok") for moment in moments]


def figures(made: Made, folder: Path) -> Figures:
    return drills.judge(made.write(folder)).figures


def writes(made: Made, folder: Path) -> Outage:
    found = figures(made, folder).writes
    assert found is not None
    return found


def test_a_gap_less_the_interval(tmp_path: Path) -> None:
    """From the end of one acknowledged write to the end of the next; failures between do not end it."""
    found = writes(made_of(one=[*ok(1, 2, 3, 9), (12, "failed"), (15, "unknown"), *ok(21, 22)]), tmp_path)
    assert (found.worst_s, found.worst.begin, found.worst.end) == pytest.approx((11, 9, 21))
    assert (found.usual_s, found.open, found.streams) == (pytest.approx(5), False, 1)


def test_what_ended_before_the_fault_is_what_is_usual(tmp_path: Path) -> None:
    found = writes(made_of(one=ok(1, 9, 10.5, 11.5)), tmp_path)
    assert (found.worst_s, found.usual_s) == pytest.approx((0.5, 7))


def test_of_every_stream_the_longest(tmp_path: Path) -> None:
    """Percentiles are over streams, nearest-rank; silence ends with the luckiest."""
    ends = {f"client{number}": ok(1, 9, 9 + 1 + number, 40) for number in range(1, 21)}
    found = writes(made_of(**ends), tmp_path)
    assert found.streams == 20
    lengths = sorted(max(number, 40 - (10 + number) - 1) for number in range(1, 21))
    assert (found.p50_s, found.p95_s, found.worst_s) == pytest.approx((lengths[9], lengths[18], lengths[19]))
    assert found.silence_s == pytest.approx(max(1, 40 - 30 - 1))


def test_an_outage_that_did_not_end(tmp_path: Path) -> None:
    """It counts to the last attempt, and is told as not over."""
    found = writes(made_of(one=[*ok(1, 9), *((moment, "failed") for moment in range(12, 40, 2))], two=ok(1, 9, 10, 11)), tmp_path)
    assert (found.worst_s, found.open, found.worst.client, found.ended) == (pytest.approx(28), True, "one", None)


def test_the_end_of_a_client_is_no_outage(tmp_path: Path) -> None:
    """It stops after its last answer, and waits for long until its file ends."""
    found = writes(made_of(one=ok(1, 9, 10, 11)), tmp_path)
    assert (found.worst_s, found.open) == (0, False)


def test_a_last_attempt_that_failed_is_no_outage_yet(tmp_path: Path) -> None:
    """What is below a second was promised to nobody, and so is not told as not over."""
    found = writes(made_of(one=[*ok(1, 9, 10, 11), (12.3, "failed")]), tmp_path)
    assert (found.worst_s, found.worst.open, found.open) == (pytest.approx(0.3), True, False)


def test_a_client_that_never_had_an_answer(tmp_path: Path) -> None:
    found = writes(made_of(one=[(moment, "failed") for moment in range(1, 30)]), tmp_path)
    assert (found.worst_s, found.open) == (pytest.approx(29 - 0.75 - 1), True)


def test_a_pinned_session_is_told_and_does_not_count(tmp_path: Path) -> None:
    found = figures(made_of(one=ok(1, 9, 10, 11), pinned=[*ok(1, 9), (30, "failed")]), tmp_path)
    assert found.writes is not None
    assert found.writes.worst_s == 0
    [pinned] = [each for each in found.clients if each.client == "pinned"]
    assert not pinned.judged
    assert pinned.outages["writes"] is not None
    assert pinned.outages["writes"].open


def test_whom_the_fault_cuts_off_does_not_count(tmp_path: Path) -> None:
    """The run names those that it leaves a way."""
    made = made_of(one=ok(1, 9, 10, 11), two=[*ok(1, 9), (50, "failed")])
    made.run["judged"] = ["one"]
    assert writes(made, tmp_path).worst_s == 0


def test_reads_of_the_primary_and_of_replicas_apart(tmp_path: Path) -> None:
    """While nobody leads, replicas answer."""
    found = drills.judge(simulated.simulated(Setting()).write(tmp_path)).figures
    reads, replicas = found.outages["reads"], found.outages["replica reads"]
    assert reads is not None
    assert replicas is not None
    assert reads.silence_s > 17
    assert replicas.silence_s < 2


@given(values=strategies.lists(strategies.floats(0, 1e6), min_size=1), percent=strategies.sampled_from([0, 50, 95, 100]))
def test_percentiles_are_values_that_were_measured(values: list[float], percent: float) -> None:
    """As many as that share are no larger."""
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= percent / 100 * len(values)
    assert percentile(values, 0) == min(values)
    assert percentile(values, 100) == max(values)
