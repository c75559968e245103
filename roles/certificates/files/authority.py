"""The estate's certificate authority: look at it, make it once, sign a host's request.

Runs on the authority's host, fed through standard input; its one argument is a JSON object.
What goes out is public: certificates. Only openssl ever reads the key.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

# The whole of openssl's configuration, so that what the host's own openssl.cnf says does not matter.
AUTHORITY = """
[req]
prompt = no
distinguished_name = subject
x509_extensions = extensions
[subject]
O = UNDE
CN = UNDE Infra certificate authority
[extensions]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""

# What a certificate says comes from the layout; of the request only the public key is taken.
HOST = """
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


# What every host of the estate knows the authority by.
TRUSTED = Path("/etc/unde/tls/ca.crt")


def openssl(*words: str, given: str = "") -> str:
    """Run openssl and return what it prints; leave with its complaint when it fails."""
    done = subprocess.run(["openssl", *words], input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"openssl {words[0]}: {done.stderr.strip()}")
    return done.stdout


def lasts(certificate: Path, days: int) -> bool:
    """Tell whether a certificate is still valid after so many days."""
    words = ["openssl", "x509", "-in", str(certificate), "-noout", "-checkend", str(days * 86400)]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def status(directory: Path, renew_days: int) -> dict[str, Any]:
    """Tell whether the authority is there and whole; where it is not there, whether this host trusts one."""
    key, certificate = directory / "ca.key", directory / "ca.crt"
    there = [path for path in (key, certificate) if path.exists()]
    if not there:
        return {"state": "absent", "certificate": "", "problem": "", "trusts": TRUSTED.exists()}
    problem = ""
    if len(there) == 1:
        lost = certificate if there[0] == key else key
        problem = (
            f"{there[0]} is there, {lost} is not: half an authority. Nothing is made or overwritten. "
            f"Bring {lost} back from the backup; or, to begin a new authority and renew every host, move {directory} away and run with "
            "-e certificates_may_begin_anew=true."
        )
    elif openssl("pkey", "-in", str(key), "-pubout") != openssl("x509", "-in", str(certificate), "-noout", "-pubkey"):
        problem = f"{key} is not the key of {certificate}. Bring the right pair back from the backup."
    elif not lasts(certificate, renew_days):
        problem = (
            f"{certificate} has fewer than {renew_days} days left. Move {directory} away and run with -e certificates_may_begin_anew=true: "
            "every host is then renewed."
        )
    return {"state": "present", "certificate": certificate.read_text() if certificate.exists() else "", "problem": problem}


def make(directory: Path, ca_days: int, renew_days: int) -> dict[str, Any]:
    """Make key and certificate beside the place and move them there together, so that a kill leaves no half."""
    # The host's certificate lies there too, which others read: the umask is for the authority's own files.
    if not directory.parent.is_dir():
        directory.parent.mkdir()
        directory.parent.chmod(0o755)
    parent = os.open(directory.parent, os.O_RDONLY)
    fcntl.flock(parent, fcntl.LOCK_EX)
    if status(directory, renew_days)["state"] == "absent":
        fresh = Path(tempfile.mkdtemp(prefix=".ca-", dir=directory.parent))
        try:
            key, config = str(fresh / "ca.key"), fresh / "ca.cnf"
            config.write_text(AUTHORITY)
            openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
            openssl(
                *("req", "-x509", "-new", "-sha256", "-config", str(config), "-key", key),
                *("-days", str(ca_days), "-out", str(fresh / "ca.crt")),
            )
            config.unlink()
            fresh.rename(directory)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    os.close(parent)
    return status(directory, renew_days)


def sign(directory: Path, days: int, name: str, names: list[str], request: str) -> dict[str, str]:
    """Return a certificate for the public key in the request, with the layout's names."""
    openssl("req", "-verify", "-noout", given=request)
    with tempfile.NamedTemporaryFile("w", suffix=".cnf") as extensions:
        extensions.write(HOST.format(names=", ".join(alternative(each) for each in names)))
        extensions.flush()
        certificate = openssl(
            *("x509", "-req", "-sha256", "-days", str(days), "-set_serial", "0x" + secrets.token_hex(16)),
            *("-CA", str(directory / "ca.crt"), "-CAkey", str(directory / "ca.key")),
            *("-subj", f"/O=UNDE/CN={name}", "-extfile", extensions.name),
            given=request,
        )
    return {"certificate": certificate, "authority": (directory / "ca.crt").read_text()}


def alternative(name: str) -> str:
    """Write a name or an address the way openssl wants it."""
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


def main() -> None:
    """Do what the argument says and print the answer as JSON."""
    os.umask(0o077)
    # What the programs called here say is read: in English, whatever the language of who logs in.
    os.environ.update(LC_ALL="C.UTF-8", LANGUAGE="")
    told: dict[str, Any] = json.loads(sys.argv[1])
    directory = Path(told["directory"])
    if told["action"] == "sign":
        answer = sign(directory, told["days"], told["name"], told["names"], told["request"])
    elif told["action"] == "make":
        answer = make(directory, told["ca_days"], told["renew_days"])
    else:
        answer = status(directory, told["renew_days"])
    print(json.dumps(answer))


main()
