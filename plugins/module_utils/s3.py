# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules for object storage share: where the store is and with which key, and a client of it."""

from __future__ import annotations

import base64
import hashlib
import traceback

from ansible.module_utils.basic import missing_required_lib

try:
    import botocore.config
    import botocore.exceptions
    import botocore.session

    MISSING = None
except ImportError:
    MISSING = traceback.format_exc()

#: The arguments of every module here.
STORE = {
    "endpoint": {"type": "str", "required": True},
    "region": {"type": "str", "required": True},
    "style": {"type": "str", "choices": ["host", "path"], "default": "host"},
    "ca_file": {"type": "path", "default": "/etc/ssl/certs/ca-certificates.crt"},
    "access_key": {"type": "str", "required": True, "no_log": True},
    "secret_key": {"type": "str", "required": True, "no_log": True},
}


def with_md5(params, **_told):
    """Add the digest that Ceph wants of a lifecycle and that newer clients of Amazon's no longer send."""
    body = params.get("body")
    if isinstance(body, (bytes, bytearray)) and body:
        params["headers"]["Content-MD5"] = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def client(module):
    """Return a client of the store that a module's arguments name."""
    if MISSING:
        module.fail_json(msg=missing_required_lib("botocore"), exception=MISSING)
    told = module.params
    made = botocore.session.get_session().create_client(
        "s3",
        endpoint_url=told["endpoint"],
        region_name=told["region"],
        aws_access_key_id=told["access_key"],
        aws_secret_access_key=told["secret_key"],
        verify=told["ca_file"],
        config=botocore.config.Config(
            signature_version="s3v4",
            s3={"addressing_style": {"host": "virtual"}.get(told["style"], "path")},
            connect_timeout=10,
            read_timeout=30,
            retries={"mode": "standard", "total_max_attempts": 4},
            # Checksums of a kind that only Amazon's own store understands.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            proxies={},
        ),
    )
    made.meta.events.register("before-call.s3", with_md5)
    return made


def code(error):
    """Return what a refusal is called; a question by HEAD has only its number."""
    return error.response.get("Error", {}).get("Code", "")


def words(error):
    """Return why a call failed: what the store said, without the request that held the key."""
    if isinstance(error, botocore.exceptions.ClientError):
        return "%s: %s (%s)" % (error.operation_name, code(error), error.response.get("Error", {}).get("Message") or "no reason given")
    return str(error)
