"""What a host is told is held against what its roles take, all at once, in Ansible's words; no host is reached for it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import support

#: Host → the roles it is asked for, what it is told, and what is said: a role, and how its line goes on. Nobody: everything is right.
HOSTS: dict[str, tuple[list[str], dict[str, Any], list[str]]] = {
    "right": (["base", "firewall", "certificates"], {"certificates_ca_host": "monitoring", "certificates_names": ["push"]}, []),
    "text-that-fits": (["firewall"], {"firewall_rollback_s": "90"}, []),
    "template-that-fits": (["firewall"], {"firewall_rollback_s": "{{ 45 + half }}", "half": 45}, []),
    "not-asked-for": (["base"], {"firewall_rollback_s": "abc", "base_nobody_knows": "{{ unheard_of }}"}, []),
    "type": (["firewall"], {"firewall_rollback_s": "abc"}, ["firewall: argument 'firewall_rollback_s' is of type str and we were unable to convert to int"]),
    "choice": (["firewall"], {"firewall_mode": "foo"}, ["firewall: value of firewall_mode must be one of: "]),
    "choices": (["base"], {"base_manage": "foo"}, ["base: value of base_manage must be one or more of: hostname, hosts, time,"]),
    "missing": (["certificates"], {"certificates_names": []}, ["certificates: missing required arguments: certificates_ca_host"]),
    "suboption-missing": (["base"], {"base_routes": [{"to": "10.0.0.0/8"}]}, ["base: missing required arguments: via found in base_routes"]),
    "suboption-unknown": (
        ["base"], {"base_routes": [{"to": "10.0.0.0/8", "via": "10.1.0.1", "by": "x"}]}, ["base: base_routes.by. Supported parameters include: to, via."],
    ),
    "template": (["firewall"], {"firewall_mode": "{{ unheard_of }}"}, ["firewall: firewall_mode: 'unheard_of' is undefined"]),
    "vault": (
        ["pgbouncer", "exporters"],
        {"exporters_address": "10.1.0.1", "exporters_wanted": [], "pgbouncer_address": "10.1.0.1", "pgbouncer_clients": []},
        [
            "pgbouncer: pgbouncer_auth_password: The lookup plugin 'unde.infra.vault' failed: the vault lacks vault_postgres_shard_pgbouncer_password.",
            "exporters: exporters_postgres_password, exporters_redis_passwords: The lookup plugin 'unde.infra.vault' failed: the vault lacks vault_postgres",
        ],
    ),
    "several": (
        ["base", "firewall"],
        {"base_manage": "foo", "firewall_rollback_s": "abc", "firewall_mode": "bar"},
        ["base: value of base_manage", "firewall: argument 'firewall_rollback_s'", "firewall: value of firewall_mode"],
    ),
}  # fmt: skip


def ask(folder: Path, task: dict[str, Any], *words: str) -> str:
    """Run a task on all hosts, none of which can be reached; return what Ansible prints."""
    nowhere = {"ansible_connection": "community.docker.docker", "ansible_host": "there-is-no-such-container"}
    told = {host: {**given, "asked_roles": roles} for host, (roles, given, _said) in HOSTS.items()}
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": nowhere, "hosts": told}}), encoding="utf-8")
    (folder / "play.yml").write_text(yaml.safe_dump([{"name": "Ask", "hosts": "all", "gather_facts": False, "tasks": [task]}]), encoding="utf-8")
    return support.run(
        "ansible-playbook", *words, "-i", folder / "hosts.yml", folder / "play.yml",
        ANSIBLE_INVENTORY_ENABLED="ansible.builtin.yaml", ANSIBLE_CALLBACK_RESULT_FORMAT="json", ANSIBLE_STRATEGY="linear",
    ).stdout  # fmt: skip


def failures(said: str) -> dict[str, dict[str, Any]]:
    """Return host → what its task failed with."""
    return {host: json.loads(text) for host, text in re.findall(r"^fatal: \[(\S+)\]: FAILED! => (.*)$", said, re.MULTILINE)}


@pytest.fixture(scope="module", params=["each", "each, rehearsed", "all at once"])
def wrong(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[str]]]:
    """Ask each host for itself, or for all of them; return host → role → what is wrong, as the message has it."""
    folder = tmp_path_factory.mktemp("arguments")
    if request.param == "all at once":
        hosts = {host: roles for host, (roles, _given, _wanted) in HOSTS.items()}
        said = ask(folder, {"name": "Ask", "unde.infra.role_arguments": {"hosts": hosts}, "run_once": True})
        [found] = failures(said).values()
        errors = found["argument_errors"]
        lines = [f"{host}: {role}: {line}" for host, roles in errors.items() for role, said in roles.items() for line in said]
        assert sorted(found["msg"].splitlines()[1:]) == sorted("\n".join(lines).splitlines())
        return errors
    task = {"name": "Ask", "unde.infra.role_arguments": {"roles": "{{ asked_roles }}"}}
    said = ask(folder, task, *(["--check"] if "rehearsed" in request.param else []))
    found = failures(said)
    assert set(HOSTS) - set(found) == set(re.findall(r"^ok: \[(\S+)\]", said, re.MULTILINE))
    return {host: each["argument_errors"][host] for host, each in found.items()}


@pytest.mark.parametrize("host", HOSTS)
def test_a_host(wrong: dict[str, dict[str, list[str]]], host: str) -> None:
    _roles, _given, wanted = HOSTS[host]
    lines = [re.sub(r"\s+", " ", f"{role}: {line}") for role, said in wrong.get(host, {}).items() for line in said]
    assert len(lines) == len(wanted), lines
    for line in wanted:
        assert any(line in found for found in lines), lines


def test_a_role_that_is_not_there(tmp_path: Path) -> None:
    found = failures(ask(tmp_path, {"name": "Ask", "unde.infra.role_arguments": {"roles": ["nobody"]}}))
    assert {each["msg"] for each in found.values()} == {"unde.infra has no role nobody"}
    assert set(found) == set(HOSTS)
