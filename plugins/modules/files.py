#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write a bundle of files in one remote call: all are validated first, then only those that differ are replaced."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: files
short_description: Write a bundle of configuration files in one call
description:
  - Takes the complete wanted content of several files, validates every changed one, and only then replaces them.
  - A validation that fails leaves all files of the bundle as they were.
  - One remote call for a whole role's configuration; a file is written only when its content, owner or mode differs.
version_added: "0.1.0"
author: UNDE (@unde)
options:
  packages:
    description:
      - Debian packages that the files need, as C(name) or C(name=version), for their users, directories or checkers.
      - While one of them is not installed nothing is written or validated, and RV(missing_packages) names it. So that a role asks and writes in one call.
    type: list
    elements: str
    default: []
  files:
    description: The files and directories, in the order in which they are made.
    type: list
    elements: dict
    required: true
    suboptions:
      dest:
        description: Absolute path on the host.
        type: path
        required: true
      content:
        description: The whole content; required for O(files[].state=file).
        type: str
      state:
        description: What the path shall be. V(absent) removes a file, or a directory with what is in it.
        type: str
        choices: [file, directory, absent]
        default: file
      mode:
        description: Permissions as an octal string; V(0644) for files and V(0755) for directories unless given.
        type: str
      owner:
        description: The owning user.
        type: str
        default: root
      group:
        description: The owning group.
        type: str
        default: root
      keep_attributes:
        description: Leave mode and owner of a file or directory that is there as they are, for one that a service changes itself.
        type: bool
        default: false
      validate:
        description: A command that must succeed on the new content; C(%s) stands for the temporary file.
        type: str
      secret:
        description: Keep the content out of the diff.
        type: bool
        default: false
attributes:
  check_mode:
    support: full
    description: Reports what would change; validations run on temporary files.
  diff_mode:
    support: full
    description: Shows each file's change, except where it is marked secret.
"""

EXAMPLES = r"""
- name: Write the configuration of a service
  unde.infra.files:
    files:
      - dest: /etc/example
        state: directory
        mode: "0750"
      - dest: /etc/example/example.conf
        content: "{{ lookup('ansible.builtin.template', 'example.conf.j2') }}"
        validate: "example --check %s"
  notify: Reload example

- name: Write the configuration where the package is installed
  unde.infra.files:
    packages: [chrony]
    files:
      - dest: /etc/chrony/chrony.conf
        content: "{{ lookup('ansible.builtin.template', 'chrony.conf.j2') }}"
  register: written
"""

RETURN = r"""
changed_paths:
  description: The paths that were (in check mode, would be) changed.
  returned: always
  type: list
  elements: str
  sample: [/etc/example/example.conf]
missing_packages:
  description: Those of O(packages), as they were named, that are not installed.
  returned: always
  type: list
  elements: str
  sample: []
