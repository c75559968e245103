"""From a file to a typed layout, or to every reason why not."""

from __future__ import annotations

import difflib
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ..errors import Finding, InvalidLayout
from . import overlay as overlays
from .schema import Layout
from .source import DataPath, Source, dotted, load

#: Options of the inventory plugin that may stand beside the layout's keys (Ansible's constructed and inventory_cache).
ADAPTER_KEYS = frozenset(
    ["cache", "cache_connection", "cache_plugin", "cache_prefix", "cache_timeout", "compose", "groups", "keyed_groups", "leading_separator", "strict", "use_extra_vars"]
)


def read(file: str | Path, overlay: str | Path | None = None, assignments: str = "") -> tuple[Layout, Source]:
    """Read a layout, lay an overlay and single assignments over it, and type it.

    Args:
        file: the layout.
        overlay: a second file that holds only what differs.
        assignments: ``path=value,path=value``.

    Raises:
        UnreadableLayout: a file cannot be read or is not YAML.
        InvalidLayout: the YAML has duplicate keys, or the values do not fit the schema; all findings are carried.

    """
    source = load(file)
    if overlay:
        source = overlays.lay_over(source, load(overlay))
    if assignments:
        source = overlays.assign(source, assignments)
    return typed(source), source


def typed(source: Source) -> Layout:
    """Return the typed layout of already read data.

    Raises:
        InvalidLayout: as for :func:`read`.

    """
    findings = list(source.findings)
    try:
        layout = Layout.model_validate({key: value for key, value in source.data.items() if key not in ADAPTER_KEYS})
    except ValidationError as error:
        findings += [_finding(source, dict(problem)) for problem in error.errors(include_url=False)]
    if findings:
        raise InvalidLayout(sorted(findings))
    return layout


def _finding(source: Source, problem: dict[str, Any]) -> Finding:
    """Translate one of pydantic's errors."""
    path: DataPath = tuple(part for part in problem["loc"] if part not in ("[key]", "str", "int", "float"))
    kind, value = problem["type"], problem.get("input")
    if kind == "extra_forbidden":
        known = _keys_at(path[:-1])
        near = difflib.get_close_matches(str(path[-1]), known, 1, 0.6)
        fix = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(known)}"
        return source.finding(path, "schema-unknown-key", f"unknown key '{path[-1]}'", fix)
    if kind == "missing":
        return source.finding(path, "schema-missing-key", f"'{path[-1]}' is missing from {dotted(path[:-1])}", f"add '{path[-1]}'")
    if kind == "literal_error":
        options = [option.strip(" '") for option in problem["ctx"]["expected"].replace(" or ", ", ").split(",")]
        near = difflib.get_close_matches(str(value), options, 1, 0.6)
        fix = f"did you mean '{near[0]}'?" if near else f"one of: {', '.join(options)}"
        return source.finding(path, "schema-value", f"'{value}' is not known here", fix)
    message = problem["msg"].removeprefix("Value error, ")
    if kind == "string_pattern_mismatch":
        message = f"'{value}' is not of the form {problem['ctx']['pattern']}"
    elif kind != "value_error":
        message = f"{message}, not {value!r}" if not isinstance(value, (dict, list)) else message
    return source.finding(path, "schema-value", message, "correct the value; `unde plan` shows the derived ones")


def _keys_at(path: DataPath) -> list[str]:
    """Return the keys that the schema knows at a data path."""
    model: Any = Layout
    for part in path:
        if isinstance(model, type) and issubclass(model, BaseModel):
            fields = {field.alias or name: field for name, field in model.model_fields.items()}
            model = _inner(fields[str(part)].annotation) if str(part) in fields else None
        else:
            model = _inner(typing.get_args(model)[-1]) if typing.get_args(model) else None
    if isinstance(model, type) and issubclass(model, BaseModel):
        return sorted(field.alias or name for name, field in model.model_fields.items())
    return []


def _inner(annotation: Any) -> Any:
    """Strip Optional and Annotated from an annotation."""
    while typing.get_origin(annotation) not in (dict, list, None):
        annotation = next((arg for arg in typing.get_args(annotation) if arg is not type(None)), None)
    return annotation
