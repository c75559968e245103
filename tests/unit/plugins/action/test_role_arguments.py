"""What a host is told is held against what its roles take, all at once, in Ansible's words; no host is reached for it."""

from __future__ import annotations

import json
import re
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
    "no-such-role": (["nobody"], {}, ["unde.infra has no role nobody"]),
}  # fmt: skip


@pytest.fixture(scope="module", params=["free", "rehearsal"])
def said(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Ask all hosts, none of which can be reached; return what the action said of each."""
    folder = tmp_path_factory.mktemp("arguments")
    nowhere = {"ansible_connection": "community.docker.docker", "ansible_host": "there-is-no-such-container"}
    told = {host: {**given, "asked_roles": roles} for host, (roles, given, _said) in HOSTS.items()}
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": nowhere, "hosts": told}}), encoding="utf-8")
    task = {"name": "Ask", "unde.infra.role_arguments": {"roles": "{{ asked_roles }}"}}
    (folder / "play.yml").write_text(yaml.safe_dump([{"name": "Ask", "hosts": "all", "gather_facts": False, "tasks": [task]}]), encoding="utf-8")
    done = support.run(
        "ansible-playbook", *(["--check"] if request.param == "rehearsal" else []), "-i", folder / "hosts.yml", folder / "play.yml",
        ANSIBLE_INVENTORY_ENABLED="ansible.builtin.yaml", ANSIBLE_CALLBACK_RESULT_FORMAT="json", ANSIBLE_STRATEGY="linear",
    )  # fmt: skip
    wrong = {host: json.loads(text) for host, text in re.findall(r"^fatal: \[(\S+)\]: FAILED! => (.*)$", done.stdout, re.MULTILINE)}
    return {host: {"changed": False} for host in re.findall(r"^ok: \[(\S+)\]", done.stdout, re.MULTILINE)} | {
        host: {**found, "failed": True} for host, found in wrong.items()
    }


@pytest.mark.parametrize("host", HOSTS)
def test_a_host(said: dict[str, dict[str, Any]], host: str) -> None:
    _roles, _given, wanted = HOSTS[host]
    found = said[host]
    assert bool(found.get("failed")) is bool(wanted), found
    assert not found["changed"]
    for line in wanted:
        assert line in re.sub(r"\s+", " ", found["msg"]), found
    assert sum(map(len, found.get("argument_errors", {}).values())) == len(wanted) - (host == "no-such-role"), "and nothing else"
