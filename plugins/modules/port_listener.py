#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Listen on TCP ports on which nothing listens yet, for a while."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: port_listener
short_description: Listen on TCP ports on which nothing listens yet, for a while
description:
  - For tests of what a network lets through, M(unde.infra.port_probe), before the services of the ports are there. Connections come to be; nothing is read.
  - The ports are held by C(systemd-socket-activate) in a transient unit, which ends by itself.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  state:
    description:
      - V(started) listens on those of O(ports) that are free, on all IPv4 addresses. A unit that runs is replaced, so that the whole O(runtime) is left; with a
        free port it changes something every time.
      - V(stopped) ends that.
    type: str
    choices: [started, stopped]
    default: started
  unit:
    description: Name of the transient unit, with its suffix.
    type: str
    required: true
  ports:
    description: The ports. Required for O(state=started).
    type: list
    elements: int
  runtime:
    description: Seconds after which the unit ends.
    type: int
    default: 180
  timeout:
    description: Seconds to wait until all of these ports are listened on.
    type: int
    default: 10
attributes:
  check_mode:
    support: full
    description: Tells what would be started or stopped; nobody listens.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Listen on unused ports
  unde.infra.port_listener:
    unit: example-listen.service
    ports: [5432, 6379]

- name: Stop listening
  unde.infra.port_listener:
    state: stopped
    unit: example-listen.service
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: [listen on 5432, listen on 6379]
ports:
  description: The ports that this module listens on now.
  type: list
  elements: int
  returned: success
  sample: [5432, 6379]
"""

import socket
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import actions, systemd
from ansible_collections.unde.infra.plugins.module_utils.actions import result

#: All of IPv4.
ANY = "0.0.0.0"


def is_free(port: int) -> bool:
    """Tell whether nobody listens on a port, nor on an address of it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
        try:
            tried.bind((ANY, port))
        except OSError:
            return False
    return True


def listen(host: actions.Actions, unit: str, ports: list[int], runtime_s: int, timeout_s: float) -> None:
    """Listen on ports that are free, and wait until it is so.

    Raises:
        Failed: the unit is not started, or does not listen.

    """
    if not [host.note(f"listen on {port}") for port in ports][-1]:
        return
    # The first connection starts the program, which keeps the sockets open: the kernel completes each connection by itself.
    server = ["/usr/bin/systemd-socket-activate", *(f"--listen={ANY}:{port}" for port in ports), "/usr/bin/sleep", "infinity"]
    code, _output, complaint = host.run(["systemd-run", "--quiet", "--collect", f"--unit={unit}", f"--property=RuntimeMaxSec={runtime_s}", *server])
    if code != 0:
        raise actions.Failed(f"{unit}: systemd-run: {complaint.strip()}")
    end = time.monotonic() + timeout_s
    while silent := [port for port in ports if is_free(port)]:
        if time.monotonic() > end:
            said = host.output("journalctl", "--no-pager", "-o", "cat", "-n", "20", "-u", unit)
            raise actions.Failed(f"{unit}: after {timeout_s:g} s nobody listens on {', '.join(map(str, silent))}\n{said}".strip())
        time.sleep(0.1)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
            "unit": {"type": "str", "required": True},
            "ports": {"type": "list", "elements": "int"},
            "runtime": {"type": "int", "default": 180},
            "timeout": {"type": "int", "default": 10},
        },
        required_if=[("state", "started", ("ports",))],
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    wanted, unit = module.params, module.params["unit"]
    host, ports = actions.Actions(module.run_command, module.check_mode), []
    try:
        if systemd.units(module.run_command, [unit])[unit].active:
            host.do("systemctl", "stop", unit)
        if wanted["state"] == "started":
            ports = [port for port in sorted(set(wanted["ports"])) if is_free(port)]
        if ports:
            listen(host, unit, ports, wanted["runtime"], wanted["timeout"])
    except actions.Failed as reason:
        module.fail_json(msg=str(reason), actions=host.done)
    module.exit_json(**result(host.done), ports=ports)


if __name__ == "__main__":
    main()
