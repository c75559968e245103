"""Money."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from ..types import Model, Money, Name, Positive


class CostLine(Model):
    """A monthly cost that is not a host's."""

    eur: Money = Field(description="EUR a month")
    note: str = Field("", description="for people")


class Range(Model):
    """A monthly price or a range of prices; a number alone is EUR."""

    low: Money
    high: Money
    currency: Literal["EUR", "USD"] = "EUR"

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema for editors: a number will do."""
        return {"anyOf": [{"type": "number", "minimum": 0}, handler(core_schema)]}

    @model_validator(mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        """Read a number as one price in EUR."""
        return {"low": value, "high": value} if isinstance(value, (int, float)) else value

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        """Refuse a range that ends below its beginning."""
        if self.high < self.low:
            raise ValueError(f"high ({self.high:g}) is less than low ({self.low:g})")
        return self


class Component(Model):
    """A line of a bill: hosts and other costs that are counted together."""

    hosts: list[str] = Field(default=[], description="host names, role:X, site:X or all; a host counts in the first component that names it")
    further: bool = Field(False, description="only hosts that the estate with one shard does not have")
    lines: list[Name] = Field(default=[], description="other costs, from costs.lines")
    document: Range | None = Field(None, description="what the document states")


class Configuration(Model):
    """A size of the estate that the document has a price for."""

    title: str = Field(description="for people")
    shards: Positive = Field(description="how many there are at this size")
    prices: dict[Name, Money] = Field(default={}, description="host → EUR a month at this size, where it is not the host's own price")
    components: dict[Name, Component]
    document: Range | None = Field(None, description="the total that the document states, without the local site where that is left open")
    decision: Positive | None = Field(None, description="the decision that explains why the document's total is another one; it is no finding then")


class Costs(Model):
    """What is paid besides hosts; totals are computed, never typed."""

    usd_per_eur: Annotated[float, Field(ge=0.01, le=100)] = Field(description="exchange rate")
    lines: dict[Name, CostLine]
    local_site: Name | None = Field(None, description="the site that local_site_options are for")
    local_site_options: dict[Name, Range] = Field(
        description="provider → its offer for all hosts that the local site has with one shard; further hosts are priced by their vCPU"
    )
    configurations: dict[Name, Configuration] = Field(default={}, description="what `unde cost` computes")
