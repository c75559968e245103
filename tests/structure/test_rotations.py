"""Every secret has its rotation, or a stated reason why not; and a rotation reaches every role that has the secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import support
import unde
from unde.model.roles import ROLES
from unde.plan import holders, rotations, secrets

OPERATE = support.ROOT / "playbooks" / "operate"
KNOWN = rotations.ROTATIONS
EVERYTHING = {*secrets.PASSWORDS, *secrets.GIVEN, secrets.MASTER_KEY, secrets.POSTHOG_SALT, *secrets.MAPPINGS}


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
    assert set(KNOWN) | set(rotations.FIXED) == EVERYTHING
    assert not set(KNOWN) & set(rotations.FIXED)
    assert all(len(reason) > 20 for reason in rotations.FIXED.values())


def test_what_only_others_can_give_is_asked_for_and_may_be_there_for_the_first_time() -> None:
    """The playbook's data and the script name the same as the plan."""
    asked = (support.ROOT / "scripts" / "secrets").read_text(encoding="utf-8")
    assert {variable for variable, rotation in KNOWN.items() if rotation.given} == set(secrets.GIVEN)
    assert set(re.findall(r'"--rotate (vault_\w+)', asked)) == set(secrets.GIVEN)


@pytest.mark.parametrize("variable", sorted(KNOWN))
def test_a_rotation_reaches_every_role_that_has_the_secret(variable: str) -> None:
    """By steps of roles that there are, with tasks that there are."""
    steps = KNOWN[variable].steps
    assert {step.role for step in steps} == consumers(variable)
    for step in steps:
        assert step.role in ROLES
        assert (support.ROOT / "roles" / step.role / "tasks" / step.tasks).is_file()


@pytest.mark.parametrize("variable", sorted(KNOWN))
def test_a_rotation_is_proved(variable: str) -> None:
    """By a file of tasks that tries both values, by the role's own tasks, or it is said why nobody can be asked."""
    rotation = KNOWN[variable]
    proof = rotation.proof
    assert (proof is None) == bool(rotation.unasked)
    assert bool(rotation.confirmed_by) == bool(rotation.until) == any(step.last for step in rotation.steps)
    if proof is None:
        return
    if proof.by == "role":
        of_steps = [(support.ROOT / "roles" / step.role / "tasks", step.tasks) for step in rotation.steps if step.tasks != "main.yml"]
        files = {file for tasks, own in of_steps for file in (*tasks.glob("rotate_*.yml"), tasks / own)}
        assert any(re.search(r"former_(database_)?password|sealed_with_former", file.read_text(encoding="utf-8")) for file in files)
        assert proof.roles == ()
    else:
        text = (OPERATE / "tasks" / f"rotated_{proof.by}.yml").read_text(encoding="utf-8")
        assert "rotate_trials" in text
        assert "no_log: true" in text
        assert {role for _, role in proof.roles} <= {step.role for step in rotation.steps}
        assert proof.roles[-1][0] == "", "an entry that begins otherwise would be proved by nobody"
        assert bool(proof.logins) == (proof.by == "http")


@pytest.mark.parametrize("variable", sorted(KNOWN))
def test_who_lets_in_with_both_ends_that(variable: str) -> None:
    """A role that hears of a former value hears in the end that it is gone."""
    hearing = {"redis", "redis_sentinel", "app_service", "object_storage"}
    for role in hearing & {step.role for step in KNOWN[variable].steps}:
        assert [step for step in KNOWN[variable].steps if step.role == role][-1].former is False


@pytest.mark.parametrize("layout", sorted((support.ROOT / "inventory").glob("**/*.yml")), ids=lambda path: path.stem)
def test_every_secret_of_an_estate_is_taken_up_by_the_roles_of_its_steps_alone(layout: Path) -> None:
    """And each that the vault of the estate has by somebody, where the role that lets in by it may act."""
    estate = unde.estate(unde.load(layout))
    found = {(name, role) for host in estate.hosts.values() for role, names in holders.taken_up(estate, host).items() for name in names}
    for name, role in found:
        assert role in {step.role for step in KNOWN[name.partition("/")[0]].steps}, name
    acting = {(role, host.name) for host in estate.hosts.values() for role in host.roles if host.may(role)}
    ours = {name for name, redis in estate.layout.clusters.redis.items() if ("redis", redis.host) in acting}
    named = {f"{secrets.REDIS}/{secrets.redis_user(name, user)}" for name in ours for user in secrets.redis_users_by_instance(estate)[name]}
    databases = {name for name, each in estate.layout.clusters.databases.items() if ("core_database", each.host) in acting}
    named |= {f"{secrets.DATABASES}/{user}" for user in secrets.database_users(estate) if user.rpartition("-")[0] in databases}
    assert named <= {name for name, _ in found}
