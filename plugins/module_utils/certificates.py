# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The estate's certificate authority and the certificate of one host, by openssl's command line.

A key stays where it is made, and only openssl ever reads it. What travels is a request in one direction and a certificate in the other.
"""

from __future__ import annotations

import fcntl
import grp
import ipaddress
import os
import re
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ansible_collections.unde.infra.plugins.module_utils import systemd

#: Who owns a host's key: root.
OWNER = 0
#: What every host of the estate knows the authority by.
TRUSTED = Path("/etc/unde/tls/ca.crt")

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
MAKE_KEY = ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out")


class Refused(Exception):
    """What stands in the way, in words that a person can act on."""


def openssl(run: systemd.Run, *words: str, given: str = "") -> str:
    """Run openssl and return what it prints.

    Raises:
        Refused: it fails, in its own words.

    """
    code, said, complaint = run(["openssl", *words], data=given, binary_data=True, umask=0o077)
    if code != 0:
        raise Refused(f"openssl {words[0]}: {complaint.strip()}")
    return said


def normal(name: str) -> str:
    """Bring a name or an address to one spelling."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower()


def alternative(name: str) -> str:
    """Write a name or an address the way openssl wants it."""
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


class Authority:
    """The authority: ``ca.key`` and ``ca.crt`` in one directory of one host, root's alone."""

    def __init__(self, directory: Path, run: systemd.Run) -> None:
        """Take where it is, and what runs programs."""
        self.directory, self.run = directory, run
        self.key, self.certificate = directory / "ca.key", directory / "ca.crt"

    def is_absent(self) -> bool:
        """Return whether there is nothing of it here."""
        return not self.key.exists() and not self.certificate.exists()

    def lasts(self, days: int) -> bool:
        """Return whether its certificate is still valid after so many days."""
        return self.run(["openssl", "x509", "-in", str(self.certificate), "-noout", "-checkend", str(days * 86400)])[0] == 0

    def problem(self, renew_days: int) -> str:
        """Return what keeps an authority that is there from signing, and the way to mend it; empty when nothing does."""
        there = [path for path in (self.key, self.certificate) if path.exists()]
        if len(there) == 1:
            lost = self.certificate if there[0] == self.key else self.key
            return (
                f"{there[0]} is there, {lost} is not: half an authority. Nothing is made or overwritten. "
                f"Bring {lost} back from the backup; or, to begin a new authority and renew every host, move {self.directory} away and run with "
                "-e certificates_may_begin_anew=true."
            )
        of_key = openssl(self.run, "pkey", "-in", str(self.key), "-pubout")
        if of_key != openssl(self.run, "x509", "-in", str(self.certificate), "-noout", "-pubkey"):
            return f"{self.key} is not the key of {self.certificate}. Bring the right pair back from the backup."
        if not self.lasts(renew_days):
            return (
                f"{self.certificate} has fewer than {renew_days} days left. Move {self.directory} away and run with -e certificates_may_begin_anew=true: "
                "every host is then renewed."
            )
        return ""

    def make(self, days: int) -> None:
        """Make key and certificate beside the place and move them there together, so that a kill leaves no half.

        Raises:
            Refused: openssl fails.

        """
        # The host's certificate lies there too, which others read; root's umask may be 077.
        if not self.directory.parent.is_dir():
            self.directory.parent.mkdir()
            self.directory.parent.chmod(0o755)
        parent = os.open(self.directory.parent, os.O_RDONLY)
        try:
            fcntl.flock(parent, fcntl.LOCK_EX)
            if self.is_absent():
                self.make_beside(days)
        finally:
            os.close(parent)

    def make_beside(self, days: int) -> None:
        """Do so, while nobody else does."""
        fresh = Path(tempfile.mkdtemp(prefix=".ca-", dir=self.directory.parent))
        try:
            key, configuration = str(fresh / "ca.key"), fresh / "ca.cnf"
            configuration.write_text(AUTHORITY)
            openssl(self.run, *MAKE_KEY, key)
            made = ("-config", str(configuration), "-key", key, "-days", str(days), "-out", str(fresh / "ca.crt"))
            openssl(self.run, "req", "-x509", "-new", "-sha256", *made)
            configuration.unlink()
            fresh.rename(self.directory)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def sign(self, request: str, common_name: str, names: list[str], days: int) -> str:
        """Return a certificate for the public key in a request, with these names.

        Raises:
            Refused: the request is not signed by its own key, or openssl fails.

        """
        openssl(self.run, "req", "-verify", "-noout", given=request)
        with tempfile.NamedTemporaryFile("w", suffix=".cnf") as extensions:
            extensions.write(HOST.format(names=", ".join(alternative(each) for each in names)))
            extensions.flush()
            signer = ("-CA", str(self.certificate), "-CAkey", str(self.key), "-days", str(days), "-set_serial", f"0x{secrets.token_hex(16)}")
            subject = ("-subj", f"/O=UNDE/CN={common_name}", "-extfile", extensions.name)
            return openssl(self.run, "x509", "-req", "-sha256", *signer, *subject, given=request)


