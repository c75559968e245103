#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring services to the state and to the files that are wanted: start, restart or reload what runs with older files, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: service
short_description: Start, restart or reload services whose files are younger than what runs
description:
  - Compares what runs with the files it reads, by their times, rather than with what this run has written. A restart or reload that an interrupted run owed
    is made by the next one, so no handler is needed.
  - Several services in one call, in their order. A service is started and enabled where it is not; restarted where one of its O(services[].restart_files) is
    younger than its start; reloaded where one of its O(services[].reload_files) is younger than its last start or reload. C(systemctl daemon-reload) comes
    first where systemd has not read a unit's file yet.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  services:
    description: The services, in the order in which they are treated.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the unit, with its suffix.
        type: str
        required: true
      state:
        description:
          - V(started) and enabled, or V(stopped) and disabled. A unit that does not exist is stopped.
          - V(unchanged) starts and stops nothing; what runs is restarted or reloaded.
        type: str
        choices: [started, stopped, unchanged]
        default: started
      restart_files:
        description:
          - Files that only a restart takes up; shell wildcards may be used.
          - The file of another unit that this one starts may be among them, as that of a timer's service. systemd reads it anew before the restart.
        type: list
        elements: str
        default: []
      reload_files:
        description: Files that a reload takes up; shell wildcards may be used.
        type: list
        elements: str
        default: []
      read_mark:
        description:
          - A file that the unit itself touches when it has read its files (C(ExecStartPre), C(ExecReload)), for a service whose reload can fail and leave the
            unit active; its time counts in place of that of the last reload. While it is not there, the start counts.
        type: path
      reload_while_pending:
        description: Whether to reload what runs while files wait for a restart that is not allowed; V(false) for one whose reload is told by those files.
        type: bool
        default: true
      wait:
        description: Whether to wait until it has started, restarted or reloaded; one that needs others to start must not be waited for.
        type: bool
        default: true
      may_restart:
        description: The same as O(may_restart), of this service alone; for a timer, say, whose restart interrupts nothing.
        type: bool
      package_starts:
        description:
          - Whether the unit's package enables and starts it when it is installed. In check mode, while the unit does not exist yet, nothing is told of it then,
            as the installation was.
        type: bool
        default: false
  may_restart:
    description: Whether a running service may be restarted now. Where it may not, the run warns, and RV(pending) names the files.
    type: bool
    default: true
  changed_paths:
    description:
      - Files that this run has written, as RV(unde.infra.files#module:changed_paths) has them. In check mode they are not written, and count as if they were.
      - Name those of these services alone.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: Tells what would be done, with the files that would have been written before.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Run Prometheus with its files
  unde.infra.service:
    services:
      - name: prometheus.service
        restart_files: [/etc/systemd/system/prometheus.service.d/unde.conf]
        reload_files: [/etc/prometheus/prometheus.yml, "/etc/prometheus/rules/*.yml"]
    changed_paths: "{{ written.changed_paths }}"
    may_restart: "{{ unde_may_restart | default(true) | bool }}"
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: ["restart prometheus.service: /etc/systemd/system/prometheus.service.d/unde.conf is younger than its start"]
pending:
  description: Name of a service → files that wait for a restart, which O(may_restart) forbids.
  type: dict
  returned: success
  sample: {"nginx.service": ["/etc/systemd/system/nginx.service.d/unde.conf"]}
"""

import fnmatch
import os
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import systemd
from ansible_collections.unde.infra.plugins.module_utils.actions import result, warn_of_pending

#: Where the files of units are that this run may have written.
UNIT_FILES = "/etc/systemd/system/"


@dataclass(frozen=True)
class Step:
    """One call of systemctl, and why it is made."""

    verb: str
    unit: str = ""
    why: str = ""
    wait: bool = True

    @property
    def words(self) -> list[str]:
        """Return what systemctl is called with."""
        return [self.verb, *([] if self.wait else ["--no-block"]), *([self.unit] if self.unit else [])]

    def __str__(self) -> str:
        """Return the action as it is listed."""
        return " ".join(filter(None, [self.verb, self.unit])) + (f": {self.why}" if self.why else "")


@dataclass
class Plan:
    """What is to be done about all services."""

    steps: list[Step] = field(default_factory=list)
    pending: dict[str, list[str]] = field(default_factory=dict)


def outdated(patterns: list[str], since: float, changed_paths: list[str]) -> list[str]:
    """Return the files of a service that are younger than what runs, those among them that a run in check mode would have written."""
    would_be = [path for path in changed_paths if any(fnmatch.fnmatch(path, pattern) for pattern in patterns)]
    return sorted({*systemd.younger(patterns, since), *would_be})


def last_read(wanted: dict[str, Any], unit: systemd.Unit) -> float:
    """Return when a service last read its files, seconds since 1970."""
    if not wanted["read_mark"]:
        return unit.changed
    return os.stat(wanted["read_mark"]).st_mtime if os.path.exists(wanted["read_mark"]) else unit.started


def steps_of(wanted: dict[str, Any], unit: systemd.Unit, would_be_written: list[str], may_restart: bool) -> tuple[list[Step], list[str]]:
    """Return what brings one service to its state, and the files that wait for a restart that is not allowed."""
    name = unit.name
    if wanted["state"] == "stopped":
        return ([Step("stop", name)] if unit.active else []) + ([Step("disable", name)] if unit.enabled and unit.exists else []), []
    enable = [] if unit.enabled or wanted["state"] == "unchanged" else [Step("enable", name)]
    if not unit.active:
        return ([*enable, Step("start", name, wait=wanted["wait"])] if wanted["state"] == "started" else []), []
    allowed = may_restart if wanted["may_restart"] is None else wanted["may_restart"]
    # In check mode alone: whatever was written is on the disk otherwise, and has its time.
    if files := outdated(wanted["restart_files"], unit.started, would_be_written):
        if allowed:
            return [*enable, Step("restart", name, f"{', '.join(files)} younger than its start", wanted["wait"])], []
        waiting = files
        if not wanted["reload_while_pending"]:
            return enable, waiting
    else:
        waiting = []
    # A start is a change of state, too: what was read then is not read again.
    if files := outdated(wanted["reload_files"], last_read(wanted, unit), would_be_written):
        enable.append(Step("reload", name, f"{', '.join(files)} younger than its last start or reload", wanted["wait"]))
    return enable, waiting


def has_new_file(unit: systemd.Unit, would_be_written: list[str]) -> bool:
    """Tell whether systemd would have to read a file of a unit anew: its own, or a drop-in. One that is new to systemd is read when it is asked for."""
    own = f"{UNIT_FILES}{unit.name}"
    return unit.exists and any(path == own or path.startswith(f"{own}.d/") for path in would_be_written)


def starts_with_new_file(services: list[dict[str, Any]], units: dict[str, systemd.Unit], would_be_written: list[str]) -> bool:
    """Tell whether a running service has a younger file of whatever unit; systemd says of a unit's own files only whether it has to read them anew."""
    running = [(each["restart_files"], units[each["name"]]) for each in services if units[each["name"]].active]
    return any(path.startswith(UNIT_FILES) for files, unit in running for path in outdated(files, unit.started, would_be_written))


def plan(services: list[dict[str, Any]], units: dict[str, systemd.Unit], would_be_written: list[str], may_restart: bool) -> Plan:
    """Return what is to be done about all services."""
    made = Plan()
    for wanted in services:
        steps, waiting = steps_of(wanted, units[wanted["name"]], would_be_written, may_restart)
        made.steps += steps
        if waiting:
            made.pending[wanted["name"]] = waiting
    stale = any(unit.needs_daemon_reload or has_new_file(unit, would_be_written) for unit in units.values())
    if stale or starts_with_new_file(services, units, would_be_written):
        made.steps.insert(0, Step("daemon-reload"))
    return made


def act(module: AnsibleModule, made: Plan, units: dict[str, systemd.Unit]) -> None:
    """Do it; a call that fails ends the run in systemctl's own words."""
    # A unit that systemd has never looked for is no difference to it yet.
    if made.steps and made.steps[0].verb != "daemon-reload" and not all(unit.exists for unit in units.values()):
        module.run_command(["systemctl", "daemon-reload"], check_rc=True)
    for step in made.steps:
        code, _output, complaint = module.run_command(["systemctl", *step.words])
        if code != 0:
            module.fail_json(msg=f"systemctl {' '.join(step.words)}: {complaint.strip()}{f' (journalctl -u {step.unit})' if step.unit else ''}")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "services": {
                "type": "list", "elements": "dict", "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "state": {"type": "str", "choices": ["started", "stopped", "unchanged"], "default": "started"},
                    "restart_files": {"type": "list", "elements": "str", "default": []},
                    "reload_files": {"type": "list", "elements": "str", "default": []},
                    "read_mark": {"type": "path"},
                    "may_restart": {"type": "bool"},
                    "reload_while_pending": {"type": "bool", "default": True},
                    "wait": {"type": "bool", "default": True},
                    "package_starts": {"type": "bool", "default": False},
                },
            },
            "may_restart": {"type": "bool", "default": True},
            "changed_paths": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )  # fmt: skip
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    services = module.params["services"]
    units = systemd.units(module.run_command, [each["name"] for each in services])
    if module.check_mode:
        services = [each for each in services if units[each["name"]].exists or not each["package_starts"]]
    made = plan(services, units, module.params["changed_paths"] if module.check_mode else [], module.params["may_restart"])
    warn_of_pending(module, made.pending)
    if not module.check_mode:
        act(module, made, units)
    actions = [str(step) for step in made.steps]
    module.exit_json(**result(actions), pending=made.pending)


if __name__ == "__main__":
    main()
