"""A host's certificate: say what is wrong with it, make its key and a request.

Runs on the host, fed through standard input; its one argument is a JSON object. The key stays where it is made.
"""

from __future__ import annotations

import grp
import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any


def openssl(*words: str) -> str | None:
    """Run openssl; return what it prints, or None when it fails."""
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def normal(name: str) -> str:
    """Bring a name or an address to one spelling."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower()


def look(certificate: Path, seconds: int) -> tuple[bool, str, str, set[str]]:
    """Return whether a certificate lasts that long, its subject, its public key, its names. One call: this runs on every host, always."""
    words = ["openssl", "x509", "-in", str(certificate), "-noout", "-subject", "-nameopt", "RFC2253", "-pubkey"]
    words += ["-ext", "subjectAltName", "-checkend", str(seconds)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    subject = re.search(r"^subject=(.*)$", done.stdout, re.MULTILINE)
    public = re.search(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", done.stdout, re.DOTALL)
    names = re.findall(r"(?:DNS|IP Address):([^,\s]+)", done.stdout)
    return done.returncode == 0, subject[1] if subject else "", public[0] if public else "", {normal(name) for name in names}


def reason(told: dict[str, Any]) -> str:
    """Say why the host needs a certificate; the empty string when it has a good one."""
    directory = Path(told["directory"])
    authority, certificate, key = (directory / each for each in ("ca.crt", "host.crt", "host.key"))
    for path in (authority, certificate, key):
        if not path.exists():
            return f"{path} is missing"
    if shutil.which("openssl") is None:
        return "openssl is missing"
    # Unknown where the authority's host does not answer, and before it is made.
    if told["authority"] and authority.read_text() != told["authority"]:
        return f"{authority} is not the certificate of the estate's authority"
    lasts, subject, public, names = look(certificate, told["renew_days"] * 86400)
    wanted = {normal(name) for name in told["names"]}
    if not lasts:
        return f"{certificate} has fewer than {told['renew_days']} days left"
    if f"CN={told['name']}" not in subject.split(","):
        return f"{certificate} is for another host: {subject}"
    if names != wanted:
        return f"{certificate} names {', '.join(sorted(names))}; wanted {', '.join(sorted(wanted))}"
    if openssl("verify", "-CAfile", str(authority), str(certificate)) is None:
        return f"{certificate} is not signed by {authority}"
    if (openssl("pkey", "-in", str(key), "-pubout") or "").strip() != public:
        return f"{certificate} is not for {key}"
    seen = key.stat()
    if (seen.st_mode & 0o777, seen.st_uid, seen.st_gid) != (0o640, 0, group(told["group"])):
        return f"{key} is not root's with group {told['group']} and mode 0640"
    return ""


def group(name: str) -> int | None:
    """Return the number of a group, or None when there is no such group."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def status(told: dict[str, Any]) -> dict[str, Any]:
    """Say what the host lacks; pending: it has a new certificate of which its services have not been told."""
    pending = (Path(told["directory"]) / ".renewed").exists()
    trusts = (Path(told["directory"]) / "ca.crt").exists()
    return {"reason": reason(told), "pending": pending, "openssl": shutil.which("openssl") is not None, "trusts": trusts}


def request(told: dict[str, Any]) -> dict[str, Any]:
    """Make the key where there is none, set who may read it, and return a request signed with it."""
    key = Path(told["directory"]) / "host.key"
    made = not key.exists()
    if made:
        fresh = key.with_suffix(".new")
        if openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(fresh)) is None:
            sys.exit(f"openssl genpkey failed to make {fresh}")
        fresh.rename(key)
    os.chown(key, 0, group(told["group"]) or 0)
    key.chmod(0o640)
    text = openssl("req", "-new", "-sha256", "-key", str(key), "-subj", f"/O=UNDE/CN={told['name']}")
    if text is None:
        sys.exit(f"{key} cannot be used. It is never overwritten: move it away and run again.")
    return {"request": text, "made": made}


def main() -> None:
    """Do what the argument says and print the answer as JSON."""
    os.umask(0o077)
    # What the programs called here say is read: in English, whatever the language of who logs in.
    os.environ.update(LC_ALL="C.UTF-8", LANGUAGE="")
    told: dict[str, Any] = json.loads(sys.argv[1])
    print(json.dumps(request(told) if told["action"] == "request" else status(told)))


main()
