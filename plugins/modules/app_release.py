#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring a host's services to their releases, and back to what ran before where one does not come up."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: app_release
short_description: Deploy releases of services of our own, with a health check and a way back
description:
  - Unpacks a release beside the others, switches the link, restarts the unit, and waits until the service is healthy twice in a row. Where it is not in time,
    or ends three times, version, environment and unit of the last healthy start come back, and the module fails and says so.
  - One service after the other. A service in which nothing differs is not touched. One that cannot be brought does not keep the others from it.
  - A service that is here and not in O(services) is stopped and removed with its releases and secrets; its user and C(/var/lib/unde-<service>) stay.
  - Three releases are kept, the running one and the one before among them.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  state:
    description:
      - V(present) brings the host to O(services).
      - V(rolled_back) lets the release of O(name) that ran before run again, with what it was started with; it and the one that runs change places.
    type: str
    choices: [present, rolled_back]
    default: present
  name:
    description: Name of the service whose former release is to run. Required for O(state=rolled_back).
    type: str
  services:
    description: All services of this host. Required for O(state=present).
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the service, and of its unit and user C(unde-<name>).
        type: str
        required: true
      version:
        description: Release that is to run.
        type: str
        required: true
      archive:
        description: The tar archive of the release on this host; removed when it is unpacked. Without one the release is an image.
        type: path
      checksum:
        description: SHA-256 of the archive.
        type: str
      program:
        description: What the archive must have, relative to its root.
        type: str
        default: ""
      run:
        description: What C(run) of the release, which starts it, is to hold.
        type: str
        required: true
      unit:
        description: What its unit is to hold.
        type: str
        required: true
      environment:
        description: What its environment file is to hold.
        type: str
        required: true
      address:
        description: Where its health is asked.
        type: str
        required: true
      port:
        description: At which TCP port.
        type: int
        required: true
      health:
        description: HTTP path that answers 200 when it is ready.
        type: str
        required: true
      start_s:
        description: Seconds within which it must be healthy.
        type: int
        required: true
      rereads_secrets:
        description: Whether it reads a secret's file whenever it uses it, so that a new one takes no restart.
        type: bool
        default: false
  secrets:
    description: Service → file → value, of what may lie on a disk. Files that are not named go.
    type: dict
    default: {}
  memory_secrets:
    description: Service → file → value, of what must never reach a disk. The file system that they are put on has to be a C(tmpfs).
    type: dict
    default: {}
  may_restart:
    description: Whether a service that runs may be restarted or removed now. One that does not run is started in any case.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: Tells what would be done; whether a release comes up cannot be told.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Deploy the host's services
  unde.infra.app_release:
    services:
      - name: mood
        version: 1.4.2
        archive: /var/cache/unde/app_service/mood.tar
        checksum: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
        program: bin/mood
        run: "{{ lookup('ansible.builtin.template', 'run.j2') }}"
        unit: "{{ lookup('ansible.builtin.template', 'service.unit.j2') }}"
        environment: "{{ lookup('ansible.builtin.template', 'environment.j2') }}"
        address: 10.2.0.11
        port: 8011
        health: /health
        start_s: 30
    secrets: {mood: {redis-cache-mood: "{{ vault_redis_passwords['cache-mood'] }}"}}

- name: Roll back to the previous release
  unde.infra.app_release:
    state: rolled_back
    name: mood
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: always
  sample: ["unpack release 1.4.2 of mood", "restart unde-mood.service with release 1.4.2: version, run"]
pending:
  description: Service → what is not in effect until it is restarted, which O(may_restart) does not allow.
  type: dict
  returned: O(state=present)
  sample: {mood: [version, run]}
left:
  description: The release that ran.
  type: str
  returned: O(state=rolled_back)
  sample: 1.4.2
runs:
  description: The release that runs again.
  type: str
  returned: O(state=rolled_back)
  sample: 1.4.1
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import app_service, atomic
from ansible_collections.unde.infra.plugins.module_utils.actions import result

SERVICE: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "version": {"type": "str", "required": True},
    "archive": {"type": "path"},
    "checksum": {"type": "str"},
    "program": {"type": "str", "default": ""},
    "run": {"type": "str", "required": True},
    "unit": {"type": "str", "required": True},
    "environment": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "port": {"type": "int", "required": True},
    "health": {"type": "str", "required": True},
    "start_s": {"type": "int", "required": True},
    "rereads_secrets": {"type": "bool", "default": False},
}


