#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Say which PostgreSQL clusters a host has, and what the running one answers."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgresql_clusters
short_description: Say which PostgreSQL clusters a host has, and what the running one answers
description:
  - Looks into the data directories as Debian lays them out, so that nothing needs to be installed, and asks the running server over its socket.
  - Nothing is ever changed.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options:
  queries:
    description: What the running server is asked, as the system user C(postgres).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Under which name the answer is returned.
        type: str
        required: true
      sql:
        description: The question, one row a line.
        type: str
        required: true
      database:
        description: Where it is asked; in every database that takes connections where none is named.
        type: str
  packages:
    description: Debian packages that are looked for.
    type: list
    elements: str
    default: []
  port:
    description: Port of the server that is asked.
    type: int
    default: 5432
  data_directory:
    description: Where the clusters' data lies, below it C(<version>/<name>).
    type: path
    default: /var/lib/postgresql
  programs_directory:
    description: Where the programs lie, below it C(<version>/bin).
    type: path
    default: /usr/lib/postgresql
"""

EXAMPLES = r"""
- name: Gather the PostgreSQL clusters
  unde.infra.postgresql_clusters:
    queries:
      - {name: settings, database: postgres, sql: "SELECT name || '=' || setting FROM pg_settings WHERE name = 'archive_command'"}
  register: found
"""

RETURN = r"""
clusters:
  description: The clusters that are there, by version.
  type: list
  elements: dict
  returned: success
  sample: [{version: "17", name: main, data_directory: /var/lib/postgresql/17/main, system_identifier: "7412", running: true, port: 5432}]
answers:
  description: What the running server said, the rows by the names of the questions; a question that it could not answer is not in it.
  type: dict
  returned: success
  sample: {settings: ["archive_command="]}
missing_packages:
  description: Those of O(packages) that are not installed in full.
  type: list
  elements: str
  returned: success
  sample: []
groups:
  description: Groups of the system user C(postgres); none where there is no such user.
  type: list
  elements: str
  returned: success
  sample: [postgres, ssl-cert, unde-tls]
"""

import os
import re
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import systemd
from ansible_collections.unde.infra.plugins.module_utils.postgresql import as_postgres

DATABASES = "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname"


def running(data: Path) -> int:
    """Return the port of the server that runs on a data directory, 0 where none does."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        os.kill(int(lines[0]), 0)
        return int(lines[3])
    except (OSError, ValueError, IndexError):
        return 0


def clusters(base: Path) -> list[dict[str, Any]]:
    """Return the clusters below a directory, oldest version first; one that was never initialized is none."""
    found = []
    for control in base.glob("*/*/global/pg_control"):
        data = control.parent.parent
        port = running(data)
        version = (data / "PG_VERSION").read_text().strip() if (data / "PG_VERSION").exists() else data.parent.name
        found.append({"version": version, "name": data.name, "data_directory": str(data), "running": port > 0, "port": port})
    return sorted(found, key=lambda each: (float(each["version"]), each["name"]))


def controlled(said: str) -> dict[str, Any]:
    """Return what pg_controldata says of a cluster that cannot be changed afterwards."""
    values = dict(re.findall(r"^([^:\n]+): +(.*)$", said, re.MULTILINE))
    return {
        "system_identifier": values.get("Database system identifier", ""),
        "wal_segment_bytes": int(values.get("Bytes per WAL segment", 0)),
        "data_checksums": values.get("Data page checksum version", "0") != "0",
    }


class Server:
    """The running server, asked by its own psql over the socket."""

    def __init__(self, run: systemd.Run, programs: Path, port: int) -> None:
        """Take what runs programs, and its version's directory of programs."""
        self._run, self.psql, self.port = run, str(programs / "psql"), port

    def ask(self, database: str, sql: str) -> list[str] | None:
        """Return the rows of an answer, None where there is none."""
        words = [self.psql, "-XqAtw", "-p", str(self.port), "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql]
        code, said, _complaint = self._run(as_postgres(*words, PGCONNECT_TIMEOUT="10"), cwd="/", expand_user_and_vars=False)
        return said.splitlines() if code == 0 else None

    def answer(self, query: dict[str, Any]) -> list[str] | None:
        """Return the rows of a question's answer from its database, or from all."""
        if query["database"]:
            return self.ask(query["database"], query["sql"])
        names = self.ask("postgres", DATABASES)
        if names is None:
            return None
        return [row for name in names for row in self.ask(name, query["sql"]) or []]


def missing(run: systemd.Run, packages: list[str]) -> list[str]:
    """Return the packages that are not installed in full, one that a killed run has left half installed among them."""
    if not packages:
        return []
    said = run(["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\\n", *packages], expand_user_and_vars=False)[1]
    installed = [line.split()[0] for line in said.splitlines() if line.endswith(" installed")]
    return [name for name in packages if name not in installed]


def main() -> None:
    """Run the module."""
    query = {"name": {"type": "str", "required": True}, "sql": {"type": "str", "required": True}, "database": {"type": "str"}}
    module = AnsibleModule(
        argument_spec={
            "queries": {"type": "list", "elements": "dict", "default": [], "options": query},
            "packages": {"type": "list", "elements": "str", "default": []},
            "port": {"type": "int", "default": 5432},
            "data_directory": {"type": "path", "default": "/var/lib/postgresql"},
            "programs_directory": {"type": "path", "default": "/usr/lib/postgresql"},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    options, run = module.params, module.run_command
    programs, answers = Path(options["programs_directory"]), {}
    found = clusters(Path(options["data_directory"]))
    for each in found:
        directory = programs / each["version"] / "bin"
        control = directory / "pg_controldata"
        each.update(controlled(run([str(control), "-D", each["data_directory"]])[1] if control.exists() else ""))
        if each["port"] == options["port"]:
            server = Server(run, directory, options["port"])
            answers = {query["name"]: rows for query in options["queries"] if (rows := server.answer(query)) is not None}
    groups = run(["id", "-nG", "postgres"])[1]
    module.exit_json(changed=False, clusters=found, answers=answers, missing_packages=missing(run, options["packages"]), groups=groups.split())


if __name__ == "__main__":
    main()
