"""Firewall rules as nftables has them. What cannot be said there is refused: a rule that is shown is in force."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from .errors import Trap, unsupported
from .interfaces import members_of

if TYPE_CHECKING:
    from .router import Router
    from .table import Row

TABLE = "routeros"
#: Menu → its own chains, where they hang and when.
HOOKS = {
    "raw": {"prerouting": "filter hook prerouting priority -300", "output": "filter hook output priority -300"},
    "mangle": {name: f"{'route' if name == 'output' else 'filter'} hook {name} priority -150"
               for name in ("prerouting", "input", "forward", "output", "postrouting")},
    "nat": {"dstnat": "nat hook prerouting priority -100", "srcnat": "nat hook postrouting priority 100"},
    "filter": {name: f"filter hook {name} priority 0" for name in ("input", "forward", "output")},
}  # fmt: skip
MENUS = tuple(HOOKS)

PROTOCOLS = {
    "icmp": 1, "igmp": 2, "ipencap": 4, "tcp": 6, "egp": 8, "udp": 17, "dccp": 33, "gre": 47, "ipsec-esp": 50, "ipsec-ah": 51,
    "ospf": 89, "ipip": 94, "pim": 103, "vrrp": 112, "l2tp": 115, "sctp": 132, "udp-lite": 136,
}  # fmt: skip
WITH_PORTS = {"tcp", "udp", "dccp", "sctp", "udp-lite"}
REJECT = {
    "icmp-network-unreachable": "icmp net-unreachable", "icmp-host-unreachable": "icmp host-unreachable",
    "icmp-port-unreachable": "icmp port-unreachable", "icmp-protocol-unreachable": "icmp prot-unreachable",
    "icmp-net-prohibited": "icmp net-prohibited", "icmp-host-prohibited": "icmp host-prohibited",
    "icmp-admin-prohibited": "icmp admin-prohibited", "tcp-reset": "tcp reset",
}  # fmt: skip
#: Arguments that say what is done with a packet, or nothing about it; all others are matchers.
NOT_MATCHERS = {
    "chain", "action", "comment", "disabled", "log", "log-prefix", "reject-with", "jump-target", "to-addresses", "to-ports", "new-mss",
    "passthrough",
}  # fmt: skip


def label(menu: str, row: Row) -> str:
    """Return the name of a rule's counter."""
    return f"{menu}-{row['.id'][1:]}"


def set_of(kind: str, name: str) -> str:
    """Return the name of the set that an address list or an interface list is; lists' names may hold anything."""
    return f"{kind}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def chain(menu: str, name: str) -> str:
    """Return the name of a chain."""
    if not re.fullmatch(r"[\w.-]+", name):
        raise unsupported(f"a chain named {name}")
    return f"{menu}.{name}"


def rule(menu: str, row: Row, counter: str) -> str:
    """Return a rule.

    Args:
        menu: filter, nat, mangle or raw.
        row: the rule as the router has it.
        counter: the name of its counter.

    """
    matchers = {name: value for name, value in row.items() if name[0] != "." and name not in NOT_MATCHERS}
    words = [word for name, value in matchers.items() for word in _match(name, value, row)]
    words.append(f"counter name {counter}")
    if row.get("log") == "true" or row["action"] == "log":
        words.append(f'log prefix "{_quotable(row.get("log-prefix", ""))} {row["chain"]}: "')
    return " ".join([*words, *_action(menu, row)])


def _quotable(text: str) -> str:
    if not re.fullmatch(r"[^\"\\\n]{0,90}", text):
        raise unsupported("this log-prefix")
    return text


def _match(name: str, value: str, row: Row) -> Iterator[str]:
    """Yield what a matcher is."""
    differs = "!= " if value.startswith("!") else ""
    value = value.removeprefix("!")
    side, _, what = name.partition("-")
    if name == "protocol":
        if value not in PROTOCOLS and not value.isdecimal():
            raise unsupported(f"protocol={value}")
        yield f"meta l4proto {differs}{PROTOCOLS.get(value, value)}"
    elif name in ("src-port", "dst-port"):
        if row.get("protocol") not in WITH_PORTS:
            raise Trap("failure: ports can be specified if proto is tcp or udp", 0)
        yield f"th {side[0]}port {differs}{{ {value} }}"
    elif name in ("src-address", "dst-address"):
        yield f"ip {side[0]}addr {differs}{value}"
    elif name in ("src-address-list", "dst-address-list"):
        yield f"ip {side[0]}addr {differs}@{set_of('addresses', value)}"
    elif name in ("src-address-type", "dst-address-type"):
        yield f"fib {side[0]}addr type {differs}{{ {value} }}"
    elif what == "interface":
        yield f'{side[0]}ifname {differs}"{value}"'
    elif what == "interface-list":
        yield f"{side[0]}ifname {differs}@{set_of('interfaces', value)}"
    elif name == "connection-state":
        yield f"ct state {differs}{{ {value} }}"
    elif name == "connection-nat-state" and value in ("srcnat", "dstnat"):
        yield f"ct status & {value.replace('nat', '')[0]}nat {'==' if differs else '!='} 0"
    elif name == "icmp-options" and row.get("protocol") == "icmp" and not differs:
        yield from _icmp(value)
    elif name == "tcp-flags" and row.get("protocol") == "tcp" and not differs:
        yield _tcp_flags(value)
    elif name == "limit" and not differs:
        yield _limit(value)
    else:
        raise unsupported(f"{name}={value}")


