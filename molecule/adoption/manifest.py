"""Tell every file of a host, and every service with its process: what must not move while somebody only looks.

Left out by name: what is no disk; what Ansible leaves of itself; logs; the content of data directories, which their servers write all the time; systemd's
own notes. Arguments are packages, whose files are told too.
"""

import hashlib
import json
import os
import stat
import subprocess
import sys

SKIPPED = ("/proc", "/sys", "/dev", "/run", "/root/.ansible", "/var/log", "/var/lib/postgresql/17/main", "/var/lib/redis", "/var/lib/systemd")
#: The module that runs this program, while it runs.
OWN = "/tmp/ansible_"
#: Here the time of the last change stands for the content.
LARGE = "/usr/"


def described(path):
    """Return what is compared of a file."""
    told = os.lstat(path)
    about = [stat.filemode(told.st_mode), f"{told.st_uid}:{told.st_gid}"]
    if stat.S_ISLNK(told.st_mode):
        about.append(os.readlink(path))
    elif stat.S_ISREG(told.st_mode):
        about += [str(told.st_size), str(told.st_ctime_ns)]
        if not path.startswith(LARGE):
            with open(path, "rb") as file:
                about.append(hashlib.sha256(file.read()).hexdigest())
    return " ".join(about)


def files():
    """Return every path with its description."""
    found = {}
    for folder, folders, names in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in SKIPPED]
        for name in folders + names:
            path = os.path.join(folder, name)
            if not path.startswith(OWN):
                found[path] = described(path)
    return found


def services():
    """Return the running services: main process, and when it began."""
    listed = subprocess.run(
        ["systemctl", "list-units", "--type=service", "--state=running", "--plain", "--no-legend"], check=True, capture_output=True, text=True
    ).stdout
    units = [line.split()[0] for line in listed.splitlines()]
    asked = ["systemctl", "show", "--property=Id,MainPID,ExecMainStartTimestampMonotonic", *units]
    shown = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    return {values["Id"]: values for values in (dict(line.split("=", 1) for line in block.splitlines()) for block in shown.strip().split("\n\n"))}


def owned():
    """Return the files of the packages that the arguments name."""
    if not sys.argv[1:]:
        return []
    listed = subprocess.run(["dpkg-query", "--listfiles", *sys.argv[1:]], check=True, capture_output=True, text=True).stdout.splitlines()
    # Packages of Debian 12 say /lib, which is /usr/lib.
    return [os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)) for path in listed]


print(json.dumps({"files": files(), "services": services(), "owned": owned()}))
