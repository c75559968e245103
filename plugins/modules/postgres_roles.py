#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keep PostgreSQL's login roles, their passwords and the groups that they are in, in one call; no password reaches the server."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_roles
short_description: Keep PostgreSQL's login roles, their passwords and their groups
description:
  - Passwords are compared with the stored SCRAM verifiers, so that a run without a change writes nothing. Where one differs, the new verifier is computed on
    the host; the password itself never reaches the server, its log, or C(pg_stat_activity).
  - All changes are made in one transaction. On a standby nothing is done.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.postgres]
options:
  roles:
    description: The login roles. Roles that are not named are left alone.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the role. A superuser of that name is refused.
        type: str
        required: true
      password:
        description: Its password, of at least 16 printable ASCII characters.
        type: str
        required: true
      replication:
        description: Whether it may replicate; given when it is created.
        type: bool
        default: false
      grants:
        description: What it is granted when it is created, each as it stands between C(GRANT) and C(TO).
        type: list
        elements: str
        default: []
      settings:
        description: Settings of its sessions, given when it is created; a list of values where the setting is a list.
        type: dict
        default: {}
      groups:
        description: Those of O(groups) that it is in, and it is in no other of them.
        type: list
        elements: str
        default: []
  groups:
    description: Roles that nobody logs in as, and that rights are given to; they are created where they are missing. Without any, memberships are left alone.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the group.
        type: str
        required: true
      set_role_only:
        description: Whether members have its rights only after C(SET ROLE).
        type: bool
        default: false
      has_members:
        description: Whether its members are kept; of one without, none is looked at.
        type: bool
        default: true
  login_group:
    description: One of O(groups) whose members alone may log in. A role that is taken out of it may not any more; its objects stay.
    type: str
  new_cluster:
    description: Whether the cluster was created just now, or in check mode would be; then there are no roles yet.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Tells which roles would be changed.
  diff_mode:
    support: full
    description: Lists the actions; no password is in them.
"""

EXAMPLES = r"""
- name: Create the login roles
  unde.infra.postgres_roles:
    version: "17"
    state_directory: /var/lib/unde/postgres_shard
    roles:
      - {name: replicator, password: "{{ replicator_password }}", replication: true}
      - {name: unde_monitor, password: "{{ monitor_password }}", grants: [pg_monitor]}

- name: Create the callers' roles and their group memberships
  unde.infra.postgres_roles:
    version: "17"
    state_directory: /var/lib/unde/core_database
    groups: [{name: callers}, {name: catalog_read}, {name: catalog_own, set_role_only: true}]
    login_group: callers
    roles:
      - name: app
        password: "{{ app_password }}"
        groups: [callers, catalog_read]
        settings: {search_path: [catalog, public]}
"""

RETURN = r"""
primary:
  description: Whether this host is the primary, where roles are kept.
  type: bool
  returned: success
  sample: true
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: ["create role app", "change the password of replicator", "grant catalog_read to app"]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import postgresql, postgresql_scram, systemd
from ansible_collections.unde.infra.plugins.module_utils.actions import result
from ansible_collections.unde.infra.plugins.module_utils.postgresql import Refused, identifier, literal

#: What there is: every role with its verifier, and who is in which.
PRESENT = "SELECT rolname AS name, rolsuper AS superuser, rolcanlogin AS enters, coalesce(rolpassword, '') AS verifier FROM pg_authid"
MEMBERS = """
SELECT of.rolname AS of, member.rolname AS name FROM pg_auth_members
JOIN pg_roles AS of ON of.oid = roleid JOIN pg_roles AS member ON member.oid = pg_auth_members.member
"""
#: No trace of a verifier in the log.
QUIET = "SET log_statement = 'none'; SET log_min_error_statement = 'panic';\n"


def setting(value: Any) -> str:
    """Return a setting's value as SQL has it."""
    return ", ".join(literal(str(each)) for each in (value if isinstance(value, list) else [value]))


