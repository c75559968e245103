# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules for object storage share: where the store is and with which key, and a client of it."""

from __future__ import annotations

import base64
import hashlib
import traceback
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

#: The arguments of every module here; documented in plugins/doc_fragments/store.py.
STORE: dict[str, Any] = {
    "endpoint": {"type": "str", "required": True},
    "region": {"type": "str", "required": True},
    "style": {"type": "str", "choices": ["host", "path"], "default": "host"},
    "ca_file": {"type": "path", "default": "/etc/ssl/certs/ca-certificates.crt"},
    "access_key": {"type": "str", "required": True, "no_log": True},
    "secret_key": {"type": "str", "required": True, "no_log": True},
}


def __getattr__(name: str) -> Any:
    """Return what the library raises: ``ClientError``, a store's refusal, and ``BotoCoreError``, what went wrong before it answered.

    Looked up when it is asked for: where one interpreter serves many tasks, the library may have been installed since this module was read.
    """
    if name not in ("ClientError", "BotoCoreError"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import botocore.exceptions

    return getattr(botocore.exceptions, name)


def missing() -> str:
    """Return why the library cannot be loaded, as a traceback; nothing if it can."""
    try:
        import botocore.session  # noqa: F401
    except ImportError:
        return traceback.format_exc()
    return ""


def with_md5(params: dict[str, Any], **_: Any) -> None:
    """Add the digest that Ceph wants of a lifecycle and that newer clients of Amazon's no longer send."""
    body = params.get("body")
    if isinstance(body, (bytes, bytearray)) and body:
        params["headers"]["Content-MD5"] = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def client(module: AnsibleModule) -> Any:
    """Return a client of the store that a module's arguments name."""
    if why := missing():
        module.fail_json(msg=missing_required_lib("botocore"), exception=why)
    return connect(module.params)


def connect(params: dict[str, Any]) -> Any:
    """Return a client of a store that is described as ``STORE`` has it; the library is there."""
    import botocore.config
    import botocore.session

    made = botocore.session.get_session().create_client(
        "s3",
        endpoint_url=params["endpoint"],
        region_name=params["region"],
        aws_access_key_id=params["access_key"],
        aws_secret_access_key=params["secret_key"],
        verify=params["ca_file"],
        config=botocore.config.Config(
            signature_version="s3v4",
            s3={"addressing_style": {"host": "virtual"}.get(params["style"], "path")},
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


def code(error: Any) -> str:
    """Return what a refusal is called; a question by HEAD has only its number."""
    return str(error.response.get("Error", {}).get("Code", ""))


def words(error: Any) -> str:
    """Return why a call failed: what the store said, without the request that held the key."""
    if hasattr(error, "operation_name"):  # a ClientError
        return f"{error.operation_name}: {code(error)} ({error.response.get('Error', {}).get('Message') or 'no reason given'})"
    return str(error)
