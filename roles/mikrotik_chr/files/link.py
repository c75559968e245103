"""Bring the firewall and the guests' bridge with its routes to what is written.

Runs on the host, read from standard input; answers with what it did (in check mode: would do) as JSON.
"""

import glob
import ipaddress
import json
import os
import re
import subprocess
import sys
import time

FIREWALL, NETWORKD, ONLINE = "unde-chr-firewall.service", "systemd-networkd.service", "systemd-networkd-wait-online.service"
FORWARDING = "/proc/sys/net/ipv4/ip_forward"
#: What networkd is told of others' routes and rules: it reads that at its start only.
SETTINGS = "/etc/systemd/networkd.conf.d/60-unde-chr.conf"
#: The bridge's files, and a mark: networkd was told to read them.
FILES, TOLD = "/etc/systemd/network/10-unde-chr.*", "/run/unde-chr.told"
PATIENCE_S = 15


def output(*command):
    """Return a command's output, empty where it fails or does not exist."""
    try:
        return subprocess.run(command, check=False, capture_output=True, text=True).stdout
    except FileNotFoundError:
        return ""


class Host:
    """The host, and what was (in check mode: would be) done to it."""

    def __init__(self, check):
        """Nothing was done yet."""
        self.check, self.done = check, []

    def do(self, *command, journal=None):
        """Run a command, unless this is a rehearsal."""
        self.done.append(" ".join(command))
        if not self.check:
            ran = subprocess.run(command, check=False, capture_output=True, text=True)
            if ran.returncode:
                said = output("journalctl", "--no-pager", "-o", "cat", "-n", "20", "-u", journal) if journal else ""
                sys.exit("%s: %s\n%s" % (self.done[-1], ran.stderr.strip(), said))


def unit_state(unit):
    """Return what systemd knows of a unit."""
    shown = output("systemctl", "show", "--property", "UnitFileState,ActiveState,NeedDaemonReload", unit)
    return dict(line.split("=", 1) for line in shown.strip().splitlines())


def loaded_rules():
    """Return the identity of the loaded rules, which stands in the table's comment."""
    found = re.search(r'comment "rules (\w+)"', output("nft", "-t", "list", "table", "inet", "unde_chr"))
    return found and found.group(1)


def firewall(host, rules):
    """Load the table where another one is loaded, or none."""
    unit = unit_state(FIREWALL)
    if unit.get("NeedDaemonReload") == "yes":
        host.do("systemctl", "daemon-reload")
    if unit.get("UnitFileState") != "enabled":
        host.do("systemctl", "enable", FIREWALL)
    if unit.get("ActiveState") != "active":
        host.do("systemctl", "start", FIREWALL, journal=FIREWALL)
    elif loaded_rules() != rules:
        host.do("systemctl", "reload", FIREWALL, journal=FIREWALL)
    if not host.check and loaded_rules() != rules:
        sys.exit("the table inet unde_chr that is loaded is not the one that was written, although %s was loaded" % FIREWALL)


def forwarding(host):
    """Let the kernel forward: last of all, when the rules are loaded."""
    with open(FORWARDING, encoding="ascii") as handle:
        if handle.read().strip() == "1":
            return
    host.done.append("ip_forward = 1")
    if not host.check:
        try:
            with open(FORWARDING, "w", encoding="ascii") as handle:
                handle.write("1")
        except OSError as error:
            sys.exit(
                "the kernel does not forward and %s cannot be written (%s): start the container with "
                "--sysctl net.ipv4.ip_forward=1" % (FORWARDING, os.strerror(error.errno))
            )


def started():
    """Return when networkd was started, in whole seconds."""
    found = re.search(r"@(\d+)", output("systemctl", "show", "--timestamp=unix", "--property", "ActiveEnterTimestamp", NETWORKD))
    return int(found.group(1)) if found else 0


def unread(written):
    """Tell whether the bridge's files are newer than what networkd has read: it reads when it starts, and when it is told to."""
    if any(path.startswith("/etc/systemd/network/") for path in written):
        return True
    told = os.path.getmtime(TOLD) if os.path.exists(TOLD) else 0
    return max(map(os.path.getmtime, glob.glob(FILES)), default=0) > max(started(), told)


