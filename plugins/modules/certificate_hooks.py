#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Have the services that use a host's certificate take up the renewed one, by the hooks that they have left."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: certificate_hooks
short_description: Have services take up a host's renewed certificate
description:
  - Runs the programs in C(renewed.d) below the certificate's directory, in the order of their names, and then removes the mark C(.renewed), which says that
    they are due. A hook that fails leaves the mark, and those after it for the next call.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  directory:
    description: Where the certificate, the hooks and the mark are.
    type: path
    required: true
attributes:
  check_mode:
    support: full
    description: Tells which hooks would be run.
  diff_mode:
    support: full
    description: Lists the hooks.
"""

EXAMPLES = r"""
- name: Reload the services that use the certificate
  unde.infra.certificate_hooks:
    directory: /etc/unde/tls
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: ["/etc/unde/tls/renewed.d/nginx", "remove /etc/unde/tls/.renewed"]
"""

import os
import re
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils.actions import Actions, Failed, result

#: What run-parts(8) takes for a hook's name: no dots, so no file that an editor or dpkg has left.
NAME = re.compile(r"[A-Za-z0-9_-]+")


def hooks(directory: Path) -> list[Path]:
    """Return the hooks, in the order in which they run."""
    found = directory.iterdir() if directory.is_dir() else []
    return sorted(path for path in found if NAME.fullmatch(path.name) and path.is_file() and os.access(path, os.X_OK))


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"directory": {"type": "path", "required": True}}, supports_check_mode=True)
    directory, actions = Path(module.params["directory"]), Actions(module.run_command, module.check_mode)
    try:
        for hook in hooks(directory / "renewed.d"):
            actions.do(str(hook))
        mark = directory / ".renewed"
        if actions.note(f"remove {mark}"):
            mark.unlink(missing_ok=True)
    except Failed as reason:
        module.fail_json(msg=str(reason))
    module.exit_json(**result(actions.done))


if __name__ == "__main__":
    main()
