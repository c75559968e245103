"""Every role has the one skeleton, and agrees with the plan on every variable."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

import support
import unde
from unde import diff
from unde.model import Estate
from unde.model.roles import EVERYWHERE, MISSING_ON_BOOKWORM, RELEASES, ROLES
from unde.plan import inventory, rotation, secrets

HOME = support.ROOT / "roles"
#: What every role begins with; it is no role of a host.
FIRST = "debian_release"
BUILT = sorted(path.name for path in HOME.iterdir() if path.is_dir() and path.name != FIRST)
EFFECTS = diff.load(HOME)

#: Roles that the layout may name and that later parts build. A role that exists must leave this list.
LATER: set[str] = set()

#: Roles that only other roles use; their scenarios prove them.
INTERNAL = {"wireguard_keys"}

#: Files of the skeleton. Handlers and templates are there where a role has any.
SKELETON = (
    "README.md", "defaults/main.yml", "vars/main.yml", "meta/main.yml", "meta/argument_specs.yml", "meta/effects.yml", "tasks/main.yml",
)
FOLDERS = {"defaults", "files", "handlers", "meta", "tasks", "templates", "vars"}

GUARD = """---
- name: Refuse a release of Debian that this role does not support
  ansible.builtin.import_role:
    name: unde.infra.debian_release
    rolespec_validate: false
  vars:
    debian_release_role: {role}
    debian_release_supported: {releases}

- name: Skip hosts that this role does not manage
  ansible.builtin.meta: end_role
  when: unde_state | default('create') != 'create' and '{role}' not in unde_adopt | default([])
"""

#: Where a router is the machine itself, there is no Debian under it.
BARE = {"mikrotik_chr": "\"{{{{ {releases} if mikrotik_chr_placement == 'guest' else [] }}}}\""}


def read(role: str, file: str) -> Any:
    """Return a role's YAML file."""
    return yaml.safe_load((HOME / role / file).read_text(encoding="utf-8")) or {}


def options(role: str) -> dict[str, Any]:
    """Return the options of a role's main entry point."""
    return read(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]


def task_files(role: str) -> list[Path]:
    """Return a role's files of tasks and handlers."""
    return sorted([*(HOME / role / "tasks").rglob("*.yml"), *(HOME / role / "handlers").rglob("*.yml")])


def tasks(file: Path) -> list[dict[str, Any]]:
    """Return all tasks of a file, those in blocks included."""
    found: list[dict[str, Any]] = []
    todo = list(yaml.safe_load(file.read_text(encoding="utf-8")) or [])
    while todo:
        task = todo.pop(0)
        found.append(task)
        todo += [inner for key in ("block", "rescue", "always") for inner in task.get(key, [])]
    return found


@pytest.fixture(scope="module")
def plan() -> inventory.Inventory:
    """Return what Ansible is told, with more than one shard and with either engine the same names."""
    return unde.inventory(support.estate({"shards": {"count": 2}}))


def variables_of(plan: inventory.Inventory, host: str) -> dict[str, Any]:
    """Return all that a host is told."""
    result = dict(plan.shared)
    for group in plan.members[host]:
        result |= plan.groups[group]
    return result | plan.hosts[host]


def published(plan: inventory.Inventory, role: str) -> dict[str, set[str]]:
    """Return the variables with a role's prefix that each host of the role is told, from itself, its groups or all."""
    others = [other for other in ROLES if other != role and other.startswith(role)]

    def ours(variable: str) -> bool:
        return variable.startswith(f"{role}_") and not any(variable.startswith(f"{other}_") for other in others)

    return {host: set(filter(ours, variables_of(plan, host))) for host in plan.hosts if f"role_{role}" in plan.members[host]}


def test_the_list_of_roles() -> None:
    """Every role that the layout may name is built or still to come; no role is built that it may not name."""
    assert set(BUILT) <= set(ROLES)
    assert set(ROLES) - set(BUILT) == LATER, "a role that exists must leave LATER"


@pytest.mark.parametrize("role", [*BUILT, FIRST])
def test_skeleton(role: str) -> None:
    """The same files in the same places, and no others beside them."""
    assert [file for file in SKELETON if not (HOME / role / file).is_file()] == []
    assert {path.name for path in (HOME / role).iterdir() if path.is_dir()} <= FOLDERS
    for file in (HOME / role).rglob("*.yml"):
        assert file.read_text(encoding="utf-8").startswith("---\n"), file


