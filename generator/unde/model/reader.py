"""From plain data to a typed layout, or to every reason why not."""

from __future__ import annotations

import typing
from typing import Any

from pydantic import BaseModel, ValidationError

from ..errors import Finding, InvalidLayout, clipped, nearest
from . import plaintext
from .schema import Layout
from .source import DataPath, Source, dotted
from .types import FORMS

#: Options of the inventory plugin that may stand beside the layout's keys (Ansible's constructed and inventory_cache).
ADAPTER_KEYS = frozenset(
    [
        "cache", "cache_connection", "cache_plugin", "cache_prefix", "cache_timeout",
        "compose", "groups", "keyed_groups", "leading_separator", "strict", "use_extra_vars",
    ]
)


def typed(source: Source) -> Layout:
    """Return the typed layout of already read data.

    Raises:
        InvalidLayout: the YAML has duplicate keys or secrets, or the values do not fit the schema; all findings are carried.

    """
    findings = [*source.findings, *plaintext.findings(source)]
    try:
        layout = Layout.model_validate({key: value for key, value in source.data.items() if key not in ADAPTER_KEYS})
    except ValidationError as error:
        reported = {finding.path for finding in findings if finding.rule == "yaml-not-as-written"}
        problems = (_finding(source, dict(problem)) for problem in error.errors(include_url=False))
        findings += [problem for problem in problems if problem.path not in reported]
    if findings:
        raise InvalidLayout(sorted(findings))
    return layout


def _finding(source: Source, problem: dict[str, Any]) -> Finding:
    """Translate one of pydantic's errors."""
    path = _in_data(source.data, problem["loc"])
    kind, value = problem["type"], problem.get("input")
    if kind in ("extra_forbidden", "invalid_key"):
        return source.finding(path, "schema-unknown-key", f"unknown key '{clipped(path[-1])}'", nearest(str(path[-1]), _keys_at(path[:-1])))
    if kind == "missing":
        path = (*path, problem["loc"][-1])
        return source.finding(path, "schema-missing-key", f"'{path[-1]}' is missing from {dotted(path[:-1])}", f"add '{path[-1]}'")
    if kind == "literal_error":
        options = [option.strip(" '") for option in problem["ctx"]["expected"].replace(" or ", ", ").split(",")]
        return source.finding(path, "schema-value", f"'{clipped(value)}' is not known here", nearest(str(value), options))
    if kind == "value_error":
        message, colon, fix = problem["msg"].removeprefix("Value error, ").rpartition(": ")
        return source.finding(path, "schema-value", message if colon else fix, fix if colon else "correct the value")
    if kind == "string_pattern_mismatch" and r"\{n\}" in problem["ctx"]["pattern"] and "{n}" not in str(value):
        return source.finding(path, "schema-value", f"'{value}' has no {{n}}: every shard would have the same", "write {n} where the shard's number belongs")
    if kind == "string_pattern_mismatch":
        pattern = problem["ctx"]["pattern"]
        words = f": {FORMS[pattern]}" if pattern in FORMS else ""
        return source.finding(path, "schema-value", f"'{clipped(value)}' is not of the right form", f"it must match {pattern}{words}")
    if kind in WANTED:
        wanted, fix = WANTED[kind]
        return source.finding(path, "schema-value", f"{wanted} is wanted, not {_as_written(source, path, value)}", fix)
    message = problem["msg"].replace("Input", "it").replace("List", "a list").replace("String", "it").replace(" after validation", "")
    if not isinstance(value, list):  # for lists, pydantic says how many it has
        message += f", not {_short(value)}"
    return source.finding(path, "schema-value", message, "choose a value within the limit")


#: pydantic's kind of error → what is wanted, and the fix.
WANTED = {
    "int_type": ("a whole number", "write it without quotes, unit or fraction"),
    "float_type": ("a number", "write it without quotes or unit"),
    "finite_number": ("a finite number", "write it as digits"),
    "bool_type": ("true or false", "write it without quotes"),
    "string_type": ("text", "write it in quotes"),
    "list_type": ("a list", "write [one, other]"),
    "dict_type": ("a mapping", "write key: value"),
    "model_type": ("a mapping", "write key: value"),
}


def _short(value: Any) -> str:
    """Return a wrong value for a message; of a long one, what it is."""
    kinds = {dict: "a mapping", list: "a list", type(None): "null"}
    return kinds.get(type(value)) or clipped(repr(value))


def _as_written(source: Source, path: DataPath, value: Any) -> str:
    """Return a wrong value for a message, a number with the digits that stand in the file."""
    at = source.positions.get(path)
    return clipped(at.written) if at and at.written and value is not None and not isinstance(value, (str, dict, list)) else _short(value)


def _in_data(data: Any, location: DataPath) -> DataPath:
    """Return pydantic's location as a data path: without its own marks, as ``[key]``."""
    path: DataPath = ()
    for part in location:
        below = dict(enumerate(data)) if isinstance(data, list) else data
        if isinstance(below, dict) and part in below:
            data, path = below[part], (*path, part)
    return path


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
