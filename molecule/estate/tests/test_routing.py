"""Each site's own Redis names a shard's writable member, and follows it through a switchover."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import lab
import pytest
import yaml

VAULT, PASSWORD = lab.ROOT / ".lab/vault.yml", lab.ROOT / ".lab/vault-password"
WRITER, READER = "shards", "routing"  #: families of keys, and so users
FOLLOW_S, WHOLE_S = 5, 180


@cache
def passwords() -> dict[str, str]:
    """Return the lab's passwords of the Redis users."""
    view = ["ansible-vault", "view", "--vault-password-file", str(PASSWORD), str(VAULT)]
    plain = subprocess.run(view, text=True, capture_output=True, check=True).stdout
    return dict(yaml.safe_load(plain)["vault_redis_passwords"])


@cache
def kept() -> dict[str, dict[str, Any]]:
    """Return the Redis instances that keep the shards' routing, by their sites."""
    sites = {host["name"]: host["site"] for host in lab.plan("hosts")}
    return {
        sites[cluster["members"][0]]: cluster
        for cluster in lab.plan("clusters") if cluster["kind"] == "redis" and f"{cluster['name']}-{WRITER}" in passwords()
    }


def ask(cluster: dict[str, Any], user: str, *words: str) -> str:
    """Put a command to an instance as one of its users, whose password is on no command line."""
    command = f"read -r REDISCLI_AUTH; export REDISCLI_AUTH; redis-cli -p {cluster['settings']['port']} --user {user} {' '.join(words)}"
    return lab.run(cluster["members"][0], command, stdin=f"{passwords()[cluster['name'] + '-' + user]}\n")


def record(site: str, number: int = 0) -> dict[str, Any]:
    """Return what a site's Redis says of a shard, read as the site's services read it."""
    return dict(json.loads(ask(kept()[site], READER, "GET", f"routing:shard:{number}")))


def naming(site: str, member: str) -> dict[str, Any]:
    """Return a site's record, which must name a member that leads."""
    said = record(site)
    assert (said["member"], said["stale"]) == (member, False), said
    return said


def whole(shard: dict[str, Any]) -> bool:
    """Return whether every member but the leader streams."""
    return sorted(member["State"] for member in lab.patroni(shard["members"][0])) == sorted(["running", *["streaming"] * (len(shard["members"]) - 1)])


@pytest.fixture
def shard() -> Iterator[dict[str, Any]]:
    """Give the first shard, whole; whoever led it before leads it afterwards."""
    first = lab.shards()[0]
    lab.until("the shard is whole", lambda: whole(first), WHOLE_S)
    before = lab.leader(first)
    assert before
    yield first
    lab.until("the shard is whole again", lambda: whole(first), WHOLE_S, 2)
    now = lab.leader(first)
    if now and now != before:
        lab.switch_over(first, before)
    lab.until(f"{before} leads again, and the shard is whole", lambda: lab.leader(first) == before and whole(first), WHOLE_S, 2)


def test_each_site_has_its_own() -> None:
    assert sorted(kept()) == ["helsinki", "local"]
    assert len(lab.hosts("routing")) == 2


@pytest.mark.parametrize("number", range(len(lab.shards())))
def test_each_site_names_patroni_s_leader(number: int) -> None:
    shard = lab.shards()[number]
    addresses = {host["name"]: host["address"] for host in lab.plan("hosts")}
    leader = lab.leader(shard)
    for site in kept():
        said = record(site, number)
        assert (said["member"], said["address"], said["stale"]) == (leader, addresses[leader], False), site
    revision = lab.run("local-etcd-1", f"unde-etcdctl get /service/{shard['name']}/leader --write-out json")
    assert {record(site, number)["revision"] for site in kept()} == {int(json.loads(revision)["kvs"][0]["mod_revision"])}


def test_both_sites_follow_a_switchover(shard: dict[str, Any], record_property: Any) -> None:
    former = lab.leader(shard)
    assert former
    candidate = next(member for member in shard["members"] if member != former)
    before = {site: record(site)["epoch"] for site in kept()}
    lab.switch_over(shard, candidate)
    for site in kept():
        said = lab.until(f"Redis of {site} names {candidate}", partial(naming, site, candidate), FOLLOW_S, 0.1)
        assert said["epoch"] > before[site]
        record_property(site, said["since"])


def test_what_is_read_is_where_writes_are_taken() -> None:
    """The address that a site's Redis names is the writable member's own, at PgBouncer's port."""
    for site in kept():
        said = record(site)
        assert lab.sql(said["member"], "SELECT pg_is_in_recovery()", "postgres") == "f"
        assert lab.run(said["member"], f"ss -Hltn 'src {said['address']} and sport = {said['port']}' | wc -l") != "0"


@pytest.mark.parametrize("site", ["local", "helsinki"])
def test_a_flushed_key_comes_back_within_ten_seconds(site: str) -> None:
    before = record(site)
    assert ask(kept()[site], WRITER, "DEL", "routing:shard:0") == "1"
    assert lab.until(f"Redis of {site} has it again", partial(record, site), 10) == before