class Deployment:
    """One run over all services of a host, and what it has come to."""

    def __init__(self, module: AnsibleModule) -> None:
        """Take the module."""
        self.module = module
        self.may_restart: bool = module.params["may_restart"]
        self.actions: list[str] = []
        self.pending: dict[str, list[str]] = {}
        self.refused: list[str] = []

    def service(self, name: str) -> app_service.Service:
        """Return a service of this host."""
        return app_service.Service(name, self.module.run_command)

    def make_memory(self) -> None:
        """Make the directory for what is kept in memory alone.

        Raises:
            Refused: it would lie on a disk.

        """
        app_service.MEMORY.mkdir(parents=True, exist_ok=True)
        said = self.module.run_command(["stat", "--file-system", "--format=%T", str(app_service.MEMORY)])[1]
        if said.strip() != "tmpfs":
            raise app_service.Refused(f"{app_service.MEMORY} lies on {said.strip()}, not on tmpfs: a key that must never reach a disk has no place here")

    def remove(self, name: str) -> None:
        """Remove a service that is wanted no longer."""
        service = self.service(name)
        if service.is_active() and not self.may_restart:
            self.pending[name] = ["removal"]
            return
        self.actions.append(f"stop and remove {name}")
        if not self.module.check_mode:
            service.remove()

    def apply(self, name: str, wanted: app_service.Wanted) -> None:
        """Bring a service to what is wanted, or note what waits."""
        service = self.service(name)
        found = service.differences(wanted)
        without_restart = service.needs_no_restart(wanted, found)
        if found and not without_restart and service.is_active() and not self.may_restart:
            self.pending[name] = found
            return
        self.actions += service.actions(wanted, found)
        if not found or self.module.check_mode:
            return
        if without_restart:
            service.replace_secrets(wanted)
        else:
            service.apply(wanted)

    def deploy(self) -> dict[str, object]:
        """Bring all services to what is wanted, one after the other; return which of them wait for a restart.

        Raises:
            Refused: what must not reach a disk would, or a service that leaves cannot be removed.

        """
        params = self.module.params
        wanted = {
            each["name"]: app_service.Wanted.read(each, params["secrets"].get(each["name"], {}), params["memory_secrets"].get(each["name"], {}))
            for each in params["services"]
        }
        if any(each.memory_secrets for each in wanted.values()) and not self.module.check_mode:
            self.make_memory()
        # First, since a new service may want the port of one that leaves.
        for name in sorted(set(app_service.known()) - set(wanted)):
            self.remove(name)
        for name, each in wanted.items():
            try:
                self.apply(name, each)
            except app_service.Refused as reason:
                self.refused.append(str(reason))
        return {"pending": self.pending}

    def roll_back(self, name: str) -> dict[str, object]:
        """Start a service with the release that it ran before; return which it left and which it runs.

        Raises:
            Refused: there is no earlier release, or it does not become healthy.

        """
        service = self.service(name)
        former, good = service.before()
        self.actions.append(f"restart {service.unit} with release {former.version} in place of {good.version}")
        if not self.module.check_mode:
            service.start(former)
        return {"left": good.version, "runs": former.version}

    def result(self, **more: object) -> dict[str, Any]:
        """Return what is told in the end."""
        return result(self.actions) | more


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "rolled_back"], "default": "present"},
            "name": {"type": "str"},
            "services": {"type": "list", "elements": "dict", "options": SERVICE},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            "memory_secrets": {"type": "dict", "default": {}, "no_log": True},
            "may_restart": {"type": "bool", "default": True},
        },
        required_if=[("state", "present", ("services",)), ("state", "rolled_back", ("name",))],
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    deployment = Deployment(module)
    try:
        with atomic.usual_umask():
            more = deployment.deploy() if module.params["state"] == "present" else deployment.roll_back(module.params["name"])
    except app_service.Refused as reason:
        deployment.refused.append(str(reason))
        more = {}
    if deployment.refused:
        module.fail_json(msg=" ".join(deployment.refused), **deployment.result())
    module.exit_json(**deployment.result(**more))


if __name__ == "__main__":
    main()
