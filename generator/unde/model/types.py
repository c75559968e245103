"""Scalar types of the layout: addresses, networks, names, and their messages."""

from __future__ import annotations

import re
from typing import Annotated, Any

from netaddr import AddrFormatError, IPAddress, IPNetwork
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, StringConstraints


def parse_address(value: Any) -> IPAddress:
    """Return an IPv4 address.

    Raises:
        ValueError: the value is not four octets of 0 to 255; the message names the octet.

    """
    if isinstance(value, IPAddress):
        return value
    octets = str(value).split(".")
    if len(octets) != 4 or not all(re.fullmatch(r"\d{1,3}", octet) for octet in octets):
        raise ValueError(f"'{value}' is not an IPv4 address: write four octets, as in 10.2.0.10")
    for octet in octets:
        if int(octet) > 255:
            raise ValueError(f"'{value}' is not an IPv4 address: octet {octet} is larger than 255")
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
    try:
        network = IPNetwork(str(value))
    except (AddrFormatError, ValueError) as error:
        raise ValueError(f"'{value}' is not a network: the prefix length must be 0 to 32") from error
    if not slash:
        raise ValueError(f"'{value}' is not a network: write its prefix length, as in 10.2.0.0/24")
    if network.network != network.ip:
        raise ValueError(f"'{value}' is not a network: it has host bits set; the network is {network.cidr}")
    return network


Address = Annotated[IPAddress, PlainValidator(parse_address, json_schema_input_type=str), PlainSerializer(str, return_type=str)]
Network = Annotated[IPNetwork, PlainValidator(parse_network, json_schema_input_type=str), PlainSerializer(str, return_type=str)]

#: A host or site name: a DNS label (RFC 1123), lower case.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
#: A network interface name: the Linux kernel keeps 15 characters (IFNAMSIZ - 1).
InterfaceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,14}$")]
#: A name with the ordinal of a shard in it, as ``local-shard-{n}``.
Pattern = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]*\{n\}[a-z0-9-]*$")]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
Count = Annotated[int, Field(ge=0, strict=True)]
Positive = Annotated[int, Field(ge=1, strict=True)]


class Model(BaseModel):
    """Base of everything read from the layout: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
