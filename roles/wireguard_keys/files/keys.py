"""Make the WireGuard keys that a host lacks; answer with the public ones as JSON on standard output.

Runs on the host, read from standard input. A private key goes from `wg genkey` into its file and into
`wg pubkey`'s standard input: never onto a command line, never into the answer.
"""

import base64
import binascii
import json
import os
import re
import shutil
import stat
import subprocess
import tempfile

DIRECTORY = "/etc/wireguard"


def kernel_has_wireguard(check):
    """Try it: a module list says nothing about a built-in, and a package says nothing about the running kernel."""
    if os.path.exists("/sys/module/wireguard"):
        return True
    if check:
        # Without kmod nothing can be loaded: what is not there already will not come.
        return bool(shutil.which("modprobe")) and subprocess.run(["modprobe", "-n", "-q", "wireguard"], check=False).returncode == 0
    probe = ["ip", "link", "add", "unde-probe", "type", "wireguard"]
    if subprocess.run(probe, check=False, capture_output=True).returncode:
        return False
    subprocess.run(["ip", "link", "del", "unde-probe"], check=True)
    return True


def missing_packages(check):
    """Name the packages without which no tunnel can come up."""
    missing = [] if shutil.which("wg") else ["wireguard-tools"]
    if not shutil.which("wireguard-go") and not kernel_has_wireguard(check):
        missing.append("wireguard-go")
    return missing


def why_not_a_key(path):
    """Say what is wrong with an existing key file, or None."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        return "is not a regular file"
    try:
        with open(path, "rb") as handle:
            key = base64.b64decode(handle.read().strip(), validate=True)
    except (OSError, binascii.Error) as error:
        return "cannot be read as a key (%s)" % error
    return None if len(key) == 32 else "does not hold the 32 bytes of a WireGuard key"


def foreign_key(interface):
    """Tell whether a configuration that is not ours already carries a private key for the interface."""
    try:
        with open("%s/%s.conf" % (DIRECTORY, interface), encoding="utf-8", errors="replace") as handle:
            return re.search(r"^\s*PrivateKey\s*=", handle.read(), re.M | re.I) is not None
    except FileNotFoundError:
        return False


def make_key(path):
    """Put a fresh key at path; link() fails where a file exists, so that no key can ever be overwritten."""
    handle, beside = tempfile.mkstemp(dir=DIRECTORY, prefix=".key-")  # mode 0600 from the start
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(subprocess.run(["wg", "genkey"], check=True, stdout=subprocess.PIPE).stdout)
            out.flush()
            os.fsync(out.fileno())
        os.link(beside, path)
    finally:
        os.unlink(beside)


def public_key(path):
    """Derive the public key from the private key's file."""
    with open(path, "rb") as handle:
        return subprocess.run(["wg", "pubkey"], check=True, stdin=handle, stdout=subprocess.PIPE).stdout.decode().strip()


def settle(path, mode, check):
    """Give path to root with exactly this mode; tell whether that was a change."""
    now = os.lstat(path)
    if (stat.S_IMODE(now.st_mode), now.st_uid, now.st_gid) == (mode, 0, 0):
        return False
    if not check:
        os.chown(path, 0, 0)
        os.chmod(path, mode)
    return True


def publish(path, key, check):
    """Keep the public key beside the private one, for a play that is limited to the other end; tell of a change."""
    try:
        with open(path, encoding="utf-8") as handle:
            if handle.read().strip() == key:
                return False
    except FileNotFoundError:
        pass
    if not check:
        with open(path + ".new", "w", encoding="utf-8") as out:
            out.write(key + "\n")
        os.rename(path + ".new", path)
    return True


def work(interfaces, check):
    """Do all of it and return the answer."""
    wanted = missing_packages(check) if interfaces else []
    answer = {"changed": False, "missing_packages": wanted, "public": {}, "refused": [], "made": []}
    if not interfaces:
        return answer
    if answer["missing_packages"]:
        return answer
    for interface in interfaces:
        key = "%s/%s.key" % (DIRECTORY, interface)
        if os.path.lexists(key):
            fault = why_not_a_key(key)
            if fault:
                answer["refused"].append(
                    "%s %s. A key is never overwritten: look at it, move it away if it is of no use, and run again; "
                    "a new key will then be made and the other end must be run too." % (key, fault))
        elif foreign_key(interface):
            answer["refused"].append(
                "%s/%s.conf already carries a PrivateKey for %s and was not written by this collection. Move that key to %s "
                "(mode 0600), move the file away, and run again." % (DIRECTORY, interface, interface, key))
    if answer["refused"]:
        return answer
    os.umask(0o077)
    # What the programs called here say is read: in English, whatever the language of who logs in.
    os.environ.update(LC_ALL="C.UTF-8", LANGUAGE="")
    if not os.path.isdir(DIRECTORY):
        answer["changed"] = True
        if check:
            return answer
        os.mkdir(DIRECTORY, 0o700)
    answer["changed"] |= settle(DIRECTORY, 0o700, check)
    for interface in interfaces:
        key = "%s/%s.key" % (DIRECTORY, interface)
        if not os.path.exists(key):
            answer["changed"] = True
            answer["made"].append(interface)
            if check:
                continue
            make_key(key)
        answer["changed"] |= settle(key, 0o600, check)
        answer["public"][interface] = public_key(key)
        answer["changed"] |= publish("%s/%s.pub" % (DIRECTORY, interface), answer["public"][interface], check)
    return answer


def main(text):
    """Read the wish, print the answer."""
    wish = json.loads(text)
    print(json.dumps(work(wish["interfaces"], wish["check"])))
