"""Values as the router writes them back, whatever way the client wrote them; what is no value of a field is refused."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from .errors import Trap, invalid, unmatched
from .schema import Field

UNITS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?")
CLOCK = re.compile(r"(?:(?:(\d+)w)?(?:(\d+)d)?)(\d+):(\d\d)(?::(\d\d))?")
TRUE, FALSE = ("yes", "true"), ("no", "false")


def canonical(name: str, field: Field, value: str) -> str:
    """Return a value as the router writes it.

    Args:
        name: of the field, for the refusal.
        field: what it is.
        value: what the client sent.

    """
    if field.negatable and value.startswith("!"):
        return "!" + KINDS[field.kind](name, field, value[1:])
    return KINDS[field.kind](name, field, value)


def truth(name: str, _: Field, value: str) -> str:
    """Return true or false."""
    if value in TRUE:
        return "true"
    if value in FALSE:
        return "false"
    raise invalid(name)


def number(name: str, field: Field, value: str) -> str:
    """Return a number within its limits, or a word that may stand for one."""
    if value in field.words:
        return value
    if not value.isdecimal():
        # Some that the database calls numbers are lists or ranges of them.
        if re.fullmatch(r"[\d,:/-]+", value):
            return value
        raise invalid(name)
    if not field.least <= int(value) <= field.most:
        raise Trap(f"value of {name} out of range ({field.least}..{field.most})", 1)
    return str(int(value))


def milliseconds(value: str) -> int | None:
    """Return how long a duration is; None when it is none."""
    if value.isdecimal():
        return int(value) * 1000
    if clock := CLOCK.fullmatch(value):
        return sum(int(part or 0) * UNITS[unit] for part, unit in zip(clock.groups(), "wdhms", strict=True))
    if value and (spans := DURATION.fullmatch(value)):
        return sum(int(part or 0) * unit for part, unit in zip(spans.groups(), UNITS.values(), strict=True))
    return None


def lasting(total: int) -> str:
    """Return a duration of milliseconds as the router writes it."""
    parts = []
    for unit, size in UNITS.items():
        if total >= size:
            parts.append(f"{total // size}{unit}")
            total %= size
    return "".join(parts) or "0s"


def duration(name: str, _: Field, value: str) -> str:
    """Return a duration: 25 is 25s, 86400s is 1d."""
    total = milliseconds(value)
    if total is None:
        raise invalid(name)
    return lasting(total)


def word(name: str, field: Field, value: str) -> str:
    """Return words that are among those known; some fields take several."""
    if value and any(part not in field.words for part in value.split(",")):
        raise unmatched(name)
    return value


def flags(name: str, field: Field, value: str) -> str:
    """Return a set of words, in the order in which the router has them."""
    wanted = {part for part in value.split(",") if part}
    if strange := wanted - set(field.words):
        # A time of day stands before its days.
        if name == "time" and len(strange) == 1:
            return value
        raise unmatched(name)
    return ",".join(each for each in field.words if each in wanted)


def span(name: str, _: Field, value: str) -> str:
    """Return addresses of a rule: a network masked, a host without its length, a range as it is."""
    try:
        if "-" in value and not re.search("[a-zA-Z]", value):
            low, high = map(ipaddress.IPv4Address, value.split("-", 1))
            if high < low:
                raise invalid(name)
            return f"{low}-{high}"
        network = ipaddress.IPv4Network(value, strict=False)
    except ValueError:
        raise invalid(name) from None
    return str(network.network_address) if network.prefixlen == 32 else str(network)


def prefix(name: str, value: str) -> str:
    """Return one network with its length, whatever host was named in it."""
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise invalid(name) from None


def prefixes(name: str, _: Field, value: str) -> str:
    """Return a list of networks, each with its length."""
    return ",".join(prefix(name, each) for each in value.split(",")) if value else ""


def ports(name: str, _: Field, value: str) -> str:
    """Return a list of ports and ranges of them; 15 at most."""
    parts = value.split(",")
    for part in parts:
        ends = part.split("-")
        if len(ends) > 2 or not all(end.isdecimal() and int(end) < 65536 for end in ends) or int(ends[0]) > int(ends[-1]):
            raise invalid(name)
    if len(parts) > 15:
        raise invalid(name)
    return value


def mac(name: str, _: Field, value: str) -> str:
    """Return a hardware address in capitals with colons."""
    digits = re.sub(r"[:.-]", "", value)
    if not re.fullmatch(r"[0-9A-Fa-f]{12}", digits):
        raise invalid(name)
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2)).upper()


def text(_: str, __: Field, value: str) -> str:
    """Return what is only text."""
    return value


KINDS: dict[str, Callable[[str, Field, str], str]] = {
    "text": text, "bool": truth, "number": number, "duration": duration, "word": word, "flags": flags,
    "range": span, "prefixes": prefixes, "ports": ports, "mac": mac,
}  # fmt: skip
