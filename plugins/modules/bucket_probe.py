#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Try what a key may do in the buckets of an object storage."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: bucket_probe
short_description: Try what a key may do in the buckets of an S3-compatible store
description:
  - Writes a small object of a name of its own, reads it, removes it, and is refused where it has to be.
  - Fails with everything that is not so. What it wrote is gone afterwards; where a bucket keeps versions, one of a few bytes stays as long as they do.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.store, unde.infra.read_only]
options:
  writes:
    description: Buckets in which it may write, read and remove.
    type: list
    elements: str
    default: []
  reads:
    description: Buckets which it may only list.
    type: list
    elements: str
    default: []
  refused:
    description: Buckets in which it may do nothing.
    type: list
    elements: str
    default: []
  known:
    description: Whether the store is to know the key; false for one that was revoked, of which nothing else is tried.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Check the access key for backups
  unde.infra.bucket_probe:
    endpoint: https://hel1.your-objectstorage.com
    region: hel1
    access_key: "{{ vault_object_storage_keys['s3-backups-access-key'] }}"
    secret_key: "{{ vault_object_storage_keys['s3-backups-secret-key'] }}"
    writes: [unde-shard-backups]
    refused: [unde-images]
"""

RETURN = r"""
milliseconds:
  description: How long the slowest bucket took for writing, reading and removing.
  type: int
  returned: success
  sample: 240
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import bucket_trial, s3


def main() -> None:
    """Run the module."""
    listed = {"type": "list", "elements": "str", "default": []}
    known = {"type": "bool", "default": True}
    module = AnsibleModule(argument_spec={**s3.STORE, "writes": listed, "reads": listed, "refused": listed, "known": known}, supports_check_mode=True)
    store = s3.client(module)
    try:
        problems, slowest = bucket_trial.probe(store, module.params)
    except s3.BotoCoreError as error:
        problems, slowest = [s3.words(error)], 0.0
    if problems:
        module.fail_json(msg="; ".join(problems))
    module.exit_json(changed=False, milliseconds=round(slowest * 1000))


if __name__ == "__main__":
    main()