class Roles:
    """The roles as they are wanted, against those that there are."""

    def __init__(self, parameters: dict[str, Any], run: systemd.Run) -> None:
        """Take a module's parameters, and what runs programs."""
        self.server = postgresql.Server(parameters, run)
        self.roles: list[dict[str, Any]] = parameters["roles"]
        self.groups: dict[str, dict[str, Any]] = {each["name"]: each for each in parameters["groups"]}
        self.login_group: str = parameters["login_group"] or ""
        #: What was done, or would be → the SQL that does it.
        self.actions: dict[str, str] = {}

    def check_passwords(self) -> None:
        """Refuse passwords that are weak, or that SCRAM would first have to normalize."""
        for each in self.roles:
            if not postgresql_scram.is_strong(each["password"]):
                raise Refused(f"the password of {each['name']} must be at least 16 printable ASCII characters")

    def compare(self, present: dict[str, dict[str, Any]], members: set[tuple[str, str]]) -> None:
        """Find what is to be done, in its order: groups, roles and passwords, who may log in, who is in which group.

        Raises:
            Refused: one of the roles is a superuser.

        """
        superusers = [each["name"] for each in self.roles if present.get(each["name"], {}).get("superuser")]
        if superusers:
            raise Refused(
                f"{', '.join(superusers)}: a superuser here, which no caller may be. Nothing was changed. ALTER ROLE … NOSUPERUSER first, or rename it."
            )
        for name in self.groups:
            if name not in present:
                self.actions[f"create group {name}"] = f"CREATE ROLE {identifier(name)} NOLOGIN;"
        for each in self.roles:
            self.keep_role(each, present.get(each["name"]))
        if self.groups:
            self.allow_login([each["name"] for each in self.roles if not present.get(each["name"], {}).get("enters", True)])
            self.keep_members(members)

    def keep_role(self, role: dict[str, Any], present: dict[str, Any] | None) -> None:
        """Create a role, or give it its password."""
        name, password = role["name"], role["password"]
        if present is None:
            attributes = "LOGIN REPLICATION" if role["replication"] else "LOGIN"
            lines = [f"CREATE ROLE {identifier(name)} {attributes} PASSWORD {literal(postgresql_scram.verifier(password))};"]
            lines += [f"GRANT {each} TO {identifier(name)};" for each in role["grants"]]
            lines += [f"ALTER ROLE {identifier(name)} SET {key} = {setting(value)};" for key, value in role["settings"].items()]
            self.actions[f"create role {name}"] = "\n".join(lines)
        elif not postgresql_scram.matches(password, present["verifier"]):
            self.actions[f"change the password of {name}"] = f"ALTER ROLE {identifier(name)} PASSWORD {literal(postgresql_scram.verifier(password))};"

    def allow_login(self, shut: list[str]) -> None:
        """Let those log in again that belong to the login group."""
        for name in shut:
            if self.login_group in next(each["groups"] for each in self.roles if each["name"] == name):
                self.actions[f"allow {name} to log in"] = f"ALTER ROLE {identifier(name)} LOGIN;"

    def keep_members(self, members: set[tuple[str, str]]) -> None:
        """Bring the groups' members to what is wanted."""
        kept = {name for name, each in self.groups.items() if each["has_members"]}
        wanted = {(group, each["name"]) for each in self.roles for group in each["groups"]}
        present = {(group, name) for group, name in members if group in kept}
        if unknown := sorted({group for group, _member in wanted} - kept):
            raise Refused(f"{', '.join(unknown)}: none of the groups whose members are kept. Nothing was changed.")
        for group, name in sorted(wanted - present):
            only = " WITH INHERIT FALSE, SET TRUE" if self.groups[group]["set_role_only"] else ""
            self.actions[f"grant {group} to {name}"] = f"GRANT {identifier(group)} TO {identifier(name)}{only};"
        for group, name in sorted(present - wanted):
            self.actions[f"revoke {group} from {name}"] = f"REVOKE {identifier(group)} FROM {identifier(name)};"
        for group, name in sorted(present - wanted):
            if group == self.login_group:
                self.actions[f"forbid {name} to log in"] = f"ALTER ROLE {identifier(name)} NOLOGIN;"

    def apply(self) -> None:
        """Do it all in one transaction."""
        try:
            self.server.sql(QUIET + "\n".join(self.actions.values()), transaction=True)
        except Refused as reason:
            raise Refused(postgresql_scram.hide(str(reason))) from None


def main() -> None:
    """Run the module."""
    of_words: dict[str, Any] = {"type": "list", "elements": "str", "default": []}
    module = AnsibleModule(
        argument_spec={
            **postgresql.SERVER,
            "roles": {
                "type": "list", "elements": "dict", "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "password": {"type": "str", "required": True, "no_log": True},
                    "replication": {"type": "bool", "default": False},
                    "grants": of_words,
                    "settings": {"type": "dict", "default": {}},
                    "groups": of_words,
                },
            },
            "groups": {
                "type": "list", "elements": "dict", "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "set_role_only": {"type": "bool", "default": False},
                    "has_members": {"type": "bool", "default": True},
                },
            },
            "login_group": {"type": "str"},
            "new_cluster": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )  # fmt: skip
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    roles = Roles(module.params, module.run_command)
    foretold = module.check_mode and module.params["new_cluster"]
    try:
        roles.check_passwords()
        primary = foretold or roles.server.is_primary()
        if primary:
            present = {} if foretold else {row["name"]: row for row in roles.server.rows(PRESENT)}
            members = set() if foretold else {(row["of"], row["name"]) for row in roles.server.rows(MEMBERS)}
            roles.compare(present, members)
            if roles.actions and not module.check_mode:
                roles.apply()
    except Refused as reason:
        module.fail_json(msg=str(reason))
    module.exit_json(**result(roles.actions), primary=primary)


if __name__ == "__main__":
    main()
