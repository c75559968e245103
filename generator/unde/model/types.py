"""Scalar types of the layout: addresses, networks, names, and their messages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from netaddr import IPAddress, IPNetwork
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, StringConstraints

from ..errors import clipped
from .roles import RELEASES, ROLES

if TYPE_CHECKING:
    RoleName = str
    Release = str
else:
    RoleName = Literal[tuple(ROLES)]
    Release = Literal[tuple(RELEASES)]

SLOT = 256  #: addresses of a tunnel's slot, a /24
FEWEST_SLOTS, LAST_SLOT = 256, 4095  #: as many as any estate needs; each is a port, too
LAST_PORT = 65535
State = Literal["create", "deployed", "running"]

def parse_address(value: Any) -> IPAddress:
    """Return an IPv4 address.

    Raises:
        ValueError: the value is not four octets of 0 to 255; the message names the octet.

    """
    if isinstance(value, IPAddress):
        return value
    octets = str(value).split(".")
    if len(octets) != 4 or not all(re.fullmatch(r"0|[1-9][0-9]{0,2}", octet) for octet in octets):
        raise ValueError(f"'{clipped(value)}' is not an IPv4 address: write four octets, as in 10.2.0.10")
    for octet in octets:
        if int(octet) > 255:
            raise ValueError(f"octet {octet} of '{clipped(value)}' is larger than 255: write 0 to 255")
    return IPAddress(str(value))


def parse_network(value: Any) -> IPNetwork:
    """Return an IPv4 network.

    Raises:
        ValueError: the value is not an address and a prefix length, or has bits set behind the prefix.

    """
    if isinstance(value, IPNetwork):
        return value
    address, slash, prefix = str(value).partition("/")
    parse_address(address)
    if not slash:
        raise ValueError(f"'{clipped(value)}' has no prefix length: write one, as in 10.2.0.0/24")
    if not re.fullmatch(r"[0-9]{1,2}", prefix) or int(prefix) > 32:
        raise ValueError(f"the prefix length of '{clipped(value)}' is none: write 0 to 32")
    network = IPNetwork(str(value))
    if network.network != network.ip:
        raise ValueError(f"'{clipped(value)}' has bits set behind its prefix: the network is {network.cidr}")
    return network


def parse_place(value: Any) -> IPAddress | int:
    """Return the place of a pool: an address, or a number from 0 on.

    Raises:
        ValueError: the value is neither.

    """
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            raise ValueError(f"{value} is neither an address nor a slot: write four octets, or a number from 0 on")
        return value
    return parse_address(value)


Address = Annotated[IPAddress, PlainValidator(parse_address, json_schema_input_type=str), PlainSerializer(str, return_type=str)]
Network = Annotated[IPNetwork, PlainValidator(parse_network, json_schema_input_type=str), PlainSerializer(str, return_type=str)]
Place = Annotated[IPAddress | int, PlainValidator(parse_place, json_schema_input_type=str | int)]

#: A host or site name: a DNS label (RFC 1123), lower case.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
#: A bucket of an object storage; without dots, so that a certificate for one level of names covers it.
BucketName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$")]
#: A network interface name: the Linux kernel keeps 15 characters (IFNAMSIZ - 1).
DomainName = Annotated[str, StringConstraints(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$", max_length=253)]

InterfaceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,14}$")]
#: A name with the ordinal of a shard in it, as ``local-shard-{n}``.
Pattern = Annotated[str, StringConstraints(pattern=r"^([a-z0-9][a-z0-9-]*)?\{n\}([a-z0-9-]*[a-z0-9])?$", max_length=63)]
#: An interface name with the ordinal of a shard in it; ``{n}`` is as long as the longest ordinal, three digits.
InterfacePattern = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*\{n\}[a-z0-9-]*$", max_length=15)]
#: A name in PostgreSQL that needs no quotes; it keeps 63 bytes (NAMEDATALEN - 1).
SqlName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]*$", max_length=63)]
#: A block device, as udev names it.
DevicePath = Annotated[str, StringConstraints(pattern=r"^/dev/[A-Za-z0-9/_.:+-]+$")]
#: A folder of which systemd has to escape the dash alone.
MountPath = Annotated[str, StringConstraints(pattern=r"^(/[a-z0-9_][a-z0-9_-]*)+$")]
#: A commit of git, and a digest of a container image.
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Port = Annotated[int, Field(ge=1, le=65535)]
MOST = 1_000_000_000  #: of anything that an estate counts; what follows from it is still a number that software takes
Count = Annotated[int, Field(ge=0, le=MOST)]
Positive = Annotated[int, Field(ge=1, le=MOST)]
Day = Annotated[int, Field(ge=1, le=99)]
Share = Annotated[float, Field(ge=0.001, lt=1)]
Money = Annotated[float, Field(ge=0, le=MOST)]
GigabytesPerDay = Annotated[float, Field(ge=0, le=MOST)]

_WORDS: tuple[tuple[Any, str], ...] = (
    (Name, "lower-case letters, digits and dashes, at most 63, a letter or digit first and last, as local-etcd-1"),
    (BucketName, "lower-case letters, digits and dashes, 3 to 63, a letter or digit first and last"),
    (DomainName, "a full DNS name, without wildcards, as api.example.org"),
    (InterfaceName, "lower-case letters, digits and dashes, at most 15, a letter first, as wg-etcd"),
    (Pattern, "lower-case letters, digits and dashes around one {n}, as local-shard-{n}"),
    (InterfacePattern, "lower-case letters, digits and dashes around one {n}, a letter first, as wg-shard{n}"),
    (SqlName, "lower-case letters, digits and underscores, no digit first"),
)
#: Pattern → what it says, for messages.
FORMS: dict[str, str] = {kind.__metadata__[0].pattern: words for kind, words in _WORDS}


class Model(BaseModel):
    """Base of everything read from the layout: immutable, unknown keys and wrong types refused (YAML has types of its own).

    Validators raise ``ValueError("what is wrong: how to mend it")``; the reader makes a finding of the two halves.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, arbitrary_types_allowed=True, defer_build=True)
