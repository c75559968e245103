"""The host's program that ends connections which go another way than the rules of a MikroTik CHR gateway lead new ones."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from ipaddress import ip_network
from types import ModuleType

import pytest

from support import ROOT

CALLER, HOST = "203.0.113.7", "198.51.100.10"


@pytest.fixture(scope="module")
def program() -> ModuleType:
    loader = SourceFileLoader("unde_chr_strays", str(ROOT / "roles/mikrotik_chr/files/unde-chr-strays"))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    loaded = module_from_spec(spec)
    loader.exec_module(loaded)
    return loaded


def line(answers: str, protocol: str = "udp", source: str = CALLER, port: int = 51820) -> str:
    """Return a connection to the host as conntrack lists it, with who answers."""
    there = f"src={source} dst={HOST} sport=40000 dport={port}"
    return f"{protocol} 17 29 {there} [UNREPLIED] src={answers} dst={source} sport={port} dport=40000 mark=0 use=1"


@pytest.mark.parametrize(("listed", "ended"), [
    (line("192.0.2.2"), False),                                  # to the active guest
    (line("192.0.2.3"), True),                                   # to another one
    (line("192.0.2.3", protocol="tcp", port=8291), True),        # whoever manages it
    (line(HOST), True),                                          # to the host itself, by a tunnel's port
    (line(HOST, port=51821), False),                             # which is no tunnel's
    (line(HOST, protocol="tcp"), False),
    (line(HOST, source="192.0.2.2"), False),                     # a guest's own
    ("icmp 1 29 src=1.2.3.4 dst=5.6.7.8 type=8 code=0 id=1 src=5.6.7.8 dst=1.2.3.4 type=0 code=0 id=1", False),
])  # fmt: skip
def test_which_connections_are_ended(listed: str, ended: bool, program: ModuleType) -> None:
    found = list(program.strays(listed, "192.0.2.2", ip_network("192.0.2.0/29"), {"51820"}))
    assert bool(found) is ended
    if ended:
        words = listed.split()
        assert found == [["-p", words[0], "-s", CALLER, "-d", HOST, "--sport", "40000", "--dport", words[6].removeprefix("dport=")]]
