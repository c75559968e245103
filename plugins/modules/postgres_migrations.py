#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Apply numbered migrations to a database, each once, in order and in one transaction."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_migrations
short_description: Apply numbered migrations to a database
description:
  - Each migration is applied once, in order, in one transaction, and recorded with its checksum in C(unde.schema_version) of the database; the database is
    created where it is missing. A migration that was edited after it had been applied is refused before anything is done.
  - >-
    A migration says what it makes, C(-- Makes: table NAME) or C(-- Makes: schema NAME). One whose tables or schema something else made already, in whatever
    schema, is held back, and what is there is not altered.
  - On a standby nothing is done.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.postgres]
options:
  database:
    description: Name of the database.
    type: str
    required: true
  migrations:
    description: The migrations.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: File name, C(NNN_what_it_does.sql).
        type: str
        required: true
      content:
        description: Its whole SQL; the checksum is of this.
        type: str
        required: true
  variables:
    description: Variables that the migrations use, as C(:name).
    type: dict
    default: {}
  callers:
    description: Roles that alone may connect to a database that is created; everybody where none is named.
    type: list
    elements: str
    default: []
  requirements:
    description: What must hold before anything is done.
    type: list
    elements: dict
    default: []
    suboptions:
      after:
        description: The migration that must have been applied for it to be asked.
        type: str
        required: true
      sql:
        description: A query whose rows, if there are any, are the reasons to refuse.
        type: str
        required: true
  assertions:
    description: What must hold when all is applied.
    type: list
    elements: dict
    default: []
    suboptions:
      sql:
        description: A query that answers C(t).
        type: str
        required: true
      failure:
        description: What is said where it answers otherwise.
        type: str
        required: true
  new_cluster:
    description: Whether the cluster was created just now, or in check mode would be; then there is no database yet.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Tells which migrations would be applied.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Apply the migrations
  unde.infra.postgres_migrations:
    version: "17"
    state_directory: /var/lib/unde/core_database
    database: shop
    migrations:
      - {name: 001_products.sql, content: "CREATE TABLE products (id bigint PRIMARY KEY);"}
    callers: [app]
"""

RETURN = r"""
primary:
  description: Whether this host is the primary, where migrations are applied.
  type: bool
  returned: success
  sample: true
applied:
  description: Migrations that were applied, or would be.
  type: list
  elements: str
  returned: success
  sample: [001_products.sql]
held:
  description: Migrations that were held back → what was there already.
  type: dict
  returned: success
  sample: {"004_routing_and_tombstones.sql": ["public.routing_table"]}
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: ["create database shop", "apply 001_products.sql"]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import postgresql
from ansible_collections.unde.infra.plugins.module_utils.actions import result
from ansible_collections.unde.infra.plugins.module_utils.postgresql import Refused
from ansible_collections.unde.infra.plugins.module_utils.postgresql_migrations import Database, Migration


class QuietModule(AnsibleModule):  # type: ignore[misc]
    """A module that logs which migrations it is given, not what is in them."""

    def _log_invocation(self) -> None:
        self.log("Asked for " + ", ".join(str(each.get("name")) for each in self.params["migrations"]))


def check_requirements(database: Database, requirements: list[dict[str, str]], applied: dict[int, str]) -> None:
    """Refuse what stands in the way of it all."""
    for each in requirements:
        reasons = database.sql(each["sql"]) if Migration(each["after"], "").version in applied else ""
        if reasons:
            raise Refused(reasons)


def migrate(module: AnsibleModule, database: Database) -> tuple[list[str], list[str], dict[str, list[str]]]:
    """Create the database and apply what was not applied yet; return what was done, the migrations that were applied, and those that were held back."""
    options, migrations = module.params, [Migration(**each) for each in sorted(module.params["migrations"], key=lambda each: str(each["name"]))]
    actions, known = [], {}
    held: dict[str, list[str]] = {}
    exists = not (module.check_mode and options["new_cluster"]) and database.exists()
    if not exists:
        actions.append(f"create database {database.name}")
        if not module.check_mode:
            database.create(options["callers"])
    if exists or not module.check_mode:
        known = database.applied()
        database.check(migrations, known)
        check_requirements(database, options["requirements"], known)
        held = {each.name: there for each in migrations if each.version not in known and (there := database.already_there(each))}
    missing = [each for each in migrations if each.version not in known and each.name not in held]
    if missing and not module.check_mode:
        database.bootstrap()
    for each in missing:
        actions.append(f"apply {each.name}")
        if not module.check_mode:
            database.apply(each, options["variables"])
    if not module.check_mode or not actions:
        for each in options["assertions"]:
            if database.sql(each["sql"]) != "t":
                raise Refused(each["failure"])
    return actions, [each.name for each in missing], held


def main() -> None:
    """Run the module."""
    of_texts: dict[str, Any] = {"type": "list", "elements": "dict", "default": []}
    text = {"type": "str", "required": True}
    module = QuietModule(
        argument_spec={
            **postgresql.SERVER,
            "database": text,
            "migrations": {"type": "list", "elements": "dict", "required": True, "options": {"name": text, "content": text}},
            "variables": {"type": "dict", "default": {}},
            "callers": {"type": "list", "elements": "str", "default": []},
            "requirements": {**of_texts, "options": {"after": text, "sql": text}},
            "assertions": {**of_texts, "options": {"sql": text, "failure": text}},
            "new_cluster": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    server = postgresql.Server(module.params, module.run_command)
    actions: list[str] = []
    applied: list[str] = []
    held: dict[str, list[str]] = {}
    try:
        primary = (module.check_mode and module.params["new_cluster"]) or server.is_primary()
        if primary:
            actions, applied, held = migrate(module, Database(server, module.params["database"]))
    except Refused as reason:
        module.fail_json(msg=str(reason))
    module.exit_json(**result(actions), primary=primary, applied=applied, held=held)


if __name__ == "__main__":
    main()
