#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell what a host's clocks say, and which boot they count from."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: clock_info
short_description: Tell what a host's clocks say, and which boot they count from
description:
  - Hosts with the same RV(boot) share a kernel, as containers of one machine do, and so the monotonic clock.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.read_only]
options: {}
"""

EXAMPLES = r"""
- name: Read the clock
  unde.infra.clock_info:
  register: began
"""

RETURN = r"""
host:
  description: The host's own name.
  type: str
  returned: always
  sample: local-app
boot:
  description: The kernel's boot id.
  type: str
  returned: always
  sample: 6f1c3f52-0b5c-4e0a-8d8e-3f0b8f0a1c77
wall:
  description: Time of day, seconds since 1970.
  type: float
  returned: always
  sample: 1796000000.0
monotonic:
  description: CLOCK_MONOTONIC at the same moment, seconds.
  type: float
  returned: always
  sample: 100.25
"""

import platform
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

BOOT = Path("/proc/sys/kernel/random/boot_id")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    module.exit_json(changed=False, host=platform.node(), boot=BOOT.read_text(encoding="ascii").strip(), wall=time.time(), monotonic=time.monotonic())


if __name__ == "__main__":
    main()
