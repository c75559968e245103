"""Every secret has its rotation, or a stated reason why not; and a rotation reaches every role that has the secret."""

from __future__ import annotations

import re
from typing import Any

import jinja2
import pytest
import yaml

import support
from unde.model.roles import ROLES
from unde.plan import rotation, secrets

OPERATE = support.ROOT / "playbooks" / "operate"
VARIABLES: dict[str, Any] = yaml.safe_load((OPERATE / "vars" / "rotation.yml").read_text(encoding="utf-8"))
KNOWN: dict[str, dict[str, Any]] = VARIABLES["rotation_known"]
EVERYTHING = {*secrets.PASSWORDS, *secrets.GIVEN, secrets.MASTER_KEY, secrets.POSTHOG_SALT, *secrets.MAPPINGS}
KEYS = {"given", "touches", "window", "steps", "proof", "unasked", "role", "user", "urls", "method", "certificate", "asks", "until"}
STEP_KEYS = {"role", "tasks", "of", "former", "restarts", "last"}


def consumers(variable: str) -> set[str]:
    """Return the roles that have a secret: by their defaults, or by what the plan tells a host."""
    found = {
        path.parts[-3] for path in (support.ROOT / "roles").glob("*/defaults/main.yml")
        if re.search(rf"\b{variable}\b", path.read_text(encoding="utf-8"))
    }
    handed = {held.replace("app_service_given", "vault_app_service_given") for held, _ in secrets.RUNTIME.values()}
    told = {"vault_core_database_passwords": {"pgbouncer", "exporters"}}  # generator/unde/plan/variables/databases.py
    return found | ({"app_service"} if variable in handed else set()) | told.get(variable, set())


def test_every_secret_has_its_rotation_or_a_reason() -> None:
    """No third case, and no secret in both."""
    assert set(KNOWN) | set(rotation.FIXED) == EVERYTHING
    assert not set(KNOWN) & set(rotation.FIXED)
    assert all(len(reason) > 20 for reason in rotation.FIXED.values())


def test_what_only_others_can_give_is_asked_for_and_may_be_there_for_the_first_time() -> None:
    """The playbook's data and the script name the same as the plan."""
    asked = (support.ROOT / "scripts" / "secrets").read_text(encoding="utf-8")
    assert {variable for variable, told in KNOWN.items() if told.get("given")} == set(secrets.GIVEN)
    assert set(re.findall(r'"--rotate (vault_\w+)', asked)) == set(secrets.GIVEN)


@pytest.mark.parametrize("variable", sorted(KNOWN))
def test_a_rotation_reaches_every_role_that_has_the_secret(variable: str) -> None:
    """By steps of roles that there are, with tasks that there are."""
    steps = KNOWN[variable]["steps"]
    assert {step["role"] for step in steps} == consumers(variable)
    for step in steps:
        assert set(step) <= STEP_KEYS
        assert step["role"] in ROLES
        assert (support.ROOT / "roles" / step["role"] / "tasks" / step.get("tasks", "main.yml")).is_file()


@pytest.mark.parametrize("variable", sorted(KNOWN))
def test_a_rotation_is_proved(variable: str) -> None:
    """By a file of tasks that tries both values, by the role's own tasks, or it is said why nobody can be asked."""
    told = KNOWN[variable]
    assert set(told) <= KEYS
    assert ("proof" in told) != ("unasked" in told)
    assert ("asks" in told) == ("until" in told) == any(step.get("last") for step in told["steps"])
    proof = told.get("proof")
    if proof == "role":
        texts = [path.read_text(encoding="utf-8") for step in told["steps"] if "tasks" in step
                 for path in (support.ROOT / "roles" / step["role"] / "tasks").glob("rotate_*.yml")]
        texts += [(support.ROOT / "roles" / step["role"] / "tasks" / step["tasks"]).read_text(encoding="utf-8") for step in told["steps"] if "tasks" in step]
        assert any(re.search(r"former_(database_)?password|sealed_with_former", text) for text in texts)
    elif proof:
        text = (OPERATE / "tasks" / f"rotated_{proof}.yml").read_text(encoding="utf-8")
        assert "rotate_trials" in text
        assert "no_log: true" in text
        # One role, or an expression that chooses one.
        asked = set(re.findall(r"'(\w+)'", told["role"])) or {told["role"]}
        assert asked <= {step["role"] for step in told["steps"]}


@pytest.mark.parametrize("variable", sorted(KNOWN))
def test_who_lets_in_with_both_ends_that(variable: str) -> None:
    """A role that hears of a former value hears in the end that it is gone."""
    hearing = {"redis", "redis_sentinel", "app_service", "object_storage"}
    for role in hearing & {step["role"] for step in KNOWN[variable]["steps"]}:
        steps = [step for step in KNOWN[variable]["steps"] if step["role"] == role]
        assert steps[-1].get("former", True) is False


@pytest.mark.parametrize("role", sorted(VARIABLES["rotation_here"]))
def test_where_a_secret_is_can_be_read(role: str) -> None:
    """Jinja takes what follows ``is defined`` without a bracket for its argument, `if` too, and says so only when it is rendered."""
    jinja2.Environment(autoescape=True).parse(VARIABLES["rotation_here"][role])


def test_the_docs_have_every_secret() -> None:
    """Of those that are rotated and of those that are not."""
    text = (support.ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    table = text[text.index("## Rotate a secret"):]
    assert [name for name in sorted(EVERYTHING) if f"`{name}" not in table] == []
