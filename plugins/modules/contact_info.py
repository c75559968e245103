#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell what a run asks every host first: which release of Debian it runs, and whether a person has met it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: contact_info
short_description: Tell which release of Debian a host runs, and whether a person has met it
description:
  - What a run asks every host first, in one call. Nothing is ever changed.
  - Reads C(/etc/os-release), and the mark that the adoption of a host in use leaves on it.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options:
  mark:
    description: Path of the mark.
    type: path
    default: /etc/unde/adopted.json
"""

EXAMPLES = r"""
- name: Gather the state of the host
  unde.infra.contact_info:
  register: seen
"""

RETURN = r"""
release:
  description: Code name of the release; empty for what says none.
  type: str
  returned: always
  sample: trixie
version:
  description: Its number, empty for one that is not released.
  type: str
  returned: always
  sample: "13"
pretty_name:
  description: What the system calls itself.
  type: str
  returned: always
  sample: Debian GNU/Linux 13 (trixie)
mark:
  description: What the mark says; none where there is no mark, or one that nobody can read.
  type: dict
  returned: always
  contains:
    roles:
      description: The roles that were let in.
      type: list
      elements: str
  sample: {"roles": ["base", "exporters", "firewall"]}
"""

import json
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import debian


def read_mark(path: Path) -> dict[str, Any] | None:
    """Return what a mark says; None: there is none, or half a file, which is as good as none."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return said if isinstance(said, dict) else None


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"mark": {"type": "path", "default": "/etc/unde/adopted.json"}}, supports_check_mode=True)
    found = debian.own_release()
    # A derivative of Debian may have the code name of a release: it is none that a role supports.
    release = found.release if found.system == "debian" else ""
    module.exit_json(changed=False, release=release, version=found.version, pretty_name=found.pretty_name, mark=read_mark(Path(module.params["mark"])))


if __name__ == "__main__":
    main()
