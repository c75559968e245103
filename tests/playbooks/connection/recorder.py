# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A connection that reaches nobody: it writes down which module would have run on which host, and answers as the test says."""

from __future__ import annotations

import ast
import fcntl
import json
import os
import re
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = r"""
name: recorder
short_description: Records modules in place of running them
version_added: "0.1.0"
author: UNDE (@unde)
description:
  - For tests. No process is started and no packet leaves.
  - Each module becomes one line of JSON in the file that C(UNDE_RECORD) names. The answer is the first rule of the file C(UNDE_ANSWERS) whose
    pattern is found in C(<host> <module> <arguments as JSON>), else C({}) with a return code of zero.
options: {}
"""

#: What AnsiballZ hands to the host, at the end of its wrapper: the module's full name, and its arguments as a Python string of JSON.
MODULE = re.compile(rb"^module_fqn='([\w.]+)',$", re.MULTILINE)
ARGUMENTS = re.compile(rb"^params=('.*'),$", re.MULTILINE)
#: A shell that makes a folder for a file to come says where it is.
FOLDER = re.compile(r"echo (\S+)=\"?`")
USER = re.compile(r"\bsudo\b.* -u (\S+) ")
SAYS = {"changed": False, "rc": 0, "stdout": "", "stderr": ""}


class Connection(ConnectionBase):
    """Answers in place of a host."""

    transport = "recorder"
    has_pipelining = True

    def _connect(self):
        self._connected = True
        return self

    def exec_command(self, cmd, in_data=None, sudoable=True):
        """Write down what would have run, and answer.

        Raises:
            AnsibleConnectionFailure: an answer says so.

        """
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        module = MODULE.findall(in_data or b"")
        if not module:
            folder = FOLDER.search(cmd)
            return 0, f"{folder[1]}=/tmp/recorder".encode() if folder else b"", b""
        return self._answer(cmd, module[-1].decode().removeprefix("ansible.modules.").removeprefix("ansible_collections."),
                            json.loads(ast.literal_eval(ARGUMENTS.findall(in_data)[-1].decode()))["ANSIBLE_MODULE_ARGS"])

    def _answer(self, cmd, module, arguments):
        """Return what a module says."""
        host, user = self._play_context.remote_addr, USER.search(cmd)
        wanted = {name: value for name, value in arguments.items() if not name.startswith("_ansible_") and value is not None}
        line = {"host": host, "module": module, "arguments": wanted, "check": arguments["_ansible_check_mode"], "user": user and user[1]}
        with open(os.environ["UNDE_RECORD"], "a", encoding="utf-8") as record:
            fcntl.flock(record, fcntl.LOCK_EX)
            record.write(json.dumps(line) + "\n")
        asked = f"{host} {module} {json.dumps(wanted)}"
        rules = json.loads(Path(os.environ["UNDE_ANSWERS"]).read_text(encoding="utf-8"))
        answer = next((answer for pattern, answer in rules if re.search(pattern, asked)), {})
        if answer.get("unreachable"):
            raise AnsibleConnectionFailure(f"{host} does not answer")
        return 0, json.dumps({**SAYS, **answer}).encode(), b""

    def put_file(self, in_path, out_path):
        """Take no file."""

    def fetch_file(self, in_path, out_path):
        """Have no file."""

    def close(self):
        """Have nothing to close."""
        self._connected = False
