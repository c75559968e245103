"""Money."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..types import Model, Money, Name


class CostLine(Model):
    """A monthly cost that is not a host's."""

    eur: Money = Field(description="EUR a month")
    note: str = ""


class Range(Model):
    """A monthly price range of a provider."""

    low: Money
    high: Money
    currency: Literal["EUR", "USD"]


class Costs(Model):
    """What is paid besides hosts; totals are computed, never typed."""

    usd_per_eur: Annotated[float, Field(gt=0)] = Field(description="exchange rate")
    lines: dict[Name, CostLine]
    local_site_options: dict[Name, Range] = Field(description="offers for all hosts of the local site together")