class HostCertificate:
    """A host's key, its certificate and the authority's: ``host.key``, ``host.crt`` and ``ca.crt`` in one directory."""

    def __init__(self, parameters: dict[str, Any], run: systemd.Run) -> None:
        """Take a module's parameters, and what runs programs."""
        self.directory, self.run = Path(parameters["directory"]), run
        self.common_name: str = parameters["common_name"]
        self.group: str = parameters["group"]
        self.key, self.certificate, self.authority = (self.directory / name for name in ("host.key", "host.crt", "ca.crt"))

    def key_group(self) -> int | None:
        """Return the number of the group that may read the key; None where there is no such group."""
        try:
            return grp.getgrnam(self.group).gr_gid
        except KeyError:
            return None

    def read(self, renew_days: int) -> tuple[bool, str, str, set[str]]:
        """Return whether the certificate lasts so many days, its subject, its public key, its names. One call: this runs on every host, always."""
        words = ["openssl", "x509", "-in", str(self.certificate), "-noout", "-subject", "-nameopt", "RFC2253", "-pubkey"]
        code, said, _complaint = self.run([*words, "-ext", "subjectAltName", "-checkend", str(renew_days * 86400)])
        subject = re.search(r"^subject=(.*)$", said, re.MULTILINE)
        public = re.search(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", said, re.DOTALL)
        names = re.findall(r"(?:DNS|IP Address):([^,\s]+)", said)
        return code == 0, subject[1] if subject else "", public[0] if public else "", {normal(name) for name in names}

    def renewal_reason(self, names: list[str], renew_days: int, authority: str) -> str:
        """Return why the host needs a certificate, empty when it has a good one; ``authority`` is the authority's certificate, empty where it is not known."""
        for path in (self.authority, self.certificate, self.key):
            if not path.exists():
                return f"{path} is missing"
        if shutil.which("openssl") is None:
            return "openssl is missing"
        if authority and self.authority.read_text() != authority:
            return f"{self.authority} is not the certificate of the estate's authority"
        lasts, subject, public, found = self.read(renew_days)
        wanted = {normal(name) for name in names}
        if not lasts:
            return f"{self.certificate} has fewer than {renew_days} days left"
        if f"CN={self.common_name}" not in subject.split(","):
            return f"{self.certificate} is for another host: {subject}"
        if found != wanted:
            return f"{self.certificate} names {', '.join(sorted(found))}; wanted {', '.join(sorted(wanted))}"
        if self.run(["openssl", "verify", "-CAfile", str(self.authority), str(self.certificate)])[0] != 0:
            return f"{self.certificate} is not signed by {self.authority}"
        if self.run(["openssl", "pkey", "-in", str(self.key), "-pubout"])[1].strip() != public:
            return f"{self.certificate} is not for {self.key}"
        if not self.key_is_private():
            return f"{self.key} is not root's with group {self.group} and mode 0640"
        return ""

    def key_is_private(self) -> bool:
        """Return whether root and the group may read the key, and nobody else."""
        found = self.key.stat()
        return (found.st_mode & 0o777, found.st_uid, found.st_gid) == (0o640, OWNER, self.key_group())

    def make_key(self) -> None:
        """Make the key beside its place, and move it there.

        Raises:
            Refused: openssl fails.

        """
        fresh = self.key.with_suffix(".new")
        openssl(self.run, *MAKE_KEY, str(fresh))
        fresh.rename(self.key)

    def settle_key(self) -> None:
        """Let root and the group read the key, and nobody else."""
        os.chown(self.key, OWNER, self.key_group() or 0)
        self.key.chmod(0o640)

    def request(self) -> str:
        """Return a request that is signed with the key.

        Raises:
            Refused: the key cannot be used.

        """
        code, said, _complaint = self.run(["openssl", "req", "-new", "-sha256", "-key", str(self.key), "-subj", f"/O=UNDE/CN={self.common_name}"])
        if code != 0:
            raise Refused(f"{self.key} cannot be used. It is never overwritten: move it away and run again.")
        return said
