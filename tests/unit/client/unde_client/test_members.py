from __future__ import annotations

import json
from typing import Any

import pytest

from unde_client.members import Member, Order, Record, from_redis, parsed

A, B, C = Member("10.2.0.10"), Member("10.1.1.10"), Member("10.1.1.11")
#: As the role `routing` writes it.
VALUE = {
    "member": "local-shard-0", "address": "10.2.0.10", "port": 6432, "site": "local", "since": "2026-11-24T12:17:39+00:00", "epoch": 4711, "revision": 4711,
    "stale": False,
}  # fmt: skip


def test_the_record_is_that_of_the_role() -> None:
    class Redis:
        def get(self, key: str) -> bytes | None:
            return json.dumps(VALUE).encode() if key == "routing:shard:0" else None

    assert from_redis(Redis(), 0)() == Record(A, 4711, False)
    assert from_redis(Redis(), 1)() is None


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"{}", json.dumps(VALUE | {"epoch": "x"}).encode(), b"7"])
def test_a_record_that_cannot_be_read_is_none(value: Any) -> None:
    assert parsed(value) is None


def test_the_records_member_is_first_and_the_later_record_wins() -> None:
    order = Order([A, B, C, A])
    assert order.now() == [A, B, C]
    order.heard(Record(C, 5))
    assert order.now() == [C, A, B]
    order.heard(Record(B, 4))
    order.heard(None)
    assert order.now() == [C, A, B]
    order.heard(Record(B, 6))
    assert order.now() == [B, A, C]
    assert order.others(A) == [B, C]


def test_a_member_that_the_layout_did_not_name_is_tried_too() -> None:
    order = Order([A])
    order.heard(Record(B, 1))
    assert order.now() == [B, A]


def test_one_that_does_not_lead_is_last_until_another_leads_or_a_later_record_comes() -> None:
    order = Order([A, B])
    order.heard(Record(A, 5))
    order.passed(A)
    assert order.now() == [B, A]
    order.heard(Record(A, 5))
    assert order.now() == [B, A]
    order.passed(B)
    assert order.now() == [A, B]
    order.heard(Record(B, 6))
    assert order.now() == [B, A]
    order.passed(B)
    order.leads(A)
    assert order.now() == [B, A]
