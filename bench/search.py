#!/usr/bin/env python3
"""How long the search in one user's history takes, what it finds and what it costs, in each shape of the messages; on the running lab's first shard.

Real texts and a real, small model (fetched once from this machine's package mirrors into .cache/bench; without them, invented vectors with topics: their
recall is told and not judged). Some users with a year of messages each in a partition of their own; every way asked the same questions, its answers held
against those of the exact search. All is made in schemas of the bench's own by the shard's own schema, and dropped in the end. A bar that is missed ends
with exit code 1, but with --tell. What else this machine does at the time counts against the figures: run it on an idle one before you believe them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

BENCH = Path(__file__).resolve().parent
sys.path[:0] = [str(BENCH), str(BENCH.parent / "molecule/estate/tests")]
import lab  # noqa: E402
from searching import bars, corpus, measure, tables  # noqa: E402
from searching.measure import figures  # noqa: E402

import unde  # noqa: E402

NEAREST = 10
USERS = 8
#: Years of the user who has been there for long; times as many users by whose words a partition is searched.
YEARS, CROWDED = 10, 10
JUDGED = "bits"
#: Users of the other copies have the same messages: what a word finds in the partition is ten times what it finds for one user.
CROWDED_FILL = """
INSERT INTO {schema}.messages (user_id, id, created_at, role, content, client, seq)
SELECT CASE c WHEN 0 THEN w.user_id ELSE md5(c || ' ' || w.user_id)::uuid END, CASE c WHEN 0 THEN w.id ELSE md5(c || ' ' || w.id)::uuid END,
    timestamptz '2026-01-01' + w.turn * interval '3 hours', 'user', p.content, 'bench', w.place
FROM generate_series(0, {times} - 1) AS c, {bench}.written AS w JOIN {bench}.pool AS p USING (n) WHERE w.place < {most} ORDER BY w.turn, c, w.place;
VACUUM (ANALYZE) {schema}.messages;
"""


def say(text: str) -> None:
    """Tell what is being done."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def prepare(host: str, dimensions: int, each: int, questions: int, invented: bool) -> bars.Run:
    """Fill the pool, and give its messages to users."""
    run = bars.Run("invented vectors of 200 topics", realistic=False)
    try:
        if not invented:
            tables.load(host, corpus.rows(dimensions), dimensions)
            run = bars.Run(f"{', '.join(corpus.TEXTS)}; {corpus.MODEL[0]}", realistic=True)
    except corpus.Unavailable as reason:
        print(f"search: {reason}; the vectors are invented, and recall is not judged", file=sys.stderr)
    if not run.realistic:
        tables.synthesize(host, (YEARS + 1) * each, dimensions)
    tables.divide(host, users=USERS, each=each, questions=questions, dimensions=dimensions, nearest=NEAREST)
    return run


def year(host: str, run: bars.Run, ways: dict[str, tables.Way], questions: int, each: int) -> None:
    """Measure all ways with a year of each user's messages."""
    for way in ways.values():
        say(f"{way.name}: a year of {USERS} users")
        tables.fill(host, way, f"w.place < {USERS * each}")
        measure.asked(host, way, "meaning", 0, questions - 1, rounds=1)
        hybrid = measure.asked(host, way, "both", 0, questions - 1)
        by_meaning, by_both = (measure.recall(host, way, ways["today"], what) for what in ("meaning", "both"))
        rate, index, row = measure.a_second(host, way, questions), measure.index_bytes(host, way), measure.row_bytes(host, way)
        run.ways[way.name] = bars.Figures(hybrid, by_meaning, by_both, rate, index, row, cold=measure.cold(host, way))
    say(f"{measure.WRITTEN} messages written, {measure.ROUNDS} times each way")
    for name, written in measure.written(host, list(ways.values())).items():
        run.ways[name].written = written
    say("through PgBouncer")
    run.crowd = measure.crowd(host, ways[JUDGED], questions)
    for way in ways.values():
        tables.psql(host, f"TRUNCATE {way.schema}.messages")


def decade(host: str, run: bars.Run, ways: dict[str, tables.Way], questions: int, each: int) -> None:
    """Measure what has no HNSW with ten years of one user."""
    user, turn = "md5('long')::uuid", "w.place / 10"
    for way in (way for way in ways.values() if not way.name.startswith("hnsw")):
        say(f"{way.name}: {YEARS * each} messages of one user")
        tables.fill(host, way, f"w.place < {YEARS * each}", user, turn)
        name = tables.psql(host, f"SELECT {user}")
        measure.asked(host, way, "meaning", 0, questions - 1, name, rounds=1)
        run.ways[way.name].long = measure.asked(host, way, "both", 0, questions - 1, name, rounds=3)
        run.ways[way.name].long_recall = measure.recall(host, way, ways["today"])
        tables.psql(host, f"TRUNCATE {way.schema}.messages")


