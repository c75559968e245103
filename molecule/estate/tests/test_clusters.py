"""The votes, the shards and what they kept since day 9."""

from __future__ import annotations

import json
import re
import time
import uuid

import lab
import pytest

from unde.plan import figures

SHARDS = {shard["name"]: shard for shard in lab.shards()}


def test_three_votes_are_healthy_and_there_is_one_leader() -> None:
    members = lab.hosts("etcd")
    health = json.loads(lab.run(members[0], "unde-etcdctl endpoint health --cluster --write-out json"))
    assert len(members) == 3
    assert sum(member["health"] for member in health) == 3, health
    status = json.loads(lab.run(members[0], "unde-etcdctl endpoint status --cluster --write-out json"))
    leaders = {member["Status"]["leader"] for member in status}
    assert len(leaders) == 1 and 0 not in leaders, leaders


def test_etcd_runs_with_the_timing_of_its_links() -> None:
    etcd = next(cluster for cluster in lab.plan("clusters") if cluster["kind"] == "etcd")["settings"]
    assert 0.5 * etcd["rtt_ms"] <= etcd["heartbeat_ms"] <= 1.5 * etcd["rtt_ms"]
    assert etcd["election_ms"] >= 10 * etcd["rtt_ms"]
    for member in lab.hosts("etcd"):
        said = lab.run(member, "tr '\\0' '\\n' < /proc/$(systemctl show -P MainPID etcd)/environ")
        assert f"ETCD_HEARTBEAT_INTERVAL={etcd['heartbeat_ms']}" in said.splitlines()
        assert f"ETCD_ELECTION_TIMEOUT={etcd['election_ms']}" in said.splitlines()


def test_a_heartbeat_weighs_what_the_plan_reckons_with() -> None:
    """Counted by the kernel on the connections from the leader to one of its members, headers of 52 bytes a packet included."""
    addresses = {host["name"]: host["address"] for host in lab.plan("hosts")}
    members = lab.hosts("etcd")
    status = {each["Endpoint"]: each["Status"] for each in json.loads(lab.run(members[0], "unde-etcdctl endpoint status --cluster --write-out json"))}
    leader = next(
        member for member in members for endpoint, each in status.items()
        if f"//{addresses[member]}:" in endpoint and each["leader"] == each["header"]["member_id"]
    )
    follower = next(member for member in members if member != leader)
    count = f"ss -tinHO '( sport = 2380 or dport = 2380 ) and dst {addresses[follower]}'"

    def carried() -> dict[str, int]:
        found = {}
        for line in lab.run(leader, count).splitlines():
            numbers = {name: int(value) for name, value in re.findall(r"\b(bytes_sent|bytes_received|segs_in|segs_out):(\d+)", line)}
            payload = numbers.get("bytes_sent", 0) + numbers.get("bytes_received", 0)
            # ss names a counter from one on: a connection that was opened just now has none yet.
            found[" ".join(line.split()[3:5])] = payload + 52 * (numbers.get("segs_in", 0) + numbers.get("segs_out", 0))
        return found

    settings = next(cluster for cluster in lab.plan("clusters") if cluster["kind"] == "etcd")["settings"]

    def weighed() -> float:
        before, began = carried(), time.monotonic()
        time.sleep(6)
        after, seconds = carried(), time.monotonic() - began
        return sum(bytes_ - before.get(connection, 0) for connection, bytes_ in after.items()) * settings["heartbeat_ms"] / (seconds * 1000)

    # What Patroni writes comes on top, now and then, and more often while the machine is busy: some time is quiet.
    expected, quietest = pytest.approx(figures.HEARTBEAT_BYTES, rel=0.25), weighed()
    for _ in range(9):
        if quietest == expected:
            break
        quietest = min(quietest, weighed())
    assert quietest == expected


@pytest.mark.parametrize("name", SHARDS)
def test_a_row_written_on_the_primary_is_on_the_standby(name: str) -> None:
    shard = SHARDS[name]
    leader = lab.leader(shard)
    assert leader, f"{name} has no writable member"
    mark = uuid.uuid4().hex
    lab.sql(leader, f"CREATE TABLE IF NOT EXISTS public.lab_marks (mark text PRIMARY KEY); INSERT INTO public.lab_marks VALUES ('{mark}')")
    for standby in (member for member in shard["members"] if member != leader):
        lab.until(
            f"{mark} on {standby}", lambda standby=standby: lab.sql(standby, f"SELECT 1 FROM public.lab_marks WHERE mark = '{mark}'") == "1", 15
        )


@pytest.mark.parametrize("name", SHARDS)
def test_patroni_leads_and_every_other_member_streams(name: str) -> None:
    shard = SHARDS[name]
    view = lab.patroni(shard["members"][0])
    assert sorted(member["Member"] for member in view) == sorted(shard["members"])
    roles = [(member["Role"], member["State"]) for member in view]
    assert roles.count(("Leader", "running")) == 1
    assert all(state == "streaming" for role, state in roles if role != "Leader"), roles


@pytest.mark.parametrize("name", SHARDS)
def test_what_day_9_wrote_is_there_after_day_11(name: str) -> None:
    """The schema's own record was written by the plain PostgreSQL of day 9; Patroni's cluster is the same one, and younger."""
    leader = lab.leader(SHARDS[name])
    assert leader
    identifier = lab.sql(leader, "SELECT system_identifier FROM pg_control_system()")
    first = float(lab.sql(leader, "SELECT extract(epoch FROM min(applied_at)) FROM unde.schema_version"))
    adopted = lab.run(leader, "stat -c %W /etc/patroni/config.yml")
    assert first < float(adopted), "the schema is younger than Patroni: the data was made anew"
    assert identifier == lab.run("local-etcd-1", f"unde-etcdctl get --print-value-only /service/{name}/initialize")