@pytest.mark.parametrize("role", BUILT)
def test_the_guard(role: str) -> None:
    """tasks/main.yml begins with what is refused and with the guard, word for word; the releases are the generator's."""
    releases = f"[{', '.join(ROLES[role].releases)}]"
    if role in BARE:
        releases = BARE[role].format(releases=list(ROLES[role].releases))
    assert (HOME / role / "tasks" / "main.yml").read_text(encoding="utf-8").startswith(GUARD.format(role=role, releases=releases))


def test_no_other_role_is_imported() -> None:
    """A role that is imported ends in a mark at which `end_role` stops: imported after the guard, the guard would let the rest of its own role act."""
    for role in BUILT:
        for file in task_files(role):
            imported = [task["ansible.builtin.import_role"]["name"] for task in tasks(file) if "ansible.builtin.import_role" in task]
            assert imported == [f"unde.infra.{FIRST}"] * (file == HOME / role / "tasks" / "main.yml"), file


@pytest.mark.parametrize("role", BUILT)
def test_a_table_of_contents(role: str) -> None:
    """tasks/main.yml is short: one idea for each included file."""
    assert len(tasks(HOME / role / "tasks" / "main.yml")) <= 12


@pytest.mark.parametrize("role", [*BUILT, FIRST])
def test_readme(role: str) -> None:
    """The README has its sections and names every public variable."""
    text = (HOME / role / "README.md").read_text(encoding="utf-8")
    headings = [line.removeprefix("## ").lower() for line in text.splitlines() if line.startswith("## ")]
    for wanted in ("variables", "idempotence", "guard"):
        assert any(wanted in heading for heading in headings), f"no section {wanted}"
    assert [name for name in options(role) if name not in text] == []


@pytest.mark.parametrize("role", [*BUILT, FIRST])
def test_argument_specs_agree_with_defaults(role: str) -> None:
    """Names and values: each variable is required or has the default that defaults/main.yml gives it."""
    defaults, specified = read(role, "defaults/main.yml"), options(role)
    assert [name for name in (*defaults, *specified) if not name.startswith(f"{role}_")] == []
    for name, option in specified.items():
        assert option.get("description"), name
        assert option.get("type"), name
        if name not in defaults:
            assert option.get("required"), f"{name} is neither required nor in defaults"
        elif option.get("required"):  # a secret comes from the vault, under the vault's name
            asked = str(defaults[name])
            may_lack = asked.startswith("{{ vault_") and "| default(" in asked
            assert may_lack or asked.startswith("{{ lookup('unde.infra.vault', 'vault_"), f"{name} is required, but has a default"
        else:
            assert option.get("default") == defaults[name], name
    assert set(defaults) <= set(specified)


@pytest.mark.parametrize("role", BUILT)
def test_internal_variables_say_so(role: str) -> None:
    """vars/main.yml holds only names that begin with two underscores and the role."""
    assert [name for name in read(role, "vars/main.yml") if not name.startswith("__")] == []


@pytest.mark.parametrize("role", BUILT)
def test_meta(role: str) -> None:
    """Author, license, and the releases that the generator knows; no dependency: the plan says which roles a host has."""
    meta = read(role, "meta/main.yml")
    info = meta["galaxy_info"]
    assert (info["author"], info["license"], str(info["min_ansible_version"])) == ("UNDE", "GPL-3.0-or-later", "2.19")
    assert info["description"]
    assert meta.get("dependencies") == []
    assert info["platforms"] == [{"name": "Debian", "versions": list(ROLES[role].releases)}]


def test_the_releases() -> None:
    """What a role needs beside it works wherever it does; what a host adopts first works everywhere; each reason belongs to a role that lacks a release."""
    for name, role in ROLES.items():
        assert set(role.releases) <= set(RELEASES)
        for implied in role.implies:
            assert set(role.releases) <= set(ROLES[implied].releases), f"{name} implies {implied}"
    assert all(set(ROLES[name].releases) == set(RELEASES) for name in (*EVERYWHERE, "certificates", "wireguard_keys", "wireguard_peer"))
    assert [name for name in MISSING_ON_BOOKWORM if "bookworm" in ROLES[name].releases] == []


def test_every_claim_of_debian_12_is_proved() -> None:
    """By the scenario once more on that release, or by a host of the scenario that runs it; nothing is proved that is not claimed."""
    spec = importlib.util.spec_from_file_location("unde_steps", support.ROOT / "scripts" / "steps.py")
    assert spec is not None
    assert spec.loader is not None
    steps = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = steps
    spec.loader.exec_module(steps)
    for role in sorted(set(ROLES) - INTERNAL):
        hosts = "unde/debian:bookworm" in (support.ROOT / "molecule" / role / "molecule.yml").read_text(encoding="utf-8")
        assert ("bookworm" in ROLES[role].releases) == (role in steps.ON_BOOKWORM or hosts), role


