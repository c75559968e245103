from __future__ import annotations

import time
from uuid import UUID

import pytest

from unde_client import Kind, new_id, writes

INSERT = "INSERT INTO note (id, text) VALUES (%(id)s, %(text)s) ON CONFLICT DO NOTHING"
PRESENT = "SELECT id FROM note WHERE id = ANY(%(ids)s)"


@pytest.mark.parametrize(("insert", "present", "said"), [
    ("INSERT INTO note (id) VALUES (%(id)s)", PRESENT, "no ON CONFLICT"),
    ("SELECT write(%(id)s) ON CONFLICT", PRESENT, "does not begin with INSERT"),
    ("INSERT INTO note (id) VALUES (gen_random_uuid()) ON CONFLICT DO NOTHING", PRESENT, r"does not use %\(id\)s"),
    (INSERT, "SELECT id FROM note", r"does not use %\(ids\)s"),
])  # fmt: skip
def test_what_cannot_be_replayed_is_refused(insert: str, present: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"kind note: .*{said}"):
        Kind("note", insert, present)


def test_a_write_is_read_as_it_was_written() -> None:
    assert Kind("note", INSERT, PRESENT).names == {"text"}
    entry = writes.entry(7, UUID(int=3), "ünde", "note", {"text": "a'\\\n", "n": 1, "f": 0.5, "none": None, "yes": True})
    again = writes.read(entry.raw)
    assert again == entry
    values = {"text": "a'\\\n", "n": 1, "f": 0.5, "none": None, "yes": True}
    assert again.parameters("me") == {**values, "id": UUID(int=3), "user": "ünde", "client": "me", "seq": 7}


def test_ids_are_of_version_7_and_in_the_order_of_time() -> None:
    before = time.time_ns() // 1_000_000
    ids = [new_id() for _ in range(1000)]
    assert {(id.version, id.variant) for id in ids} == {(7, "specified in RFC 4122")}
    assert len(set(ids)) == 1000
    assert [id.int >> 80 for id in ids] == sorted(id.int >> 80 for id in ids)
    assert before <= ids[0].int >> 80 <= time.time_ns() // 1_000_000
