"""Who takes part in a drill."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.unde.infra.plugins.filter import drills


def test_the_first_at_each_site() -> None:
    groups = {"site_near": ["orchestrator", "persona"], "site_far": ["app"], "role_app": ["persona"]}
    assert drills.one_per_site(["persona", "orchestrator", "somebody-else", "app"], groups) == [
        {"name": "persona", "site": "near"},
        {"name": "app", "site": "far"},
    ]
    assert drills.one_per_site([], groups) == []


GROUPS = {
    "site_near": ["orchestrator", "redis", "shard-0", "etcd-1", "shard-1"],
    "site_far": ["gateway", "app", "replica-0", "etcd-2", "monitoring", "broker"],
    "site_witness": ["etcd-3"],
    "managed_etcd": ["etcd-1", "etcd-2", "etcd-3"],
    "managed_mikrotik_chr": ["gateway"],
    "managed_redis": ["redis", "broker"],
    "managed_prometheus": ["monitoring", "etcd-1"],
    "managed_wireguard_peer": ["orchestrator", "shard-0", "shard-1", "etcd-3"],
}
MEMBERS = ["shard-0", "replica-0"]


@pytest.mark.parametrize(
    ("place", "near", "far"),
    [
        ("leader", ["shard-0"], ["replica-0"]),
        ("etcd-leader", ["etcd-2"], ["etcd-2"]),
        ("near-vote", ["etcd-1"], ["etcd-2"]),
        ("two-votes", ["etcd-1", "etcd-2"], ["etcd-2", "etcd-1"]),
        ("witness", ["etcd-3"], ["etcd-3"]),
        ("gateway", ["gateway"], ["gateway"]),
        ("near-redis", ["redis"], ["broker"]),
        ("far-monitoring", ["monitoring"], ["etcd-1"]),
        ("near-site", GROUPS["site_near"], GROUPS["site_far"]),
        ("far-site", GROUPS["site_far"], GROUPS["site_near"]),
        ("near-tunnels", ["orchestrator", "shard-0", "shard-1"], None),
    ],
)
def test_what_a_fault_breaks_follows_whoever_leads(place: str, near: list[str], far: list[str] | None) -> None:
    """The same fault, with a leader at either site; and everyone whom it could break has to be in the run."""
    assert drills.drill_hosts(place, GROUPS, "shard-0", MEMBERS, "etcd-2") == near
    if far is None:
        with pytest.raises(AnsibleFilterError, match="no host for a fault at near-tunnels"):
            drills.drill_hosts(place, GROUPS, "replica-0", MEMBERS, "etcd-2")
    else:
        assert drills.drill_hosts(place, GROUPS, "replica-0", MEMBERS, "etcd-2") == far
    assert set(near) | set(far or ()) <= set(drills.drill_candidates(place, GROUPS, MEMBERS))


def test_any_vote_may_lead_by_then() -> None:
    assert drills.drill_candidates("etcd-leader", GROUPS, MEMBERS) == ["etcd-1", "etcd-2", "etcd-3"]
    assert drills.drill_candidates("witness", {**GROUPS, "managed_etcd": ["etcd-1"]}, MEMBERS) == []


def test_a_place_that_is_none() -> None:
    with pytest.raises(AnsibleFilterError, match="the-moon: a fault is at one of leader, "):
        drills.drill_hosts("the-moon", GROUPS, "shard-0", MEMBERS)


def test_what_the_loss_is_called() -> None:
    assert drills.drill_losses("host", ["etcd-1", "etcd-2"], GROUPS) == ["host:etcd-1", "host:etcd-2"]
    assert drills.drill_losses("site", GROUPS["site_near"], GROUPS) == ["site:near"]
    assert drills.drill_losses("", ["shard-0"], GROUPS) == []


def test_no_two_clients_write_for_one_user() -> None:
    assert drills.drill_users(["near", "far"], 2) == {"near": [1, 2, 3], "far": [1001, 1002, 1003]}


def test_which_vote_leads_it_says_itself() -> None:
    def status(member: int, leader: int) -> str:
        return json.dumps([{"Endpoint": "https://10.1.0.7:2379", "Status": {"header": {"member_id": member}, "leader": leader}}])

    assert drills.etcd_leader({"etcd-1": status(1, 2), "etcd-2": status(2, 2), "etcd-3": ""}) == "etcd-2"
    with pytest.raises(AnsibleFilterError, match="No member of etcd"):
        drills.etcd_leader({"etcd-1": status(1, 0)})