"""

import errno
import os
import shlex
import shutil
import tempfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import debian

DEFAULT_MODE = {"file": "0644", "directory": "0755"}


class QuietModule(AnsibleModule):  # type: ignore[misc]  # Ansible has no types
    """A module that logs which files it is asked for, not what is in them: the journal is no place for secrets."""

    def _log_invocation(self) -> None:
        self.log("Asked for " + ", ".join(str(entry.get("dest")) for entry in self.params["files"]))


def read(path: str) -> bytes | None:
    """Return the content of a regular file, or None when there is no such file."""
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except FileNotFoundError:
        return None


def stage(module: AnsibleModule, entry: dict[str, Any]) -> str:
    """Write the wanted content to a private temporary file and run its validation; return the file's name.

    The file stands in the module's own temporary directory, so that a checker that reads a whole
    configuration directory does not meet it twice.
    """
    handle, name = tempfile.mkstemp(dir=module.tmpdir, prefix="files-", suffix="-" + os.path.basename(entry["dest"]))
    with os.fdopen(handle, "wb") as out:
        out.write(entry["content"].encode())
    if entry["validate"]:
        code, out, err = module.run_command([word.replace("%s", name) for word in shlex.split(entry["validate"])])
        if code != 0:
            said = "(hidden: the file holds a secret)" if entry["secret"] else (err or out).strip()
            module.fail_json(msg=f"{entry['dest']}: the new content is refused by its checker, nothing was written: {said}")
    return name


def replace(entry: dict[str, Any], staged: str) -> None:
    """Put the staged content in place: by rename beside the target, in place where the target is a bind mount."""
    directory = os.path.dirname(entry["dest"])
    handle, beside = tempfile.mkstemp(dir=directory, prefix=".files-")
    os.close(handle)
    try:
        shutil.copyfile(staged, beside)
        if os.path.exists(entry["dest"]):
            shutil.copymode(entry["dest"], beside)
            owner = os.stat(entry["dest"])
            os.chown(beside, owner.st_uid, owner.st_gid)
        with open(beside, "rb") as out:
            os.fsync(out.fileno())
        os.rename(beside, entry["dest"])
    except OSError as error:
        os.unlink(beside)
        # A container's /etc/hosts is a bind mount: it cannot be renamed over, only rewritten.
        if error.errno != errno.EBUSY:
            raise
        shutil.copyfile(staged, entry["dest"])


def main() -> None:
    """Run the module."""
    module = QuietModule(
        argument_spec={
            "packages": {"type": "list", "elements": "str", "default": []},
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "dest": {"type": "path", "required": True},
                    "content": {"type": "str", "no_log": False},
                    "state": {"type": "str", "choices": ["file", "directory", "absent"], "default": "file"},
                    "mode": {"type": "str"},
                    "owner": {"type": "str", "default": "root"},
                    "group": {"type": "str", "default": "root"},
                    "keep_attributes": {"type": "bool", "default": False},
                    "validate": {"type": "str"},
                    "secret": {"type": "bool", "default": False, "no_log": False},
                },
                "required_if": [("state", "file", ["content"])],
            },
        },
        supports_check_mode=True,
    )
    entries = module.params["files"]
    there = debian.installed(module.run_command, [name.partition("=")[0] for name in module.params["packages"]])
    if missing := [name for name in module.params["packages"] if not debian.satisfies(name, there)]:
        module.exit_json(changed=False, changed_paths=[], missing_packages=missing)
    # Whatever is shown of the invocation later (-vvv), it does not show these.
    module.no_log_values.update(entry["content"] for entry in entries if entry["secret"] and entry["content"])
    staged: dict[int, str] = {}
    diffs: list[dict[str, str]] = []
    changed: list[str] = []

    for number, entry in enumerate(entries):
        if entry["state"] != "file":
            continue
        if os.path.isdir(entry["dest"]):
            module.fail_json(msg=f"{entry['dest']}: is a directory where a file is wanted; nothing was written")
        old = read(entry["dest"])
        if old != entry["content"].encode():
            staged[number] = stage(module, entry)
            before, after = (old or b"").decode(errors="replace"), entry["content"]
            if entry["secret"]:
                before, after = "(secret)\n", "(another secret)\n"
            diffs.append({"before_header": entry["dest"], "after_header": entry["dest"], "before": before, "after": after})

    for number, entry in enumerate(entries):
        dest, touched = entry["dest"], False
        kept = entry["keep_attributes"] and os.path.exists(dest)
        if entry["state"] == "absent":
            touched = os.path.lexists(dest)
            if touched and not module.check_mode:
                shutil.rmtree(dest) if os.path.isdir(dest) and not os.path.islink(dest) else os.unlink(dest)
        else:
            if entry["state"] == "directory" and not os.path.isdir(dest):
                touched = True
                if not module.check_mode:
                    os.mkdir(dest, 0o700)
                    if entry["keep_attributes"]:
                        # At once: a run that comes after an interrupted one keeps them.
                        os.chmod(dest, int(entry["mode"] or DEFAULT_MODE["directory"], 8))
            elif number in staged:
                touched = True
                if not module.check_mode:
                    replace(entry, staged[number])
            if os.path.exists(dest) and not kept:
                wanted = module.load_file_common_arguments(
                    {key: entry[key] for key in ("owner", "group")}
                    | {"mode": entry["mode"] or DEFAULT_MODE[entry["state"]]}
                    | dict.fromkeys(("attributes", "seuser", "serole", "setype", "selevel"))
                    | {"unsafe_writes": False},
                    path=dest,
                )
                touched = module.set_fs_attributes_if_different(wanted, touched)
        if touched:
            changed.append(dest)

    module.exit_json(changed=bool(changed), changed_paths=changed, missing_packages=[], diff=diffs)


if __name__ == "__main__":
    main()
