#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Have the running PostgreSQL take up its configuration files: start it, reload it, restart it, or tell what waits for a restart."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_settings
short_description: Have PostgreSQL take up its configuration files
description:
  - Starts the server where it is down, reloads it where a file or a certificate is younger than its last reload (so that a run that was killed in between
    is made good), and restarts it where a setting waits for that and it is allowed.
  - Before a reload the files are checked by the server itself; what it would ignore is refused, and it keeps running as it was.
  - A server that was started before its user was let into O(key_group) keeps its former certificate; that waits for a restart, too.
  - Where Patroni manages PostgreSQL, it is only reloaded. Where there is no cluster, nothing is done.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.postgres]
options:
  settings:
    description:
      - What C(conf.d/unde.conf) is to hold, by name. In check mode, in which it is not written, these are compared with the running settings, and what would
        wait for a restart is told.
    type: dict
    default: {}
  written_files:
    description: Files that were written just now, or in check mode would be; those of the configuration mean a reload.
    type: list
    elements: path
    default: []
  new_cluster:
    description: Whether the cluster was created just now, or in check mode would be; then it is started.
    type: bool
    default: false
  may_restart:
    description: Whether a restart is allowed now.
    type: bool
    default: true
  tls_directory:
    description: Where C(ca.crt), C(host.crt) and C(host.key) are; a renewed one means a reload.
    type: path
    default: /etc/unde/tls
  key_group:
    description: The group that may read the host's key.
    type: str
    default: unde-tls
attributes:
  check_mode:
    support: full
    description: Tells a start, a reload or a restart, that of settings that are not written yet, too.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Start, reload or restart PostgreSQL where its configuration asks for it
  unde.infra.postgres_settings:
    version: "17"
    state_directory: /var/lib/unde/postgres_shard
    settings: {max_connections: 100, shared_buffers: 8GB}
    written_files: "{{ written.changed_paths }}"
    may_restart: false
  register: server
"""

RETURN = r"""
state:
  description: V(running), V(absent) where there is no cluster, or V(down) where Patroni is to start it.
  type: str
  returned: success
  sample: running
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: ["reload postgresql@17-main.service"]
pending:
  description: Settings that wait for a restart.
  type: list
  elements: str
  returned: success
  sample: [max_connections]
overridden:
  description: Settings of C(conf.d/unde.conf) that a later line elsewhere decides.
  type: list
  elements: str
  returned: success
  sample: [shared_buffers]
restart_with:
  description: What takes up the settings that wait.
  type: str
  returned: success
  sample: -e unde_may_restart=true
"""

import grp
import re
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import postgresql, systemd
from ansible_collections.unde.infra.plugins.module_utils.actions import result
from ansible_collections.unde.infra.plugins.module_utils.postgresql import Refused, literal

OWN = "conf.d/unde.conf"
FILES = (OWN, "pg_hba.conf", "pg_ident.conf")
CERTIFICATES = ("ca.crt", "host.crt", "host.key")
PROC = Path("/proc")
LOADED = "SELECT extract(epoch FROM pg_conf_load_time())"
#: Seconds for the postmaster to read its files.
RELOAD_S = 30
KEY_ACCESS = "access to the host's key"
ERRORS = """
SELECT sourcefile || ':' || sourceline || ': ' || name || ': ' || error FROM pg_file_settings
WHERE error IS NOT NULL AND error <> 'setting could not be applied'
UNION ALL SELECT 'pg_hba.conf:' || line_number || ': ' || error FROM pg_hba_file_rules WHERE error IS NOT NULL
"""
OVERRIDDEN = f"SELECT name FROM pg_file_settings WHERE sourcefile LIKE '%/{OWN}' AND NOT applied AND error IS NULL ORDER BY name"
#: Settings that take a restart and follow the files, unless a later line elsewhere decides them.
STARTED_WITH = f"""
SELECT name, setting, coalesce(unit, '') AS unit, vartype FROM pg_settings
WHERE context = 'postmaster' AND source NOT IN ('command line', 'environment variable', 'override') AND name NOT IN (
    SELECT name FROM pg_file_settings WHERE name IS NOT NULL AND seqno > (SELECT max(seqno) FROM pg_file_settings WHERE sourcefile LIKE '%/{OWN}')
)
"""
#: Units of postgresql.conf, in bytes and in milliseconds.
UNITS = {"B": 1, "kB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40, "us": 0.001, "ms": 1, "s": 1000, "min": 60000, "h": 3600000, "d": 86400000}


def plain(value: object) -> str:
    """Return a value of YAML as it stands in postgresql.conf."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def canonical(text: str, kind: str, unit: str) -> object:
    """Return a setting's value so that the same ones are equal: 8192MB and 8GB, on and true."""
    if kind == "bool":
        return text.lower() in ("on", "true", "yes", "1")
    if kind not in ("integer", "real"):
        return text.lower() if kind == "enum" else text
    number, own = re.fullmatch(r"(-?[0-9.]+)\s*([A-Za-z]*)", text), re.fullmatch(r"(\d*)([A-Za-z]*)", unit)
    if not number or not own or (number[2] and number[2] not in UNITS):
        return text
    return float(number[1]) * (UNITS[number[2]] if number[2] else float(own[1] or 1) * UNITS.get(own[2], 1))


