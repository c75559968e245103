"""The ways between hosts by their routes: within a site, by a tunnel, by one gateway, and by two."""

from __future__ import annotations

import pytest

import support
import unde
from unde.model import Estate
from unde.plan.routes import Hop, Routes

BASE = support.ROOT / "tests/golden/base.yml"
#: A second gateway, a tunnel between the two, and a host behind it that has no tunnel of its own.
TWO_GATEWAYS = {
    "sites": {"near": {"gateway": {"host": "door"}}},
    "hosts": {
        name: {"label": label, "site": "near", "address": address, "type": "cloud", "vcpu": 2, "ram_gb": 4, "disk_gb": 40, "roles": roles, "state": "create",
               "day": 2}
        for name, label, address, roles in (("door", "L9", "10.2.0.60", ["gateway"]), ("camera", "L10", "10.2.0.61", ["redis"]))
    },
    "tunnels": {"peers": {"wg-sites": {"near": "door", "far": "gw", "slot": 72}}},
    "services": {"video": {"hosts": ["camera"], "ports": [8554]}},
    "flows": {"video": {"from": ["etcd-2"], "to": ["video"]}},
}


@pytest.fixture(scope="module")
def base() -> Estate:
    """Return the smallest estate that has one of everything."""
    return support.estate(file=BASE)


@pytest.mark.parametrize(
    ("start", "end", "hops"),
    [
        ("app", "cache", [Hop("cache", None)]),
        ("app", "etcd-2", [Hop("gw", "wg-app"), Hop("etcd-2", None)]),
        ("etcd-2", "app", [Hop("gw", None), Hop("app", "wg-app")]),
        ("etcd-1", "etcd-3", [Hop("etcd-3", "wg-direct")]),
        ("app", "etcd-3", [Hop("gw", "wg-app"), Hop("etcd-3", "wg-third")]),
        ("app", "app", []),
    ],
)
def test_the_way(base: Estate, start: str, end: str, hops: list[Hop]) -> None:
    """A direct tunnel wins; otherwise the gateway's."""
    routes = Routes(base)
    assert routes.way(start, end) == tuple(hops)
    assert routes.carry(start, end)


def test_no_way() -> None:
    """Without its tunnel a host at a site that has no gateway reaches no other site, and nobody reaches it."""
    data = unde.load(BASE).data
    del data["tunnels"]["peers"]["wg-app"]
    routes = Routes(support.estate_of(data))
    assert routes.way("app", "etcd-2") is None
    assert routes.way("etcd-2", "app") is None
    assert not routes.carry("app", "etcd-2")
    assert routes.carry("cache", "etcd-2")


def test_two_gateways() -> None:
    """A tunnel between two gateways carries for the hosts behind both; that is how a flow between them is judged too."""
    data = support.merged(unde.load(BASE).data, TWO_GATEWAYS)
    estate = support.estate_of(data)
    assert Routes(estate).way("etcd-2", "camera") == (Hop("gw", None), Hop("door", "wg-sites"), Hop("camera", None))
    assert Routes(estate).way("camera", "etcd-2") == (Hop("door", None), Hop("gw", "wg-sites"), Hop("etcd-2", None))
    assert "flow-not-carried" not in {finding.rule for finding in unde.check(estate)}
    del data["tunnels"]["peers"]["wg-sites"]
    assert "flow-not-carried" in {finding.rule for finding in unde.check(support.estate_of(data))}
