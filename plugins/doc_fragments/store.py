# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the documentation of the modules for object storage shares; as arguments it is ``STORE`` in plugins/module_utils/s3.py."""

from __future__ import annotations


class ModuleDocFragment:
    """The store, and the key that comes in there."""

    DOCUMENTATION = r"""
requirements: [botocore]
options:
  endpoint:
    description: URL of the store.
    type: str
    required: true
  region:
    description: Its region, part of every signature.
    type: str
    required: true
  style:
    description: Whether a bucket is named in front of the host's name or in the path.
    type: str
    choices: [host, path]
    default: host
  ca_file:
    description: Certificates of the authorities that may vouch for it.
    type: path
    default: /etc/ssl/certs/ca-certificates.crt
  access_key:
    description: The key that comes in.
    type: str
    required: true
  secret_key:
    description: Its secret.
    type: str
    required: true
"""