@pytest.mark.parametrize("role", BUILT)
def test_effects(role: str) -> None:
    """Every public variable has its effect declared, on variables and fields that exist; a renewed certificate is a role's business too."""
    declared = EFFECTS[role]
    named = {variable: fields for effect in declared for variable, fields in effect.names().items()}
    foreign = {"certificates_names"} if "certificates" in ROLES[role].implies else set()
    assert sorted(set(named) - set(options(role)) - foreign) == [], "effects of variables that are not in argument_specs"
    assert sorted(set(options(role)) - set(named)) == [], "variables without an effect"
    for effect in declared:
        for variable, fields in effect.names().items():
            assert not fields - options(role).get(variable, {}).get("options", {}).keys(), f"fields that {variable} does not have"
        for placeholder in effect.placeholders():
            objects = [options(role)[variable].get("options", {}) for variable in effect.names()]
            names = all(options(role)[variable].get("elements") == "str" for variable in effect.names()) and placeholder == "item"
            assert names or placeholder in options(role) or all(placeholder in fields for fields in objects), f"<{placeholder}> stands for nothing"
        if effect.refused:
            assert effect.refused.unless is None or effect.refused.unless in options(role), "a refusal depends on a variable that the role does not have"
            assert set(re.findall(r"<([a-z_]+)>", effect.refused.way)) <= set(options(role)), "a way names what no host is told"
        assert effect.part is None or effect.part in options(role)[f"{role}_manage"].get("choices", [effect.part])


def test_what_is_foretold_as_refused_is_refused() -> None:
    """Each variable whose change `unde diff` calls refused is named by a task that begins with "Refuse changes", or by the module that the role asks."""
    foretold = {(role, variable) for role in BUILT for effect in EFFECTS[role] if effect.refused for variable in effect.names()}
    said = {role: [yaml.safe_dump(task) for file in task_files(role) for task in tasks(file) if task["name"].startswith("Refuse changes")] for role in BUILT}
    for role, texts in said.items():
        module = support.ROOT / f"plugins/module_utils/{role}.py"
        if texts and module.is_file():
            texts.append(module.read_text(encoding="utf-8"))
    silent = {(role, variable) for role, variable in foretold if not any(re.search(rf"\b{variable}\b", text) for text in said[role])}
    assert silent == set()


@pytest.mark.parametrize("role", BUILT)
def test_what_the_plan_publishes_is_what_the_role_wants(role: str, plan: inventory.Inventory) -> None:
    """Every variable that a host is told is in the role's argument_specs; every required one is told, or comes from the vault."""
    specified, defaults = options(role), read(role, "defaults/main.yml")
    required = {name for name, option in specified.items() if option.get("required") and name not in defaults}
    for host, names in published(plan, role).items():
        assert sorted(names - set(specified)) == [], f"{host} is told what the role does not know"
        assert sorted(required - names) == [], f"{host} is not told what the role requires"


def as_module(specified: dict[str, Any]) -> dict[str, Any]:
    """Return a role's options in the form in which Ansible checks them."""
    result = {}
    for name, option in specified.items():
        result[name] = {key: value for key, value in option.items() if key not in ("description", "options", "version_added")}
        if "options" in option:
            result[name]["options"] = as_module(option["options"])
    return result


@pytest.mark.parametrize("role", BUILT)
def test_ansible_accepts_what_the_plan_publishes(role: str, plan: inventory.Inventory) -> None:
    """Types, choices and nested keys too: the same check that Ansible makes before the role runs."""
    validator = ArgumentSpecValidator(as_module(options(role)))
    vault = [name for name, value in read(role, "defaults/main.yml").items() if "vault_" in str(value)]
    secret = {name: {"str": "x", "dict": {}, "list": []}[options(role)[name]["type"]] for name in vault}
    for host, names in published(plan, role).items():
        values = variables_of(plan, host)
        assert validator.validate(secret | {name: values[name] for name in names}).error_messages == [], host


@pytest.mark.parametrize("role", [*sorted(set(BUILT) - INTERNAL), FIRST])
def test_scenario(role: str) -> None:
    """Every role has a molecule scenario, which converges twice and asks the service."""
    scenario = support.ROOT / "molecule" / role
    assert [file for file in ("molecule.yml", "converge.yml", "verify.yml") if not (scenario / file).is_file()] == []
    sequence = yaml.safe_load((scenario / "molecule.yml").read_text(encoding="utf-8"))["scenario"]["test_sequence"]
    assert {"converge", "idempotence", "verify"} <= set(sequence)