def by_words(host: str, run: bars.Run, ways: dict[str, tables.Way], questions: int, each: int) -> None:
    """Measure the search by words alone, in a partition of many more users: with an index of words alone, and of users and words."""
    for index, way in (("(words)", ways["today"]), ("(user, words)", ways["exact halfvec"])):
        say(f"by words, GIN {index}: {CROWDED * USERS} users")
        tables.psql(host, CROWDED_FILL.format(schema=way.schema, bench=tables.SCHEMA, times=CROWDED, most=USERS * each))
        run.words[index] = measure.asked(host, way, "words", 0, questions - 1), measure.words_bytes(host, way)


def result_tables(run: bars.Run) -> list[Table]:
    """Return the result as tables."""
    ways = Table(box=None, header_style="bold", title=f"One user's search: {run.source}", title_justify="left")
    titles = ("way", "p50 / p95 ms", "recall", "hybrid", "a second", "index B", "row B", "insert ms", "WAL B", "cold ms", "reads", "10 y ms", "recall")
    for title in titles:
        ways.add_column(title, justify="left" if title == "way" else "right", no_wrap=True)
    for name, way in run.ways.items():
        writing = [f"{way.written.ms:.3f}", f"{way.written.wal_bytes:.0f}"] if way.written else ["", ""]
        cold = [f"{way.cold.total_ms:.1f}", str(way.cold.reads)] if way.cold else ["", ""]
        long = [figures(way.long), f"{way.long_recall:.4f}"] if way.long else ["", ""]
        share = [f"{way.recall:.4f}", f"{way.hybrid_recall:.4f}"]
        ways.add_row(name, figures(way.hybrid), *share, f"{way.a_second:.0f}", f"{way.index_bytes:.0f}", f"{way.row_bytes:.0f}", *writing, *cold, *long)
    words = Table(box=None, header_style="bold", title=f"\nBy words, {CROWDED} times the users", title_justify="left")
    for title in ("GIN", "p50 / p95 ms", "bytes"):
        words.add_column(title, justify="left" if title == "GIN" else "right")
    for name, (times, size) in run.words.items():
        words.add_row(name, figures(times), f"{size:.0f}")
    shown = [ways, words]
    if run.crowd:
        many = Table(box=None, header_style="bold", title="\nAt once through PgBouncer", title_justify="left")
        for title in ("clients", "searches", "finished", "p50 / p95 ms", "p99 ms", "most ms"):
            many.add_column(title, justify="right")
        each = run.crowd
        many.add_row(str(each.clients), str(each.asked), str(each.finished), figures(each), f"{each.p99_ms:.0f}", f"{each.most_ms:.0f}")
        shown.append(many)
    return shown


def main() -> int:
    """Fill, measure each way, tell, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=200, help="searches of each way (default %(default)s)")
    parser.add_argument("--quick", action="store_true", help="without HNSW, whose index takes minutes and is not judged")
    parser.add_argument("--invented", action="store_true", help="fetch nothing: invented vectors")
    parser.add_argument("--tell", action="store_true", help="judge nothing")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    embedding = unde.estate(unde.load(lab.ROOT / "inventory/layout.yml")).layout.shards.embedding  # without the lab's overlay, which makes it small
    each, questions = embedding.messages_per_user_year, arguments.questions
    host = lab.leader(lab.shards()[0])
    if host is None:
        sys.exit("the lab's first shard has no leader: make lab")
    if tables.psql(host, "SELECT to_regprocedure('unde_private.make_messages(text, jsonb)') IS NULL") == "t":
        sys.exit("the lab's shard has a schema from before shapes: make lab")
    busy = measure.load()
    with tables.cleared(host):
        run = prepare(host, embedding.dimensions, each, questions, arguments.invented)
        ways = {name: way for name, way in tables.ways(candidates=400).items() if not (arguments.quick and name.startswith("hnsw"))}
        centre = tables.centre(host)
        for number, way in enumerate(ways.values(), 1):
            tables.make(host, way, number, embedding.dimensions, centre)
        year(host, run, ways, questions, each)
        decade(host, run, ways, questions, each)
        by_words(host, run, ways, questions, each)
    console = Console(width=200)
    for table in result_tables(run):
        console.print(table)
    lines = bars.missed(run, JUDGED)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        said = {**asdict(run), "load_before": busy, "missed": lines, "command": "bench/search.py"}
        arguments.json.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    for line in lines:
        print(f"search: {line}", file=sys.stderr)
    return 1 if lines and not arguments.tell else 0


if __name__ == "__main__":
    sys.exit(main())