def greedy(written):
    """Tell whether networkd was started before it was told to leave others' rules alone: it would take them away with the next reload."""
    return SETTINGS in written or int(os.path.getmtime(SETTINGS)) > started()


def lacking(wish):
    """List what the living bridge has not: its address, and the routes by way of the active guest."""
    name, remote = wish["bridge"]["name"], {str(ipaddress.ip_network(each)) for each in wish["remote"]}
    addresses = json.loads(output("ip", "-j", "-4", "address", "show", "dev", name) or "[]")
    have = {"%s/%s" % (each["local"], each["prefixlen"]) for link in addresses for each in link.get("addr_info", [])}
    if wish["bridge"]["address"] not in have:
        return ["address %s" % wish["bridge"]["address"]]
    routes = json.loads(output("ip", "-j", "-4", "route", "show", "dev", name) or "[]")
    led = {route["dst"] if "/" in route["dst"] else route["dst"] + "/32": route["gateway"] for route in routes if "gateway" in route}
    missing = ["route %s via %s" % (network, wish["active"]) for network in sorted(remote) if led.get(network) != wish["active"]]
    return missing + ["no route %s" % network for network in sorted(set(led) - remote)]


def bridge(host, wish):
    """Let networkd make the bridge what is written. Nothing is ever taken down: its ports, the guests, stay where they are."""
    unit, name = unit_state(NETWORKD), wish["bridge"]["name"]
    if unit.get("UnitFileState") != "enabled":
        host.do("systemctl", "enable", NETWORKD)
    if unit.get("ActiveState") != "active":
        host.do("systemctl", "start", NETWORKD, journal=NETWORKD)
    elif greedy(wish["written"]):  # Whatever it manages stays in place: systemd sees to that.
        if not wish["may_restart"]:
            sys.exit(
                "networkd runs here, and has to be restarted once before it leaves others' rules alone, which needs an explicit yes: -e unde_may_restart=true"
            )
        host.do("systemctl", "restart", NETWORKD, journal=NETWORKD)
    elif unread(wish["written"]):
        host.do("networkctl", "reload")
    elif lacking(wish):
        host.do("networkctl", "reconfigure", name)
    if host.check:
        return
    end = time.monotonic() + PATIENCE_S
    while lacking(wish):
        if time.monotonic() > end:
            sys.exit("networkd did not give %s its %s\n%s" % (name, ", ".join(lacking(wish)), output("networkctl", "status", "--no-pager", name)))
        time.sleep(0.1)
    with open(TOLD, "w", encoding="ascii"):
        os.utime(TOLD)


def links():
    """Return networkd's links with their states, once it has made up its mind about each."""
    end = time.monotonic() + PATIENCE_S
    while True:
        listed = json.loads(output("networkctl", "list", "--json=short", "--no-pager") or '{"Interfaces": []}')["Interfaces"]
        found = {link["Name"]: link["AdministrativeState"] for link in listed}
        if not {"pending", "initialized"} & set(found.values()) or time.monotonic() > end:
            return found
        time.sleep(0.1)


def online(host, name):
    """Where networkd has no other interface, nobody may wait for it to be online: at boot that would be two minutes for nothing."""
    others = [link for link, state in links().items() if link != name and state != "unmanaged"]
    if not others and unit_state(ONLINE).get("UnitFileState") == "enabled":
        host.do("systemctl", "disable", ONLINE)


def main(text):
    """Read the wish, apply it, print what was done."""
    # Root's umask may be 077: what is made here is read by others.
    os.umask(0o022)
    # What the programs called here say is read: in English, whatever the language of who logs in.
    os.environ.update(LC_ALL="C.UTF-8", LANGUAGE="")
    wish = json.loads(text)
    host = Host(wish["check"])
    firewall(host, wish["rules"])
    bridge(host, wish)
    online(host, wish["bridge"]["name"])
    forwarding(host)
    print(json.dumps({"changed": bool(host.done), "done": host.done}))
