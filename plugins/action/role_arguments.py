# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hold what a host is told against the argument specs of roles, before any of them acts. Documented in ``plugins/modules/role_arguments.py``."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleActionFail, AnsibleTemplateError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

ROLES = Path(__file__).resolve().parents[2] / "roles"


@functools.cache
def options(role: str) -> dict[str, Any]:
    """Return what a role's entry point ``main`` takes.

    Read as plain data: nothing in it is a template, and Ansible's own reader takes five times as long.
    """
    text = (ROLES / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["argument_specs"]["main"].get("options", {})
    return found


class ActionModule(ActionBase):
    """Acts on the control node alone."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail with all that is wrong, host by host and role by role, in Ansible's words."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, asked = self.validate_argument_spec(
            argument_spec={"roles": {"type": "list", "elements": "str"}, "hosts": {"type": "dict"}},
            required_one_of=[("roles", "hosts")],
            mutually_exclusive=[("roles", "hosts")],
        )
        task_vars = task_vars or {}
        due = asked["hosts"] or {task_vars["inventory_hostname"]: asked["roles"] or []}
        wrong = {host: found for host, roles in due.items() if (found := self.wrong(roles, self.variables(host, task_vars)))}
        if wrong:
            lines = [f"{host}: {role}: {line}" for host, found in wrong.items() for role, errors in found.items() for line in errors]
            return result | {"failed": True, "msg": "\n".join(["Validation of arguments failed:", *lines]), "argument_errors": wrong}
        return result | {"changed": False}

    def variables(self, host: str, task_vars: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what a host is told, its templates unfilled; of this task's own host that is in ``told``, with what the play says."""
        return task_vars if host == task_vars["inventory_hostname"] else {**task_vars["hostvars"].raw_get(host), "hostvars": task_vars["hostvars"]}

    def wrong(self, roles: list[str], task_vars: Mapping[str, Any]) -> dict[str, list[str]]:
        """Return role → what is wrong, of those with which something is."""
        return {role: errors for role in roles if (errors := self.errors(role, task_vars))}

    def errors(self, role: str, task_vars: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with a role's arguments, as a host is told them, over the role's defaults."""
        if not (ROLES / role).is_dir():
            raise AnsibleActionFail(f"unde.infra has no role {role}")
        wanted, defaults = options(role), self._defaults(role)
        variables = {**defaults, **task_vars}
        templar = self._templar.copy_with_new_env(available_variables=variables)
        given, failed = {}, {}
        for name in wanted:
            if name in variables:
                try:
                    given[name] = templar.template(variables[name])
                except AnsibleTemplateError as error:
                    failed.setdefault(str(error), []).append(name)
        # What has no value is not missing.
        known = {name: option for name, option in wanted.items() if not any(name in names for names in failed.values())}
        found = ArgumentSpecValidator(known).validate(given, validate_role_argument_spec=True)
        return [f"{', '.join(names)}: {why}" for why, names in failed.items()] + found.error_messages

    def _defaults(self, role: str) -> dict[str, Any]:
        """Return a role's defaults; the loader keeps what it has read."""
        return self._loader.load_from_file(str(ROLES / role / "defaults" / "main.yml"), unsafe=True, trusted_as_template=True) or {}