def _limit(value: str) -> str:
    found = re.fullmatch(r"(\d+)/1?([smhd]),(\d+):packet", value)
    if not found:
        raise unsupported(f"limit={value}")
    unit = {"s": "second", "m": "minute", "h": "hour", "d": "day"}[found[2]]
    return f"limit rate {found[1]}/{unit} burst {found[3]} packets"


def _icmp(value: str) -> Iterator[str]:
    kind, _, codes = value.partition(":")
    if not kind.isdecimal() or not re.fullmatch(r"(\d+(-\d+)?)?", codes):
        raise unsupported(f"icmp-options={value}")
    yield f"icmp type {kind}"
    if codes not in ("", "0-255"):
        yield f"icmp code {codes}"


def _tcp_flags(value: str) -> str:
    flags = value.split(",")
    wanted = [flag for flag in flags if not flag.startswith("!")]
    judged = [flag.removeprefix("!") for flag in flags]
    if not all(flag in ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr") for flag in judged):
        raise unsupported(f"tcp-flags={value}")
    return f"tcp flags & ({' | '.join(judged)}) == {' | '.join(wanted) or '0x0'}"


def _action(menu: str, row: Row) -> list[str]:
    """Return what a rule does with a packet."""
    action, name = row["action"], row["chain"]
    if action in ("passthrough", "log"):
        return []
    if action in ("accept", "return"):
        return [action]
    if action == "jump" and row.get("jump-target"):
        return [f"jump {chain(menu, row['jump-target'])}"]
    if action == "drop" and menu in ("filter", "raw"):
        return ["drop"]
    if action == "notrack" and menu == "raw":
        return ["notrack"]
    if action == "reject" and menu == "filter":
        return [f"reject with {REJECT[row.get('reject-with', 'icmp-network-unreachable')]}"]
    if action == "change-mss" and menu == "mangle" and row.get("protocol") == "tcp":
        size = row.get("new-mss", "")
        return [f"tcp option maxseg size set {'rt mtu' if size == 'clamp-to-pmtu' else size}", *([] if row.get("passthrough") == "true" else ["accept"])]
    if menu == "nat":
        return [_nat(action, name, row)]
    raise unsupported(f"action={action} in {menu} {name}")


def _nat(action: str, name: str, row: Row) -> str:
    ports = f":{row['to-ports']}" if row.get("to-ports") else ""
    target = row.get("to-addresses", "") + ports
    if action == "masquerade" and name == "srcnat":
        return f"masquerade to {ports}" if ports else "masquerade"
    if action == "src-nat" and name == "srcnat" and target:
        return f"snat to {target}"
    if action == "dst-nat" and name == "dstnat" and target:
        return f"dnat to {target}"
    if action == "redirect" and name == "dstnat":
        return f"redirect to {ports}" if ports else "redirect"
    raise unsupported(f"action={action} in nat {name}")


def ruleset(router: Router, counted: Mapping[str, tuple[int, int]]) -> str:
    """Return the whole firewall, to be loaded in one transaction.

    Args:
        router: whose tables they are.
        counted: what the counters have counted so far, by label.

    """
    rules = {menu: router.table(f"ip firewall {menu}").enabled() for menu in MENUS}
    lines = [f"table ip {TABLE}", f"delete table ip {TABLE}", f"table ip {TABLE} {{"]
    lines += _sets(router)
    for menu in MENUS:
        for row in rules[menu]:
            packets, size = counted.get(label(menu, row), (0, 0))
            lines.append(f"  counter {label(menu, row)} {{ packets {packets} bytes {size} }}")
    for menu, rows in rules.items():
        own = {row["chain"] for row in rows} | {row["jump-target"] for row in rows if row.get("jump-target")}
        # A chain stands before the rules that jump to it.
        for name in sorted(own - HOOKS[menu].keys()):
            lines.append(f"  chain {chain(menu, name)} {{ }}")
        for name in (*sorted(own - HOOKS[menu].keys()), *HOOKS[menu]):
            hook = f" type {HOOKS[menu][name]}; policy accept;" if name in HOOKS[menu] else ""
            lines.append(f"  chain {chain(menu, name)} {{{hook}")
            lines += [f"    {rule(menu, row, label(menu, row))}" for row in rows if row["chain"] == name]
            lines.append("  }")
    return "\n".join([*lines, "}", ""])


def _sets(router: Router) -> Iterator[str]:
    """Yield the lists that rules speak of, those too that are empty."""
    addresses: dict[str, list[str]] = {}
    for menu in MENUS:
        for row in router.table(f"ip firewall {menu}").rows:
            for side in ("src", "dst"):
                if name := row.get(f"{side}-address-list", "").removeprefix("!"):
                    addresses.setdefault(name, [])
    for row in router.table("ip firewall address-list").enabled():
        addresses.setdefault(row["list"], []).append(row["address"])
    for name, members in addresses.items():
        elements = f" elements = {{ {', '.join(members)} }};" if members else ""
        yield f"  set {set_of('addresses', name)} {{ type ipv4_addr; flags interval; auto-merge;{elements} }}"
    for name in (row["name"] for row in router.table("interface list").rows):
        inside = sorted(f'"{each}"' for each in members_of(router, name))
        elements = f" elements = {{ {', '.join(inside)} }};" if inside else ""
        yield f"  set {set_of('interfaces', name)} {{ type ifname;{elements} }}"
