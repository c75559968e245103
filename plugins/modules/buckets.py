#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring the buckets of an object storage to what the layout says."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: buckets
short_description: Buckets of an S3-compatible store, with lifecycle, versions, and who may do what
description:
  - Makes the buckets that are missing, and brings versions, lifecycle and policy of each to what is wanted. What another hand changed there is changed back,
    and shown.
  - Never deletes a bucket or an object, and never switches versions off.
  - Policies deny, they do not allow. With many providers every key of a project may do everything in all its buckets, and only a denial narrows that. The key
    that this module itself uses is never named in one, so that nobody is locked out.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.store]
options:
  principal:
    description: How policies name the holder of a key, with C({key}) for the access key.
    type: str
    required: true
  keys:
    description: The access keys that are to be narrowed, by name.
    type: dict
    required: true
  buckets:
    description: What there is to be.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the bucket.
        type: str
        required: true
      versions_days:
        description: Days that an overwritten or deleted object can still be brought back; without it the store keeps no versions.
        type: int
      abort_uploads_days:
        description: Days after which an upload that was never ended is dropped.
        type: int
        required: true
      access:
        description: Name of a key → C(read), or C(write), which reads too. Keys that are not named may do nothing.
        type: dict
        required: true
attributes:
  check_mode:
    support: full
    description: Says what would be changed.
  diff_mode:
    support: full
    description: Shows each bucket before and after.
"""

EXAMPLES = r"""
- name: Create the buckets
  unde.infra.buckets:
    endpoint: https://hel1.your-objectstorage.com
    region: hel1
    access_key: "{{ vault_object_storage_keys['s3-admin-access-key'] }}"
    secret_key: "{{ vault_object_storage_keys['s3-admin-secret-key'] }}"
    principal: arn:aws:iam:::user/p1234567:{key}
    keys: {backups: AKEXAMPLE}
    buckets:
      - {name: unde-shard-backups, versions_days: 14, abort_uploads_days: 7, access: {backups: write}}
"""

RETURN = r"""
changes:
  description: What was not as wanted, in words.
  type: list
  elements: str
  returned: always
  sample: ["unde-images: policy"]
others:
  description: Buckets that the key sees and that are not among the wanted ones; they are left alone.
  type: list
  elements: str
  returned: always
  sample: [somebody-elses]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import bucket_settings, s3


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **s3.STORE,
            "principal": {"type": "str", "required": True},
            "keys": {"type": "dict", "required": True, "no_log": False},
            "buckets": {
                "type": "list", "elements": "dict", "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "versions_days": {"type": "int"},
                    "abort_uploads_days": {"type": "int", "required": True},
                    "access": {"type": "dict", "required": True},
                },
            },
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode and s3.missing():
        # As on a new host, before the library is installed; most probably they are new, too.
        module.exit_json(changed=True, changes=["which buckets there are is not known before the library is installed"], others=[], diff=[])
    store = s3.client(module)
    changes: list[str] = []
    try:
        others, differences = bucket_settings.apply_all(store, module.params, changes, module.check_mode, module.warn)
    except (s3.BotoCoreError, s3.ClientError) as error:
        module.fail_json(msg=f"{module.params['endpoint']}: {s3.words(error)}", changes=changes)
    module.exit_json(changed=bool(changes), changes=changes, others=others, diff=differences)


if __name__ == "__main__":
    main()
