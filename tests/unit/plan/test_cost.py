"""The bills: their sums by hand, the document's tables as they are, offers by vCPU."""

from __future__ import annotations

import csv
import json
import re
from typing import Any

import pytest

import support
from unde.model import Estate
from unde.plan import cost
from unde.plan.cost import Sum
from unde.reports import bills

DOCUMENT = support.ROOT / "tests" / "golden" / "document"


@pytest.fixture(scope="module")
def estate() -> Estate:
    """The shipped layout."""
    return support.estate_of(support.shipped())


def numbers(text: str) -> list[float]:
    """Return the amounts in a cell of the document."""
    return [float(found.replace(",", "")) for found in re.findall(r"[\d,]+(?:\.\d+)?", text.split("(")[0])]


@pytest.mark.parametrize(("table", "configuration"), [("cost-start", "start"), ("cost-10k", "10k"), ("cost-50k", "50k")])
def test_what_the_document_states_is_copied_rightly(estate: Estate, table: str, configuration: str) -> None:
    """Every amount of the document's table is in the layout, and no other one."""
    with (DOCUMENT / f"{table}.csv").open(encoding="utf-8", newline="") as handle:
        there = sorted(number for row in csv.DictReader(handle) for number in numbers(row["Стоимость/мес"]))
    layout = estate.layout.costs.configurations[configuration]
    said = [part.document for part in layout.components.values()] + [layout.document]
    here = sorted(number for each in said if each and each.high for number in {each.low, each.high})
    assert here == there


def test_the_start_by_hand(estate: Estate) -> None:
    """€297.40 for what the document calls new; the offers are for the nine hosts together."""
    bills = {bill.option: bill for bill in cost.bills(estate) if bill.configuration == "start"}
    assert bills.keys() == {"dubai-cloud", "hetzner-singapore", "other-local"}
    assert all(bill.comparable and bill.comparable.meets(Sum(297.40, 297.40), 0.005) for bill in bills.values())
    assert bills["hetzner-singapore"].eur.meets(Sum(297.40 + 176, 297.40 + 176), 0.005)
    assert bills["dubai-cloud"].eur.meets(Sum(297.40 + 300 / 1.08, 297.40 + 600 / 1.08), 0.005)
    assert sum(len(part.hosts) for part in bills["dubai-cloud"].parts) == len(estate.hosts)


@pytest.mark.parametrize(("configuration", "shards", "replicas", "base"), [("10k", 4, 3 * 39, 297.40), ("50k", 16, 3 * 39 + 12 * 74, 258.40)])
def test_growth_by_hand(estate: Estate, configuration: str, shards: int, replicas: float, base: float) -> None:
    """Further shards cost their replicas, and 16 of the 39 vCPU of the offer each; PostHog is another size at the end."""
    bill = next(bill for bill in cost.bills(estate) if (bill.configuration, bill.option) == (configuration, "hetzner-singapore"))
    parts = {part.name: part for part in bill.parts}
    assert parts["replicas"].eur.meets(Sum(replicas, replicas), 0.005)
    assert parts["base"].eur.meets(Sum(base, base), 0.005)
    local = 176 * (39 + 16 * (shards - 1)) / 39
    assert parts["local"].eur.meets(Sum(local, local), 0.005)
    assert sum(len(part.hosts) for part in bill.parts) == len(estate.hosts) + 2 * (shards - 1)


def test_the_same_with_any_number_of_shards(estate: Estate) -> None:
    """A configuration is a size of its own: how large the estate is today plays no part."""
    grown = support.shipped()
    grown["shards"]["count"] = 7
    assert list(cost.bills(support.estate_of(grown))) == list(cost.bills(estate))


def test_a_host_in_no_component_is_counted_all_the_same() -> None:
    """Nothing is left out of a total in silence."""
    data = support.shipped()
    data["costs"]["configurations"]["start"]["components"]["new"]["hosts"] = ["apify"]
    bill = next(cost.bills(support.estate_of(data)))
    assert bill.parts[-1].name == "the rest"
    assert sum(len(part.hosts) for part in bill.parts) == 31


def test_the_command() -> None:
    """JSON has a stable name for each line; the table says why the document has other sums."""
    rows: list[dict[str, Any]] = json.loads(support.unde("cost", "--format", "json").stdout)
    assert len({row["name"] for row in rows}) == len(rows)
    totals = [row for row in rows if row["line"] == "total"]
    saved = {row["name"]: row for row in rows if "users" in row}
    assert len(totals) == 9
    for total in totals:
        lines = [row for row in rows if (row["configuration"], row["provider"]) == (total["configuration"], total["provider"])
                 and not row["line"].startswith("total")]
        assert sum(row["low_eur"] for row in lines) == pytest.approx(total["low_eur"], abs=0.02)
    assert {(row["users"], row["shards"], row["document_shards"]) for row in saved.values()} == {(10_000, 5, 20), (50_000, 25, 100)}
    assert all(row["saved_low_eur"] == pytest.approx(row["document_low_eur"] - row["low_eur"], abs=0.02) for row in saved.values())
    table = support.unde("cost").stdout
    assert "the document's way" in table
    assert "row 10: dollars are added to euros" in table
    assert "add up to €874–1,244, it states €705–1,105" in table


def test_what_the_layouts_way_saves_by_hand(estate: Estate) -> None:
    """15 shards fewer for 10,000 users, 75 for 50,000: a replica and 16 of the offer's 39 vCPU each; the second to fourth replica are smaller."""
    saved = {row["users"]: row["saved_low_eur"] for row in bills.compared(estate) if row["provider"] == "hetzner-singapore"}
    each = 74 + 176 * 16 / 39
    assert saved == {10_000: pytest.approx(15 * each, abs=0.01), 50_000: pytest.approx(75 * each, abs=0.01)}


def test_nothing_is_compared_where_the_document_says_no_users() -> None:
    """A layout that states none has its bills alone."""
    data = support.shipped()
    del data["document"]["users_per_shard"]
    assert list(bills.compared(support.estate_of(data))) == []


def test_a_layout_without_configurations() -> None:
    """It says so, and is no error."""
    done = support.unde("cost", str(support.ROOT / "inventory/examples/single-site.yml"))
    assert (done.returncode, "costs.configurations" in done.stdout) == (0, True)
