"""Bring the running WireGuard interfaces of a host to what is wanted, without taking any of them down.

Runs on the host, read from standard input; answers with the commands it ran (in check mode: would run) as JSON.
The running state is compared with the wish each time, so a run that died half-way is mended by the next one.
"""

import ipaddress
import json
import os
import subprocess
import sys

DIRECTORY = "/etc/wireguard"
# The endpoint that was last set per interface, forgotten at a reboot: a peer may roam, and that is no reason to set it back.
RECORDS = "/run/unde-wireguard"


def run(*command):
    """Run a command and return its output; a failure ends the script with the command's own words."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit("%s: %s" % (" ".join(command), (done.stderr or done.stdout).strip()))
    return done.stdout


def networks(items):
    """Return networks in their canonical form, as a set."""
    return {str(ipaddress.ip_network(item, strict=False)) for item in items}


class Host:
    """What runs now, and the changes made to it."""

    def __init__(self, check):
        """Start with nothing done."""
        self.check, self.done, self.tools = check, [], os.path.exists("/usr/bin/wg")

    def do(self, *command):
        """Run a command that changes something, or only note it in check mode."""
        self.done.append(" ".join(command))
        if not self.check:
            run(*command)

    def links(self):
        """Return the interfaces with their addresses and MTU."""
        return {link["ifname"]: link for link in json.loads(run("ip", "-j", "address", "show"))}

    def routes(self):
        """Return the IPv4 routes of the main table: {interface: {network: source or None}}."""
        found = {}
        for route in json.loads(run("ip", "-j", "-4", "route", "show", "table", "main") or "[]"):
            if route.get("protocol") != "kernel" and "dev" in route and route["dst"] != "default":
                found.setdefault(route["dev"], {})[str(ipaddress.ip_network(route["dst"]))] = route.get("prefsrc")
        return found

    def wireguard(self):
        """Return the WireGuard state: {interface: {public, port, peers: {key: {endpoint, allowed, keepalive}}}}."""
        found = {}
        for line in (run("wg", "show", "all", "dump") if self.tools else "").splitlines():
            fields = line.split("\t")
            if len(fields) == 5:
                found[fields[0]] = {"public": fields[2], "port": int(fields[3]), "peers": {}}
            else:
                allowed = [] if fields[4] == "(none)" else fields[4].split(",")
                found[fields[0]]["peers"][fields[1]] = {"endpoint": fields[3], "allowed": networks(allowed), "keepalive": fields[8]}
        return found

    def units(self, interfaces):
        """Return the state of each interface's unit."""
        found = {}
        if interfaces:
            shown = run("systemctl", "show", "--property", "UnitFileState,ActiveState,NeedDaemonReload", *map(unit, interfaces))
            for interface, block in zip(interfaces, shown.strip().split("\n\n"), strict=False):
                found[interface] = dict(line.split("=", 1) for line in block.splitlines())
        return found


def unit(interface):
    """Name the unit of an interface."""
    return "wg-quick@%s.service" % interface


def recorded(interface):
    """Return the endpoint that was set last, or None."""
    try:
        with open("%s/%s.endpoint" % (RECORDS, interface), encoding="utf-8") as handle:
            return handle.read()
    except FileNotFoundError:
        return None


def record(interface, endpoint):
    """Remember the endpoint that was set."""
    os.makedirs(RECORDS, mode=0o755, exist_ok=True)
    with open("%s/%s.endpoint" % (RECORDS, interface), "w", encoding="utf-8") as handle:
        handle.write(endpoint)


def start(host, tunnels, links):
    """Enable all units, and start those whose interface does not exist (also after a crash of a user-space WireGuard)."""
    units = host.units([tunnel["interface"] for tunnel in tunnels])
    if any(state["NeedDaemonReload"] == "yes" for state in units.values()):
        host.do("systemctl", "daemon-reload")
    disabled = [unit(name) for name, state in units.items() if state["UnitFileState"] != "enabled"]
    if disabled:
        host.do("systemctl", "enable", *disabled)
    down = [name for name in units if name not in links]
    if not down:
        return
    # A unit that believes to be up while its interface is gone must be told to start anew.
    verb = "restart" if any(units[name]["ActiveState"] == "active" for name in down) else "start"
    host.done.append("systemctl %s %s" % (verb, " ".join(map(unit, down))))
    if not host.check:
        subprocess.run(["systemctl", "reset-failed", *map(unit, down)], check=False, capture_output=True)
        if subprocess.run(["systemctl", verb, *map(unit, down)], check=False, capture_output=True).returncode:
            said = subprocess.run(["journalctl", "--no-pager", "-o", "cat", "-n", "30", *("-u%s" % unit(name) for name in down)],
                                  check=False, capture_output=True, text=True).stdout
            sys.exit("%s did not come up; the journal says:\n%s" % (", ".join(down), said))
        for tunnel in tunnels:
            if tunnel["interface"] in down and tunnel.get("endpoint") and tunnel["peer"]:
                record(tunnel["interface"], tunnel["endpoint"])


