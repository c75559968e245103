"""Certificates: a template is added, then signed; the key never leaves the router unlocked."""

from __future__ import annotations

import json
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .. import x509
from ..errors import Trap
from ..table import Behaviour
from . import files

if TYPE_CHECKING:
    from ..router import Router
    from ..table import Row

USAGE = "digital-signature,key-encipherment,data-encipherment,key-cert-sign,crl-sign,tls-server,tls-client"


class Certificates(Behaviour):
    """Certificates by name."""

    clash = "failure: certificate with such name already exists"

    def complete(self, router: Router, row: Row, old: Row | None) -> None:
        """Fill in what a template has that says little; a signed one stays as it is but for its name and trust."""
        if old and ".certificate" in old and any(row.get(name) != old.get(name) for name in {*row, *old} - {"name", "trusted", "trust-store"}):
            raise Trap("failure: can not change signed certificate", 0)
        taken = {other["name"] for other in router.table("certificate").rows if other is not old}
        row.setdefault("name", next(f"cert{number}" for number in range(1, len(taken) + 2) if f"cert{number}" not in taken))
        if row["name"] in taken:
            raise Trap(self.clash, 0)
        for name, value in (("key-size", "2048"), ("days-valid", "365"), ("digest-algorithm", "sha256"), ("key-usage", USAGE), ("trusted", "false")):
            row.setdefault(name, value)

    def shown(self, router: Router, row: Row) -> Row:
        """Return what a signed one says."""
        if ".certificate" not in row:
            return {}
        return {**json.loads(row[".facts"]), "private-key": "true", "authority": str("key-cert-sign" in row["key-usage"]).lower()}


def sign(router: Router, number: str, authority: str | None) -> None:
    """Sign a template, with another certificate's key or its own."""
    row = router.table("certificate").find(number)[0]
    if ".certificate" in row:
        raise Trap("failure: already signed", 0)
    signer = None
    if authority is not None:
        by = router.table("certificate").find(authority)[0]
        if ".key" not in by or "key-cert-sign" not in by["key-usage"]:
            raise Trap("failure: CA not found or can not sign", 0)
        signer = x509.Signed(by[".certificate"], by[".key"])
    signed = x509.sign(row, signer)
    issued = {"ca": router.table("certificate").find(authority)[0]["name"], "issued": "true"} if authority else {}
    row.update({".certificate": signed.certificate, ".key": signed.key, ".facts": json.dumps({**x509.facts(signed.certificate), **issued})})


def export(router: Router, number: str, name: str | None, passphrase: str) -> None:
    """Write a certificate to a file, and its key to another one where a passphrase locks it."""
    row = router.table("certificate").find(number)[0]
    if ".certificate" not in row:
        raise Trap("failure: certificate is not signed", 0)
    stem = name or f"cert_export_{row['name']}"
    files.write(router, f"{stem}.crt", row[".certificate"])
    if passphrase:
        if len(passphrase) < 8:
            raise Trap("failure: passphrase should be at least 8 characters", 0)
        files.write(router, f"{stem}.key", x509.locked(row[".key"], passphrase))


def tls(router: Router, name: str, version: str) -> ssl.SSLContext | None:
    """Return how a service with this certificate speaks TLS; None where it has none that is signed."""
    row = next((row for row in router.table("certificate").rows if row["name"] == name and ".key" in row), None)
    if row is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if version == "only-1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    with tempfile.TemporaryDirectory() as folder:
        pair = Path(folder) / "pair.pem"
        pair.write_text(row[".key"] + row[".certificate"])
        context.load_cert_chain(pair)
    return context
