"""Names: none that Ansible, the system or PostgreSQL has for something else, and none for two things."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..model import Estate
from ..model.source import DataPath
from ..plan import groups
from .rules import Violation, rule

#: What Ansible calls all hosts, those in no group, and the control node (docs.ansible.com, "How to build your inventory").
OF_ANSIBLE = ("all", "ungrouped", "localhost")
#: What /etc/hosts of Debian and others has for itself.
OF_THE_SYSTEM = (
    "broadcasthost", "ip6-allhosts", "ip6-allnodes", "ip6-allrouters", "ip6-localhost", "ip6-localnet", "ip6-loopback", "ip6-mcastprefix",
    "localdomain", "localhost4", "localhost6",
)
#: What looks up no name: a number is an address to every program (inet_aton(3)).
NUMBER = re.compile("[0-9]+|0x[0-9a-f]*")
#: Interfaces that the kernel, systemd and the container engine name, and what sysctl calls all of them.
INTERFACES = re.compile(
    r"all|default|lo|(eth|wlan|wwan|usb|bond|dummy|vnet|tun|tap|lxc|ifb|sit|ip6tnl|tunl|gre|chr)[0-9a-f]*|(docker|virbr|br-|veth|unde-).*"
    r"|(en|wl|ww|ib)[ospx][0-9].*"
)


@rule("host-name-reserved", derives=True)
def hosts(estate: Estate) -> Iterator[Violation]:
    """A host has a name that means nothing else: to Ansible, to the resolver, or in a flow."""
    taken = dict.fromkeys(OF_ANSIBLE, "Ansible has that name for something else")
    taken |= dict.fromkeys((*OF_THE_SYSTEM, "localhost"), "every machine's /etc/hosts has that name for itself")
    taken |= dict.fromkeys(_groups(estate), "that is the name of a group of hosts")
    taken |= {
        name: f"that is the external service in services.{name}: a flow from '{name}' would mean both"
        for name, service in estate.layout.services.items() if service.external is not None
    }
    reported: set[DataPath] = set()
    for host in estate.hosts.values():
        why = taken.get(host.name) or ("a number is an address, and is looked up nowhere" if NUMBER.fullmatch(host.name) else None)
        if why and host.path not in reported:
            reported.add(host.path)
            path = host.path if host.shard is None else (*host.path, "name")
            yield Violation(path, f"a host cannot be called '{host.name}': {why}", "give it another name")


def _groups(estate: Estate) -> Iterable[str]:
    """Return the names of all groups."""
    return {group for mine in groups.members(estate).values() for group in mine}


@rule("service-name-reserved")
def services(estate: Estate) -> Iterator[Violation]:
    """An external service has a name that means nothing else in a flow."""
    for name, service in estate.layout.services.items():
        if service.external is not None and name in OF_ANSIBLE:
            yield Violation(("services", name), f"an external service cannot be called '{name}': in a flow that means hosts", "give it another name")


@rule("tunnel-name-reserved")
def tunnels(estate: Estate) -> Iterator[Violation]:
    """A tunnel's interface has a name that no other interface of a host has."""
    reported: set[DataPath] = set()
    for tunnel in estate.tunnels.values():
        if INTERFACES.fullmatch(tunnel.name) and tunnel.path not in reported:
            reported.add(tunnel.path)
            path = tunnel.path if tunnel.path[0] == "tunnels" else (*tunnel.path, "interface")
            yield Violation(path, f"a tunnel cannot be called '{tunnel.name}': the system names interfaces so", "write wg- in front, as wg-etcd")


@rule("stanza-shared")
def stanzas(estate: Estate) -> Iterator[Violation]:
    """No database beside the shards has the name of a shard's stanza: they would share one place for their backups."""
    shards = estate.layout.shards
    form = re.compile(re.escape(shards.stanza).replace(re.escape("{n}"), "(0|[1-9][0-9]*)"))
    for name in estate.layout.clusters.databases:
        if form.fullmatch(name):
            yield Violation(
                ("clusters", "databases", name), f"the backups of database '{name}' and of a shard ('{shards.stanza}') would be in one stanza",
                "rename the database, or change shards.stanza",
            )