class Settings:
    """The files of the configuration, and what the server has taken up of them."""

    def __init__(self, parameters: dict[str, Any], run: systemd.Run, check_mode: bool) -> None:
        """Take a module's parameters, and what runs programs."""
        self.server, self.check_mode = postgresql.Server(parameters, run), check_mode
        self.settings: dict[str, Any] = parameters["settings"]
        self.files = [self.server.configuration / name for name in FILES]
        self.foretold = check_mode and any(str(path) in parameters["written_files"] for path in self.files)
        self.certificates = [Path(parameters["tls_directory"]) / name for name in CERTIFICATES]
        self.key_group: str = parameters["key_group"]
        self.new_cluster: bool = parameters["new_cluster"]
        self.may_restart: bool = parameters["may_restart"]
        self.patroni = self.server.is_managed_by_patroni()

    def is_stale(self) -> bool:
        """Return whether a file is younger than the server's last look at it."""
        loaded = float(self.server.sql(LOADED))
        return any(path.stat().st_ctime > loaded for path in [*self.files, *self.certificates] if path.exists())

    def check_files(self) -> None:
        """Refuse before the reload what the server would ignore after it."""
        if errors := self.server.sql(ERRORS):
            raise Refused(f"PostgreSQL refuses its new configuration; it keeps running with the old one:\n{errors}")

    def reload(self) -> None:
        """Have the server read its files, and wait until it has: a new session has the postmaster's settings, and knows when those were read.

        Raises:
            Refused: it has not after ``RELOAD_S`` seconds.

        """
        before, deadline = self.server.sql(LOADED), time.monotonic() + RELOAD_S
        self.server.sql("SELECT pg_reload_conf()")
        while self.server.sql(LOADED) == before:
            if time.monotonic() > deadline:
                raise Refused(f"{self.server.unit} has not read its configuration within {RELOAD_S} s of being told to (journalctl -u {self.server.unit})")
            time.sleep(postgresql.PAUSE_S)

    def lacks_key_access(self) -> bool:
        """Return whether the server was started before it was let into the group that reads the host's key: till then it keeps its former certificate."""
        postmaster = self.server.sql("SELECT pg_read_file('postmaster.pid')").split()[0]
        status = (PROC / postmaster / "status").read_text().splitlines()
        held = next(line for line in status if line.startswith("Groups:")).split()[1:]
        try:
            return str(grp.getgrnam(self.key_group).gr_gid) not in held
        except KeyError:  # In check mode the group may only be foretold.
            return True

    def pending(self) -> list[str]:
        """Return what waits for a restart; in check mode, what would."""
        waiting = set(self.server.sql("SELECT name FROM pg_settings WHERE pending_restart ORDER BY name").split())
        if self.check_mode and self.settings:
            rows = self.server.rows(f"{STARTED_WITH} AND name IN ({', '.join(literal(name) for name in self.settings)})")
            waiting |= {row["name"] for row in rows if self.differs(row)}
        return [*sorted(waiting), *([KEY_ACCESS] if self.lacks_key_access() else [])]

    def differs(self, row: dict[str, str]) -> bool:
        """Return whether the server was started with another value than is wanted; -1 has it choose one itself."""
        wanted = plain(self.settings[row["name"]])
        return wanted != "-1" and canonical(wanted, row["vartype"], row["unit"]) != canonical(row["setting"], row["vartype"], row["unit"])

    def apply(self) -> tuple[str, list[str], list[str], list[str]]:
        """Return how the server stands then, what was done, what waits for a restart, and which settings something else decides.

        Raises:
            Refused: the server refuses its files, or does not answer after its start.

        """
        server, start = self.server, f"start {self.server.unit}"
        if server.initializing.exists() or not (server.configuration / "postgresql.conf").exists():
            created = self.check_mode and self.new_cluster
            return ("running", [start], [], []) if created else ("absent", [], [], [])
        actions = []
        if not server.answers():
            if self.patroni:
                return "down", [], [], []
            if self.check_mode:
                return "running", [start], [], []
            server.start()
            actions.append(start)
        elif self.is_stale() or self.foretold:
            self.check_files()
            if not self.check_mode:
                self.reload()
            actions.append(f"reload {server.unit}")
        pending = self.pending()
        if pending and self.may_restart and not self.patroni:
            actions.append(f"restart {server.unit} for {', '.join(pending)}")
            if not self.check_mode:
                server.run(["systemctl", "restart", server.unit])
                server.start()
                pending = []
        return "running", actions, pending, server.sql(OVERRIDDEN).split()


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **postgresql.SERVER,
            "settings": {"type": "dict", "default": {}},
            "written_files": {"type": "list", "elements": "path", "default": []},
            "new_cluster": {"type": "bool", "default": False},
            "may_restart": {"type": "bool", "default": True},
            "tls_directory": {"type": "path", "default": "/etc/unde/tls"},
            "key_group": {"type": "str", "default": "unde-tls", "no_log": False},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    settings = Settings(module.params, module.run_command, module.check_mode)
    try:
        state, actions, pending, overridden = settings.apply()
    except Refused as reason:
        module.fail_json(msg=str(reason))
    way = "patronictl restart" if settings.patroni else "-e unde_may_restart=true"
    module.exit_json(**result(actions), state=state, pending=pending, overridden=overridden, restart_with=way)


if __name__ == "__main__":
    main()
