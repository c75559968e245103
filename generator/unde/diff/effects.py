"""What each role does when one of its variables changes: its ``meta/effects.yml``, typed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import WrongCall

PLACEHOLDER = re.compile(r"<([a-z_]+)>")


class Refusal(BaseModel):
    """A change that a run cannot make: the role refuses it and touches nothing.

    ``way`` may hold ``<variable>`` for what the host is told under that name. Where a host is told the variable for the first time, nothing
    is refused unless ``when`` says ``begins``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    why: str = Field(min_length=1, description="why a run cannot make this change")
    way: str = Field(min_length=1, description="how it is made instead")
    when: list[Literal["changed", "added", "removed", "begins"]] = Field(
        default=["changed"], min_length=1,
        description="changed: another value, or an object of the list differs; added, removed: an object of the list comes or goes; "
        "begins: the role comes to a host that is there already",
    )
    key: str | None = Field(None, description="by which field the objects of a list are known; null: the variable is looked at as a whole")
    was: dict[str, Any] = Field(default={}, description="only where the former value has these fields")
    unless: str | None = Field(None, description="not where the host is told this variable")


class Effect(BaseModel):
    """What a change of some variables does.

    In ``file`` and ``service``, ``<name>`` stands for a variable of the host of that name, or for that key of each object
    where the variables are lists of objects: then every object that differs has the effect on its own. ``<item>`` stands for
    each entry of lists of plain names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    variables: list[str] = Field(min_length=1, description="variables, or fields of the objects in them: redis_instances.policy")
    file: str | None = Field(description="what is written anew; null: nothing that stays on the host")
    service: str | None = Field(description="whose restart or reload brings it into effect")
    action: Literal["restart", "reload", "none"]
    restart_keys: list[str] = Field(default=[], description="keys of the variables that only a restart takes up, where one is allowed")
    part: str | None = Field(None, description="only on hosts whose ROLE_manage names this part")
    once: bool = Field(False, description="read when the thing is first made, and never again: what exists stays as it is")
    leader: bool = Field(False, description="done once for a cluster, by the member that leads at that time")
    refused: Refusal | None = Field(None, description="the role refuses the change: nothing is written, and file, service and action say so")

    @model_validator(mode="after")
    def _refused_is_not_done(self) -> Self:
        """Refuse an effect that both happens and does not."""
        if self.refused and (self.file or self.service or self.action != "none" or self.once or self.leader):
            raise ValueError("what is refused has no file, no service and no action")
        return self

    def names(self) -> dict[str, set[str]]:
        """Return the variables, each with its fields; no fields: all of it."""
        found: dict[str, set[str]] = {}
        for name in self.variables:
            variable, dot, field = name.partition(".")
            found.setdefault(variable, set()).update([field] if dot else [])
        return found

    def placeholders(self) -> set[str]:
        """Return what stands in file and service for something else."""
        return {name for text in (self.file, self.service) if text for name in PLACEHOLDER.findall(text)}


Effects = dict[str, list[Effect]]


def load(roles: Path) -> Effects:
    """Return the effects of every role in a folder; a role that is not built yet has none.

    Raises:
        WrongCall: the folder holds no roles, or a file of effects is not of the right form.

    """
    found: Effects = {}
    for file in sorted(roles.glob("*/meta/effects.yml")):
        try:
            read: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
            found[file.parents[1].name] = [Effect.model_validate(effect) for effect in read["effects"]]
        except (yaml.YAMLError, ValidationError, KeyError, TypeError, OSError, UnicodeDecodeError) as error:
            raise WrongCall(f"{file}: these are no effects of a role: {str(error).splitlines()[0]}") from error
    if not found:
        raise WrongCall(f"{roles}: no role with its meta/effects.yml is here — name the collection's folder of roles: --roles DIR")
    return found


def folders() -> list[Path]:
    """Return where the collection's roles may be: beside this package in a checkout, or where Ansible keeps collections."""
    checkout = Path(__file__).parents[3] / "roles"
    installed = [Path.home() / ".ansible/collections", Path("/usr/share/ansible/collections")]
    return [checkout, *(folder / "ansible_collections/unde/infra/roles" for folder in installed)]


def find() -> Path:
    """Return the collection's folder of roles.

    Raises:
        WrongCall: it is in none of the usual places.

    """
    for folder in folders():
        if any(folder.glob("*/meta/effects.yml")):
            return folder
    raise WrongCall("the collection's roles are not found, so that nobody can tell what a change does — name their folder: --roles DIR")
