"""A shard is added to the running estate while another one is written to.

No write fails, no host that was there restarts a process, and the run is green at once. Stands alone and last: the estate has a shard more
afterwards, and `.lab/set` says so, so that every later command on the lab sees it. Where it runs once more, it adds the next one.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lab
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import second_run

SET = lab.ROOT / ".lab/set"
COUNT = re.compile(r"shards\.count=(\d+)")
#: Of the site, and let in by every shard's pooler.
CLIENT = "local-orchestrator"
TABLE = "lab_growth.writes"
#: Reads how to connect from the first line of its input and writes until that ends; every second write by a session of its own, as a pool that comes
#: and goes. Nothing is tried again. Prints the writes that were acknowledged, those that failed with why, and the longest time between two, seconds.
WRITER = """
import json, select, sys, time, psycopg2
wish, number, failed, longest, last, kept = json.loads(sys.stdin.readline()), 0, [], 0.0, time.monotonic(), None
def session():
    made = psycopg2.connect(target_session_attrs="read-write", connect_timeout=10, **wish["options"])
    made.autocommit = True
    return made
while not select.select([sys.stdin], [], [], 0.05)[0]:
    number += 1
    try:
        kept = kept or session()
        used = session() if number % 2 else kept
        used.cursor().execute("INSERT INTO " + wish["table"] + " (number) VALUES (%s)", (number,))
        if used is not kept:
            used.close()
    except psycopg2.Error as error:
        failed.append([number, str(error).strip()])
        kept = None
        continue
    longest, last = max(longest, time.monotonic() - last), time.monotonic()
print(json.dumps({"written": number - len(failed), "failed": failed, "longest_s": round(max(longest, time.monotonic() - last), 2)}))
"""
MAKE = f"""
DROP SCHEMA IF EXISTS lab_growth CASCADE; CREATE SCHEMA lab_growth; CREATE TABLE {TABLE} (number bigint PRIMARY KEY);
GRANT USAGE ON SCHEMA lab_growth TO unde_app; GRANT SELECT, INSERT ON {TABLE} TO unde_app
"""
#: Settings that wait for a restart, and what the server had to say of parameters that a reload could not bring.
PENDING = "SELECT string_agg(name, ' ' ORDER BY name) FROM pg_settings WHERE pending_restart"
REFUSED = "grep -hF 'cannot be changed without restarting the server' /var/log/postgresql/postgresql-*-main.log || test $? = 1"


def password() -> str:
    """Return the application's password."""
    view = ["ansible-vault", "view", "--vault-password-file", str(lab.ROOT / ".lab/vault-password"), str(lab.ROOT / ".lab/vault.yml")]
    said = subprocess.run(view, text=True, capture_output=True, check=True).stdout
    return str(yaml.safe_load(said)["vault_postgres_shard_app_password"])


def use(assignments: str) -> None:
    """Have this process, what it starts and every later command on the lab see the estate with these assignments."""
    os.environ["UNDE_SET"] = assignments
    SET.write_text(assignments, encoding="utf-8")
    lab.plan.cache_clear()


def playbook(name: str) -> subprocess.CompletedProcess[str]:
    """Run a playbook on the lab."""
    return subprocess.run(["scripts/lab-playbook", name], cwd=lab.ROOT, text=True, capture_output=True, check=False)


def recap(said: str) -> dict[str, dict[str, int]]:
    """Return host → what a run's recap counts."""
    lines = re.findall(r"^(\S+)\s+: (ok=.*)$", said, re.MULTILINE)
    return {host: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", counts)} for host, counts in lines}


@pytest.fixture
def writer() -> Iterator[subprocess.Popen[str]]:
    """Write to the first shard through PgBouncer, from its application's host."""
    shard = lab.shards()[0]
    leader = lab.leader(shard)
    assert leader, "nobody leads the first shard"
    lab.sql(leader, MAKE)
    addresses = {host["name"]: host["address"] for host in lab.plan("hosts")}
    options = {
        "host": ",".join(addresses[member] for member in shard["members"]), "port": 6432, "dbname": "unde", "user": "unde_app", "password": password(),
        "sslmode": "verify-full", "sslrootcert": "/etc/unde/tls/ca.crt",
    }
    words = ["docker", "exec", "-i", lab.PREFIX + CLIENT, "python3", "-c", WRITER]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps({"options": options, "table": TABLE}) + "\n")
        process.stdin.flush()
        yield process
        process.stdin.close()
    lab.sql(lab.leader(shard) or leader, "DROP SCHEMA IF EXISTS lab_growth CASCADE")


def said_by(writer: subprocess.Popen[str]) -> dict[str, Any]:
    """End the writing and return what came of it."""
    out = writer.communicate(timeout=60)[0]
    assert writer.returncode == 0, out
    return dict(json.loads(out))


def test_a_shard_is_added_while_another_is_written_to(writer: subprocess.Popen[str], record_property: Any) -> None:
    was, old = os.environ.get("UNDE_SET", ""), lab.hosts()
    count = int((COUNT.search(was) or ["", "1"])[1])
    before = second_run.processes()
    use(COUNT.sub(f"shards.count={count + 1}", was) if COUNT.search(was) else ",".join(filter(None, [was, f"shards.count={count + 1}"])))
    new = [host for host in lab.hosts() if host not in old]
    assert new, "the layout with a shard more has no host more"

    hosts = playbook("molecule/estate/create.yml")
    assert hosts.returncode == 0, hosts.stdout[-4000:]
    done = playbook("site.yml")
    written = said_by(writer)
    counts = recap(done.stdout)
    assert done.returncode == 0, done.stdout[-6000:]
    # The run is green at once: on every host, the new ones and the old ones.
    bad = {host: each for host, each in counts.items() if any(each.get(key) for key in ("failed", "unreachable", "ignored", "rescued"))}
    assert (bad, sorted(set(lab.hosts()) - set(counts))) == ({}, [])

    assert written["failed"] == []
    assert written["written"] > 100
    assert int(lab.sql(lab.leader(lab.shards()[0]) or "", f"SELECT count(*) FROM {TABLE}")) == written["written"]
    print(f"{written['written']} writes while {', '.join(new)} came, none failed, longest time between two {written['longest_s']} s")
    for key, value in written.items():
        record_property(key, value)

    after = second_run.processes()
    restarted = {host: [line for line in before[host] if line not in after[host]] for host in before}
    assert {host: lines for host, lines in restarted.items() if lines} == {}

    grown = lab.shards()[-1]
    assert sorted(grown["members"]) == sorted(host for host in new if host in lab.hosts("postgres_shard"))
    states = sorted((member["Role"], member["State"]) for member in lab.patroni(grown["members"][0]))
    assert states == [("Leader", "running"), *[("Replica", "streaming")] * (len(grown["members"]) - 1)]
    # It was made with the parameters that Patroni holds.
    assert lab.everywhere(grown["members"], lambda host: lab.sql(host, PENDING, "postgres") + lab.run(host, REFUSED)) == dict.fromkeys(grown["members"], "")
