#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Unpack a MikroTik CHR guest's disk from the release's image; a disk that exists is never touched."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: chr_disk
short_description: Unpack a MikroTik CHR guest's disk from the release's image
description:
  - A disk is a router, so one that exists is never touched, whatever the image is.
  - It is made at once and as a whole, so that a run that is killed leaves none. Nobody but root may read it, until libvirt gives it to the guest.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  path:
    description: Where the disk is, in a folder that exists.
    type: path
    required: true
  image:
    description: The release's image as its vendor hands it out, a zip archive that holds one C(.img) file.
    type: path
    required: true
attributes:
  check_mode:
    support: full
    description: Tells whether a disk would be made; the image need not be there yet.
  diff_mode:
    support: full
    description: Lists the actions.
"""

EXAMPLES = r"""
- name: Create the guest's disk
  unde.infra.chr_disk:
    path: /var/lib/unde-chr/a.img
    image: /var/lib/unde-chr/chr-7.21.4.img.zip
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: ["make /var/lib/unde-chr/a.img from /var/lib/unde-chr/chr-7.21.4.img.zip"]
"""

import os
import shutil
import tempfile
import zipfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils.actions import Failed, result


def unpack(image: Path, path: Path) -> None:
    """Make a disk from an image.

    Raises:
        Failed: the archive is none, or holds not one image alone; or a disk has come about meanwhile.

    """
    try:
        with zipfile.ZipFile(image) as archive:
            found = [name for name in archive.namelist() if name.endswith(".img")]
            if len(found) != 1:
                raise Failed(f"{image} holds {' '.join(archive.namelist()) or 'nothing'} where one disk image is expected")
            # A temporary file is root's alone, whatever the umask.
            with archive.open(found[0]) as packed, tempfile.NamedTemporaryFile(dir=path.parent) as disk:
                shutil.copyfileobj(packed, disk, 1 << 20)
                disk.flush()
                os.fsync(disk.fileno())
                os.link(disk.name, path)
    except (OSError, zipfile.BadZipFile) as error:
        raise Failed(f"{path} was not made from {image}: {error}") from error


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"path": {"type": "path", "required": True}, "image": {"type": "path", "required": True}},
        supports_check_mode=True,
    )
    path, image = Path(module.params["path"]), Path(module.params["image"])
    actions = [] if path.exists() else [f"make {path} from {image}"]
    if actions and not module.check_mode:
        try:
            unpack(image, path)
        except Failed as reason:
            module.fail_json(msg=str(reason))
    module.exit_json(**result(actions))


if __name__ == "__main__":
    main()
