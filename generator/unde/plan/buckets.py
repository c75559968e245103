"""The object storage outside: how it is called, which keys there are, and which services of ours have one."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Estate
from ..model.schema import ObjectStorage
from . import apps

PUBLIC_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"  #: Debian's ca-certificates
#: The key that may do everything, and the prefix under which services of ours ask for theirs, as ``given/s3-<name>-access-key``.
ADMINISTRATOR, GIVEN = "admin", "given/s3-"
HALVES = ("-access-key", "-secret-key")


def address(estate: Estate, store: ObjectStorage) -> tuple[str, int]:
    """Return the name and the port of a store."""
    service = estate.layout.services[store.service]
    return service.names[0], service.ports[0]


def endpoint(estate: Estate, store: ObjectStorage) -> str:
    """Return the URL of a store."""
    name, port = address(estate, store)
    return f"https://{name}" + ("" if port == 443 else f":{port}")


def called(estate: Estate, store: ObjectStorage) -> dict[str, str]:
    """Return bucket → the name that its users look up."""
    name = estate.layout.services[store.service].names[0]
    return {bucket: f"{bucket}.{name}" if store.style == "host" else name for bucket in store.buckets}


def keys(store: ObjectStorage) -> list[str]:
    """Return the keys that some bucket names, in the order of the layout."""
    return list(dict.fromkeys(key for bucket in store.buckets.values() for key in bucket.access))


def asked_for(estate: Estate) -> Iterator[tuple[str, int, str]]:
    """Yield each secret of a service of ours that is half of a key: the service, its place among the secrets, the key's name."""
    for name, app in apps.ours(estate).items():
        for number, secret in enumerate(app.secrets):
            if secret.startswith(GIVEN):
                yield name, number, next((secret.removesuffix(half) for half in HALVES if secret.endswith(half)), secret).removeprefix(GIVEN)
