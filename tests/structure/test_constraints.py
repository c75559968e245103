"""Every text and every number of the layout has a form, a range or a rule; what is only printed is listed, with where."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from unde.model.schema import Layout

#: Field → where it ends: printed alone, or looked up among names (a rule refuses what is none of them).
FREE = {
    "Layout.decisions": "printed in findings", "Document.title": "printed, escaped on the map", "Document.version": "printed",
    "Claim.about": "looked up: claims", "Claim.says": "compared and printed", "Claim.where": "printed", "Promise.lose": "looked up: promise-unknown",
    "Promise.where": "printed", "Promise.within_s": "compared and printed", "Promise.adds_ms": "compared and printed",
    "Rollout.phases": "printed", "RolloutDay.title": "printed; the gates' titles",
    "Site.description": "printed", "Site.provider": "printed; part of gateway-next-hop", "Site.types": "looked up: host-type-unknown",
    "Pool.purpose": "printed", "Pool.base": "bounded by the pool itself", "Pool.zero": "bounded by the pool itself",
    "Link.rtt_ms": "bounded by etcd-timing", "HostKind.label": "printed", "HostKind.type": "printed; host-type-unknown",
    "Host.label": "printed", "Host.type": "printed; host-type-unknown", "ShardHost.label": "printed", "ShardHost.type": "printed; host-type-unknown",
    "ShardVariant.label": "printed", "ShardVariant.type": "printed; host-type-unknown",
    "ShardTunnel.purpose": "printed", "Tunnel.purpose": "printed", "MasterKey.readers": "looked up: master-key",
    "KeyFamily.purpose": "printed", "DatabaseUser.callers": "looked up: reference-unknown",
    "Service.hosts": "looked up: flow-reference-unknown", "Service.external": "printed", "Service.note": "printed",
    "ScalingStep.when": "printed", "ScalingStep.then": "printed", "Flow.callers": "looked up: flow-reference-unknown", "Flow.note": "printed",
    "CostLine.note": "printed", "Component.hosts": "looked up: cost-reference", "Configuration.title": "printed",
}

#: Numbers that no setting follows from, without a largest value: what comes of each.
COUNTED = {
    "Claim.decision": "looked up",
    "Configuration.decision": "looked up",
    "Configuration.prices": "added up",
    "Configuration.shards": "counted and printed",
    "CostLine.eur": "added up",
    "Costs.usd_per_eur": "counted and printed",
    "Embedding.messages_per_user_year": "counted and printed",
    "Embedding.text_bytes": "counted and printed",
    "Host.price_eur": "added up",
    "Host.traffic_tb": "compared",
    "HostLimits.ram_gb": "counted and printed",
    "HostLimits.vcpu": "counted and printed",
    "MachineType.disk_gb": "counted and printed",
    "MachineType.ram_gb": "counted and printed",
    "MachineType.vcpu": "counted and printed",
    "Pool.first": "counted and printed",
    "Range.high": "added up",
    "Range.low": "added up",
    "RolloutDay.phase": "counted and printed",
    "ScalingStep.eur": "added up",
    "ScalingStep.users": "counted and printed",
    "ShardHost.only": "counted and printed",
    "ShardHost.price_eur": "added up",
    "ShardHost.starting": "counted and printed",
    "ShardHost.traffic_tb": "compared",
    "ShardTunnel.gb_day": "counted against traffic_tb",
    "ShardVariant.price_eur": "added up",
    "Shards.count": "counted and printed",
    "Tunnel.gb_day": "counted against traffic_tb",
    "UsersPerShard.comfortable": "counted and printed",
    "UsersPerShard.most": "counted and printed",
}


def models(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """Yield a model and all below it, each once."""
    if model in seen:
        return
    seen.add(model)
    yield model
    for field in model.model_fields.values():
        for each in parts(field.annotation):
            if isinstance(each, type) and issubclass(each, BaseModel):
                yield from models(each, seen)


def parts(annotation: Any, constrained: bool = False) -> Iterator[Any]:
    """Yield the types inside an annotation; of those that carry a constraint, None."""
    if typing.get_origin(annotation) is typing.Annotated:
        yield from parts(typing.get_args(annotation)[0], constrained=True)
    elif typing.get_origin(annotation) is typing.Literal:
        yield None
    elif typing.get_origin(annotation) in (dict, list, typing.Union, types.UnionType):
        for each in typing.get_args(annotation):
            yield from parts(each)
    else:
        yield None if constrained and annotation in (str, int, float) else annotation


def bare(field: FieldInfo) -> bool:
    """Return whether a field takes any text or number."""
    kinds = ("StringConstraints", "Ge", "Gt", "Le", "Lt", "Interval", "_PydanticGeneralMetadata")
    constrained = any(type(each).__name__ in kinds for each in field.metadata)
    return any(each in (str, int, float) for each in parts(field.annotation, constrained))


def test_every_text_and_number_has_a_form_or_is_listed() -> None:
    """A new field is given a pattern or a range, or it says here where it ends."""
    found = {f"{model.__name__}.{name}" for model in models(Layout, set()) for name, field in model.model_fields.items() if bare(field)}
    assert found == found & set(FREE), sorted(found - set(FREE))


def open_ended(annotation: Any, metadata: list[Any]) -> bool:
    """Return whether a number has no largest value."""
    while typing.get_origin(annotation) is typing.Annotated:
        annotation, *more = typing.get_args(annotation)
        metadata = [*metadata, *(inner for each in more for inner in (each.metadata if isinstance(each, FieldInfo) else [each]))]
    if typing.get_origin(annotation) in (list, dict, typing.Union, types.UnionType):
        inherited = metadata if typing.get_origin(annotation) in (typing.Union, types.UnionType) else []
        return any(open_ended(each, inherited) for each in typing.get_args(annotation))
    return annotation in (int, float) and not any(getattr(each, key, None) is not None for each in metadata for key in ("le", "lt"))


def test_every_number_has_a_largest_value_or_is_listed() -> None:
    """What becomes a setting has one: the software that reads it does."""
    fields = {f"{model.__name__}.{name}": field for model in models(Layout, set()) for name, field in model.model_fields.items()}
    found = {name for name, field in fields.items() if open_ended(field.annotation, list(field.metadata))}
    assert found == found & (set(FREE) | set(COUNTED)), sorted(found - set(FREE) - set(COUNTED))


def test_what_is_listed_is_there() -> None:
    """No field that is gone, renamed or constrained since."""
    names = {f"{model.__name__}.{name}" for model in models(Layout, set()) for name in model.model_fields}
    assert set(FREE) - {"HostKind.label", "HostKind.type"} <= names
