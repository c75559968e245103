"""Real certificates, made by the program openssl; a private key is never on its command line."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import Trap, invalid

SUBJECT = {"country": "C", "state": "ST", "locality": "L", "organization": "O", "unit": "OU", "common-name": "CN"}
USAGE = {
    "digital-signature": "digitalSignature", "content-commitment": "nonRepudiation", "key-encipherment": "keyEncipherment",
    "data-encipherment": "dataEncipherment", "key-agreement": "keyAgreement", "key-cert-sign": "keyCertSign", "crl-sign": "cRLSign",
    "encipher-only": "encipherOnly", "decipher-only": "decipherOnly",
}  # fmt: skip
EXTENDED = {
    "tls-server": "serverAuth", "tls-client": "clientAuth", "code-sign": "codeSigning", "email-protect": "emailProtection",
    "timestamp": "timeStamping", "ocsp-sign": "OCSPSigning",
}  # fmt: skip


@dataclass(frozen=True)
class Signed:
    """A certificate with its key, both PEM."""

    certificate: str
    key: str


def openssl(*words: str, stdin: str = "", secret: str | None = None) -> str:
    """Run openssl and return what it prints.

    Args:
        words: its arguments; ``{secret}`` in one stands for where it reads the secret.
        stdin: what it reads.
        secret: a password, handed over by a pipe of its own.

    Raises:
        Trap: it refused.

    """
    descriptors: tuple[int, ...] = ()
    if secret is not None:
        reads, writes = os.pipe()
        with os.fdopen(writes, "w") as pipe:
            pipe.write(secret + "\n")
        descriptors = (reads,)
        words = tuple(word.replace("{secret}", f"fd:{reads}") for word in words)
    try:
        done = subprocess.run(["openssl", *words], input=stdin, text=True, capture_output=True, check=False, pass_fds=descriptors)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    if done.returncode != 0:
        raise Trap(f"failure: openssl: {(done.stderr.strip() or 'refused').splitlines()[0]}", 0)
    return done.stdout


def sign(wanted: Mapping[str, str], authority: Signed | None) -> Signed:
    """Make a key and a certificate for it.

    Args:
        wanted: what the certificate is to say, in the router's words.
        authority: who signs it; None for itself.

    """
    size = wanted["key-size"]
    key = openssl("genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{size}") if size.isdecimal() else openssl(
        "genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{size}")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name, text in {"key": key, "extensions": _extensions(wanted), "ca": authority.certificate if authority else "",
                           "ca-key": authority.key if authority else ""}.items():  # fmt: skip
            (place / name).write_text(text)
        request = openssl("req", "-new", "-key", str(place / "key"), "-subj", _subject(wanted))
        signer = ["-CA", str(place / "ca"), "-CAkey", str(place / "ca-key")] if authority else ["-signkey", str(place / "key")]
        certificate = openssl("x509", "-req", *signer, "-days", wanted["days-valid"], f"-{wanted['digest-algorithm']}", "-extfile",
                              str(place / "extensions"), "-set_serial", f"0x{os.urandom(8).hex()}", stdin=request)  # fmt: skip
    return Signed(certificate, key)


def facts(certificate: str) -> dict[str, str]:
    """Return what a certificate says of itself."""
    printed = openssl("x509", "-noout", "-fingerprint", "-sha256", "-serial", "-startdate", "-enddate", "-dateopt", "iso_8601", stdin=certificate)
    said = dict(line.partition("=")[::2] for line in printed.splitlines())
    return {
        "fingerprint": said["sha256 Fingerprint"].replace(":", "").lower(), "serial-number": said["serial"],
        "invalid-before": said["notBefore"].rstrip("Z"), "invalid-after": said["notAfter"].rstrip("Z"),
    }  # fmt: skip


def locked(key: str, passphrase: str) -> str:
    """Return a private key that only the passphrase opens."""
    return openssl("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "{secret}", stdin=key, secret=passphrase)


def _subject(wanted: Mapping[str, str]) -> str:
    parts = [(short, wanted[name]) for name, short in SUBJECT.items() if wanted.get(name)]
    return "".join(f"/{short}=" + re.sub(r"([/+\\])", r"\\\1", value) for short, value in parts)


def _extensions(wanted: Mapping[str, str]) -> str:
    usages = wanted["key-usage"].split(",")
    plain, extended = [USAGE[each] for each in usages if each in USAGE], [EXTENDED[each] for each in usages if each in EXTENDED]
    lines = [f"basicConstraints=critical,CA:{str('key-cert-sign' in usages).upper()}", "subjectKeyIdentifier=hash"]
    lines += [f"keyUsage={','.join(plain)}"] * bool(plain) + [f"extendedKeyUsage={','.join(extended)}"] * bool(extended)
    if names := wanted.get("subject-alt-name"):
        if not re.fullmatch(r"(DNS|IP|email):[\w.@*:-]+(,(DNS|IP|email):[\w.@*:-]+)*", names):
            raise invalid("subject-alt-name")
        lines.append(f"subjectAltName={names}")
    return "\n".join([*lines, ""])
