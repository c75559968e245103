"""What the layout was made from, what that document claims, and the order of work."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ..types import Day, Model, Name, Positive


class Claim(Model):
    """A figure that the document states and that this project computes: where the two differ, that is a finding."""

    about: str = Field(description="name of the computed figure, or the path of a value in this file")
    says: str | int | float | Annotated[list[float], Field(min_length=2, max_length=2)] = Field(
        description="the document's value; a list is a range"
    )
    where: str = Field(description="where the document says so")
    decision: Positive | None = Field(None, description="the decision that explains the difference; it is no finding then")


class Document(Model):
    """Which document the layout was made from, and what that document claims."""

    title: str
    version: str = Field(description="version of the document, as text")
    claims: dict[Name, Claim] = Field(default={}, description="what it states and this project computes")


class RolloutDay(Model):
    """One day of the rollout."""

    phase: Positive
    title: str
    needs: list[Day] = Field(default=[], description="days whose gates must be green before this one begins")


class Rollout(Model):
    """The order of work."""

    phases: dict[Positive, str]
    days: dict[Day, RolloutDay]