def set_link(host, tunnel, link):
    """Address, MTU and the reverse path check."""
    name = tunnel["interface"]
    wanted = str(ipaddress.ip_interface(tunnel["address"]))
    have = {"%s/%s" % (entry["local"], entry["prefixlen"]) for entry in link["addr_info"] if entry.get("scope") == "global"}
    if wanted not in have:
        host.do("ip", "address", "add", wanted, "dev", name)
    for other in sorted(have - {wanted}):
        host.do("ip", "address", "del", other, "dev", name)
    if link["mtu"] != tunnel["mtu"]:
        host.do("ip", "link", "set", "dev", name, "mtu", str(tunnel["mtu"]))
    strict = []
    for scope in (name, "all"):
        with open("/proc/sys/net/ipv4/conf/%s/rp_filter" % scope, encoding="utf-8") as handle:
            strict.append(int(handle.read()))
    if max(strict) == 1:  # The kernel takes the larger of the two: 2, loose, wins over 1, strict.
        host.do("sysctl", "-q", "-w", "net.ipv4.conf.%s.rp_filter=2" % name.replace(".", "/"))


def set_peer(host, tunnel, running):
    """Key, port and the one peer; a peer whose key changed is replaced, the others' sessions go on."""
    name, peer = tunnel["interface"], tunnel["peer"]
    with open("%s/%s.pub" % (DIRECTORY, name), encoding="utf-8") as handle:
        if handle.read().strip() != running["public"]:
            host.do("wg", "set", name, "private-key", "%s/%s.key" % (DIRECTORY, name))
    if tunnel.get("listen_port") and tunnel["listen_port"] != running["port"]:
        host.do("wg", "set", name, "listen-port", str(tunnel["listen_port"]))
    if not peer:
        return
    for other in sorted(set(running["peers"]) - {peer}):
        host.do("wg", "set", name, "peer", other, "remove")
    now, changes = running["peers"].get(peer, {"endpoint": "(none)", "allowed": None, "keepalive": "off"}), []
    if now["allowed"] != networks(tunnel["allowed_ips"]):
        changes += ["allowed-ips", ",".join(tunnel["allowed_ips"])]
    if now["keepalive"] != str(tunnel.get("keepalive_s") or "off"):
        changes += ["persistent-keepalive", str(tunnel.get("keepalive_s") or "off")]
    endpoint = tunnel.get("endpoint")
    if endpoint and endpoint != now["endpoint"] and (now["endpoint"] == "(none)" or endpoint != recorded(name)):
        changes += ["endpoint", endpoint]
    if changes:
        host.do("wg", "set", name, "peer", peer, *changes)
    if endpoint and not host.check:
        record(name, endpoint)


def set_routes(host, tunnels, links):
    """Put the wanted routes in place first, then take away the others: a network that moves between tunnels is never without."""
    found, extra = host.routes(), []
    for tunnel in tunnels:
        name = tunnel["interface"]
        if name not in links:
            continue
        have = found.get(name, {})
        wanted = {network: tunnel.get("source") for network in networks(tunnel["routes"])}
        wanted.setdefault(tunnel["far_address"] + "/32", None)
        for network, source in sorted(wanted.items()):
            if network not in have or have[network] != source:
                host.do("ip", "route", "replace", network, "dev", name, *(["src", source] if source else []))
        extra += [(network, name) for network in sorted(set(have) - set(wanted))]
    for network, name in extra:
        host.done.append("ip route del %s dev %s" % (network, name))
        if not host.check:  # Gone already where another tunnel's route has just replaced it.
            subprocess.run(["ip", "route", "del", network, "dev", name], check=False, capture_output=True)


def remove(host, name, links):
    """Take a tunnel away that the layout no longer has: interface, configuration, key."""
    host.do("systemctl", "disable", "--now", unit(name))
    if name in links and not host.check and name in host.links():
        host.do("ip", "link", "del", name)
    if not host.check:
        for path in ["%s/%s.%s" % (DIRECTORY, name, end) for end in ("conf", "key", "pub")] + ["%s/%s.endpoint" % (RECORDS, name)]:
            if os.path.exists(path):
                os.unlink(path)


def main(text):
    """Read the wish, apply it, print what was done."""
    # Root's umask may be 077: what is made here is read by others.
    os.umask(0o022)
    # What the programs called here say is read: in English, whatever the language of who logs in.
    os.environ.update(LC_ALL="C.UTF-8", LANGUAGE="")
    wish = json.loads(text)
    host, tunnels = Host(wish["check"]), wish["tunnels"]
    links = host.links()
    running = {tunnel["interface"] for tunnel in tunnels} & set(links)
    if host.tools:
        start(host, tunnels, links)
    elif tunnels:  # Only in check mode on a new host: the packages are not there, nor are the units.
        host.done.append("systemctl enable --now " + " ".join(unit(tunnel["interface"]) for tunnel in tunnels))
    if not host.check:
        links = host.links()
    state = host.wireguard()
    for tunnel in tunnels:
        if tunnel["interface"] in links and tunnel["interface"] in state:
            set_link(host, tunnel, links[tunnel["interface"]])
            set_peer(host, tunnel, state[tunnel["interface"]])
    set_routes(host, tunnels, running if host.check else links)
    for name in wish["stale"]:
        remove(host, name, links)
    print(json.dumps({"changed": bool(host.done), "done": host.done}))