def test_who_calls_a_scenario_chooses_its_strategy() -> None:
    """`make prove` has roles act by Ansible's own: a play that names one of its own would not."""
    for file in sorted((support.ROOT / "molecule").glob("*/converge.yml")):
        assert not [play for play in yaml.safe_load(file.read_text(encoding="utf-8")) if "strategy" in play], file


def hidden_arguments(module: str) -> set[str]:
    """Return the options that a module of the collection keeps out of logs by itself: ``no_log`` in its argument spec, or in the one that it shares."""
    own = support.ROOT / f"plugins/modules/{module.removeprefix('unde.infra.')}.py"
    if not module.startswith("unde.infra.") or not own.is_file():
        return set()
    text = own.read_text(encoding="utf-8")
    shared = re.findall(r"plugins\.module_utils(?:\.\w+)* import ([\w, ]+)", text)
    files = [support.ROOT / f"plugins/module_utils/{name.strip()}.py" for names in shared for name in names.split(",")]
    text += "".join(file.read_text(encoding="utf-8") for file in files if file.is_file())
    return set(re.findall(r'"(\w+)": \{[^{}]*"no_log": True', text))


def shown(task: dict[str, Any]) -> dict[str, Any]:
    """Return what of a task could be logged: all but its name and the arguments that its module hides."""
    action = next((key for key in task if key.startswith("unde.infra.")), "")
    rest = {key: value for key, value in task.items() if key not in ("name", "no_log", action)}
    arguments = task.get(action) or {}
    return rest | {"arguments": {key: value for key, value in arguments.items() if key not in hidden_arguments(action)}}


def test_what_a_module_hides_is_found() -> None:
    assert hidden_arguments("unde.infra.prometheus_web_config") == {"users"}
    assert hidden_arguments("ansible.builtin.command") == set()
    task = {"name": "x", "unde.infra.prometheus_web_config": {"users": {"a": "{{ a_password }}"}, "path": "/x"}, "no_log": True, "vars": {"b": "c"}}
    assert shown(task) == {"arguments": {"path": "/x"}, "vars": {"b": "c"}}


@pytest.mark.parametrize("role", BUILT)
def test_secrets_are_not_logged(role: str) -> None:
    """A task that handles a secret variable has no_log, unless its module hides the argument itself."""
    secret = [name for name in options(role) if re.search(r"password|passphrase|secret|cipher_pass|master_key", name)] + ["vault_"]
    secret = [name for name in secret if not name.endswith(("_former", "_file", "_path", "_directory"))] + [
        name for name in options(role) if name.endswith("_former")
    ]
    for file in task_files(role):
        for task in tasks(file):
            if "block" in task:
                continue
            text = yaml.safe_dump(shown(task))
            if any(re.search(rf"\b{name}" if name == "vault_" else rf"\b{name}\b", text) for name in secret):
                assert task.get("no_log") not in (None, False), f"{file.relative_to(HOME)}: {task.get('name')}"


@pytest.mark.parametrize("role", BUILT)
def test_tasks(role: str) -> None:
    """Every task has a name, a module by its full name, and does not look away from errors; handlers that restart ask first."""
    for file in task_files(role):
        for task in tasks(file):
            where = f"{file.relative_to(HOME)}: {task.get('name')}"
            assert re.match(r"[A-Z]", task.get("name", "")), where
            assert "ignore_errors" not in task, where
            assert any("." in key for key in task) or "block" in task, where
            assert task.get("ansible.builtin.apt", {}).get("policy_rc_d") in (None, "{{ omit if ansible_check_mode else 101 }}"), f"{where}: a rehearsal writes"
            action = next((task[key] for key in task if key.endswith((".systemd_service", ".systemd", ".service"))), None)
            if file.parent.name == "handlers" and isinstance(action, dict) and action.get("state") == "restarted":
                assert "unde_may_restart" in str(task.get("when", "")), f"{where}: restarts without asking"


def test_the_vault_s_names() -> None:
    """The roles ask the vault for exactly what `unde secrets` makes, and for former values."""
    texts = [(HOME / role / "defaults" / "main.yml").read_text(encoding="utf-8") for role in BUILT]
    wanted = {name for text in texts for name in re.findall(r"vault_\w+", text)}
    assert wanted == {*secrets.PASSWORDS, *secrets.GIVEN, secrets.MASTER_KEY, secrets.POSTHOG_SALT, *secrets.MAPPINGS, rotation.FORMER}


def test_every_host_s_roles_are_known(estate: Estate) -> None:
    """What a host has is built or still to come, and all implied roles come before those that imply them."""
    for host in estate.hosts.values():
        assert set(host.roles) <= set(BUILT) | LATER
        for position, role in enumerate(host.roles):
            assert all(implied in host.roles[:position] for implied in ROLES[role].implies)
