"""Load the gateway's firewall where the loaded one is not the wanted one, then switch forwarding on.

Runs on the host, read from standard input; answers with what it did (in check mode: would do) as JSON.
"""

import json
import os
import re
import subprocess
import sys

UNIT = "unde-gateway-firewall.service"
FORWARDING = "/proc/sys/net/ipv4/ip_forward"


def output(*command):
    """Return a command's output, empty where it fails or does not exist."""
    try:
        return subprocess.run(command, check=False, capture_output=True, text=True).stdout
    except FileNotFoundError:
        return ""


def loaded_id():
    """Return the identity of the loaded rules, which stands in the table's comment."""
    found = re.search(r'comment "rules (\w+)"', output("nft", "-t", "list", "table", "inet", "unde_gateway"))
    return found and found.group(1)


def steps(identity):
    """List the commands that bring the firewall to what is wanted."""
    shown = output("systemctl", "show", "--property", "UnitFileState,ActiveState,NeedDaemonReload", UNIT)
    state = dict(line.split("=", 1) for line in shown.strip().splitlines())
    wanted = []
    if state.get("NeedDaemonReload") == "yes":
        wanted.append(("systemctl", "daemon-reload"))
    if state.get("UnitFileState") != "enabled":
        wanted.append(("systemctl", "enable", UNIT))
    if state.get("ActiveState") != "active":
        wanted.append(("systemctl", "start", UNIT))
    elif loaded_id() != identity:
        wanted.append(("systemctl", "reload", UNIT))
    return wanted


def forwarding():
    """Tell whether the kernel forwards."""
    with open(FORWARDING, encoding="ascii") as handle:
        return handle.read().strip() == "1"


def main(text):
    """Read the wish, apply it, print what was done."""
    # What the programs called here say is read: in English, whatever the language of who logs in.
    os.environ.update(LC_ALL="C.UTF-8", LANGUAGE="")
    wish = json.loads(text)
    done = []
    for command in steps(wish["id"]):
        done.append(" ".join(command))
        if not wish["check"]:
            ran = subprocess.run(command, check=False, capture_output=True, text=True)
            if ran.returncode:
                sys.exit("%s: %s\n%s" % (done[-1], ran.stderr.strip(), output("journalctl", "--no-pager", "-o", "cat", "-n", "20", "-u", UNIT)))
    if not wish["check"] and loaded_id() != wish["id"]:
        sys.exit("the table inet unde_gateway that is loaded is not the one of /etc/unde/gateway.nft, although %s was loaded" % UNIT)
    if not forwarding():
        done.append("ip_forward = 1")
        if not wish["check"]:
            try:
                with open(FORWARDING, "w", encoding="ascii") as handle:
                    handle.write("1")
            except OSError as error:
                sys.exit("the kernel does not forward and %s cannot be written (%s): start the container with "
                         "--sysctl net.ipv4.ip_forward=1" % (FORWARDING, os.strerror(error.errno)))
    print(json.dumps({"changed": bool(done), "done": done}))
