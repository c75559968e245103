# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hold what a host is told against the argument specs of roles, before any of them acts. Documented in ``plugins/modules/role_arguments.py``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleActionFail, AnsibleTemplateError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

ROLES = Path(__file__).resolve().parents[2] / "roles"


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
        """Fail with all that is wrong, role by role, in Ansible's words."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, asked = self.validate_argument_spec(argument_spec={"roles": {"type": "list", "elements": "str", "required": True}})
        wrong = {role: said for role in asked["roles"] if (said := self.errors(role, task_vars or {}))}
        if wrong:
            lines = "\n".join(f"{role}: {line}" for role, said in wrong.items() for line in said)
            return result | {"failed": True, "msg": f"Validation of arguments failed:\n{lines}", "argument_errors": wrong}
        return result | {"changed": False}

    def errors(self, role: str, told: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with a role's arguments, as the host is told them, over the role's defaults."""
        if not (ROLES / role).is_dir():
            raise AnsibleActionFail(f"unde.infra has no role {role}")
        defaults = self._loader.load_from_file(str(ROLES / role / "defaults" / "main.yml"), unsafe=True, trusted_as_template=True) or {}
        variables, wanted = {**defaults, **told}, options(role)
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
