"""Every variable that a playbook or a role uses is given somewhere: one whose name was changed in one place only is found before a run finds it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import jinja2.meta
import pytest
import yaml

import support
import unde


class _Any(dict[str, Any]):
    """Filters or tests of any name: what is looked for are variables."""

    def get(self, name: str, default: Any = None) -> Any:
        """Return a filter or test that does nothing, by whatever name."""
        return super().get(name, lambda *_values, **_named: default)


ENVIRONMENT = jinja2.Environment(autoescape=False, extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])
ENVIRONMENT.filters, ENVIRONMENT.tests = _Any(ENVIRONMENT.filters), _Any(ENVIRONMENT.tests)
#: Keys whose text is an expression without braces.
BARE = {"when", "that", "until", "failed_when", "changed_when", "var"}
#: Names that are no variables of ours: Ansible's own and its facts; and what the vault holds.
ELSEWHERE = ("ansible_", "vault_")
OWN = {
    "inventory_hostname", "inventory_dir", "playbook_dir", "role_path", "groups", "group_names", "hostvars", "omit", "item", "lookup", "query", "now", "undef",
    "q", "range", "dict", "namespace", "loop", "environment", "vars", "role_name", "_", "inventory_file", "inventory_hostname_short", "template_host",
}  # fmt: skip
#: What a person says with -e; the playbook refuses where it is missing.
SAID = {"change", "day", "drill", "host", "member", "posthog_restore", "secret", "service", "step", "tunnel"}
#: What a person gives on the command line, or the layout in `vars`, and a default or a test stands in for: found beside these words.
OPTIONAL = ("default", "defined", "undefined", "d")
TREES = ("playbooks", "roles")
# Regular expressions in templates are Ansible's to read.
pytestmark = pytest.mark.filterwarnings("ignore:invalid escape sequence")


def files() -> Iterator[Path]:
    """Yield every file of tasks, plays and variables."""
    for tree in TREES:
        for path in sorted((support.ROOT / tree).rglob("*.yml")):
            if "files" not in path.parts and "meta" not in path.parts and "templates" not in path.parts:
                yield path


def given(value: Any) -> Iterator[str]:
    """Yield the names that a file gives: of variables, of what is registered, and of what a loop calls its item."""
    if isinstance(value, list):
        for each in value:
            yield from given(each)
    if isinstance(value, dict):
        for key, each in value.items():
            if key in ("register", "loop_var", "index_var") and isinstance(each, str):
                yield each
            if key in ("vars", "set_fact", "ansible.builtin.set_fact", "ansible.builtin.include_vars") and isinstance(each, dict):
                yield from map(str, each)
            if key == "vars_prompt":
                yield from (prompt["name"] for prompt in each)
            yield from given(each)


@functools.cache
def known() -> frozenset[str]:
    """Return every name that is given: by tasks, by files of variables, by arguments of roles and by the plan."""
    found = OWN | SAID
    for path in files():
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        found |= set(given(data))
        if isinstance(data, dict):
            found |= set(data)
    for path in (support.ROOT / "roles").glob("*/meta/argument_specs.yml"):
        for spec in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values():
            found |= set(spec.get("options", {}))
    planned = unde.inventory(support.estate())
    return frozenset(found | set(planned.shared) | {name for those in (planned.hosts, planned.groups) for each in those.values() for name in each})


def used(value: Any, bare: bool = False) -> Iterator[str]:
    """Yield the expressions in a value, as templates."""
    if isinstance(value, str):
        if "{{" in value or "{%" in value:
            yield value
        elif bare:
            yield f"{{{{ {value} }}}}"
    elif isinstance(value, list):
        for each in value:
            yield from used(each, bare)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from used(each, key in BARE)


def missing(template: str) -> set[str]:
    """Return the variables of a template that nobody gives, but those that it can do without."""
    try:
        tree = ENVIRONMENT.parse(template)
    except jinja2.TemplateSyntaxError:
        return set()  # ansible-lint judges the syntax
    optional = {
        name.name for kind in (jinja2.nodes.Filter, jinja2.nodes.Test) for node in tree.find_all(kind) if node.name in OPTIONAL
        for name in node.find_all(jinja2.nodes.Name)
    }  # fmt: skip
    names = jinja2.meta.find_undeclared_variables(tree)
    return {name for name in names if name not in known() | optional and not name.startswith(ELSEWHERE)}


@pytest.mark.parametrize("path", [str(path.relative_to(support.ROOT)) for path in files()])
def test_what_is_used_is_given(path: str) -> None:
    data = yaml.safe_load((support.ROOT / path).read_text(encoding="utf-8"))
    assert sorted({name for template in used(data) for name in missing(template)}) == []
