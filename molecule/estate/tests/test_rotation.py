"""Secrets get new values on the running estate, and nobody notices: the services are well all the time, the former values are refused."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lab
import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from unde.plan.rotations import ROTATIONS

VAULT, PASSWORD = lab.ROOT / ".lab/vault.yml", lab.ROOT / ".lab/vault-password"

#: Service → host: those whose secrets are rotated here.
WATCHED = {"mood": "local-mood", "orchestrator": "local-orchestrator", "persona": "local-persona", "embed-batch": "embed-batch"}
CACHE, SHARD, PRODUCTION = "vault_redis_passwords/cache-mood", "vault_postgres_shard_app_password", "vault_core_database_passwords/production-embed_batch"

#: Asks a service for its health, and whether those it comes in to let it in, twice a second until stdin ends. Prints a line for each question to which not all
#: was well, in the end how many there were. One process on the host: that many `docker exec` would take the machine from whom they ask.
WATCH = """
import json, select, sys, urllib.request

def ask(path):
    with urllib.request.urlopen(f"http://{sys.argv[1]}{path}", timeout=20) as answer:
        return answer.read()

asked = 0
while not select.select([sys.stdin], [], [], 0.5)[0]:
    asked += 1
    try:
        ask("/health")
        came = json.loads(ask("/neighbours"))["neighbours"]
        ill = {name: each["said"] for name, each in came.items()
               if name.startswith(("REDIS_", "SHARD_SQL_", "PRODUCTION_SQL")) and each["asked"] and not each["well"]}
    except OSError as error:
        ill = {"itself": str(error)}
    if ill:
        print(json.dumps([asked, ill]))
print(json.dumps([asked, {}]))
"""
#: What is said where no answer came in time.
SLOW = ("timed out", "timeout expired")


#: How a member of Patroni speaks to another: with its host's certificate.
AS_A_HOST = "-X POST --cert /etc/unde/tls/host.crt --key /etc/unde/tls/host.key"

BY_HTTP = [
    ("vault_prometheus_operators_password", "prometheus", "operators", "https://{address}:9090/api/v1/query?query=up", ""),
    ("vault_alertmanager_operators_password", "alertmanager", "operators", "https://localhost:9093/api/v2/status", ""),
    ("vault_patroni_api_password", "patroni", "patroni", "https://{address}:8008/reload", AS_A_HOST),
]
#: Those of which each entry is a secret: some of them are rotated above. And those that take two runs, with somebody's work between them.
ENTRIES = {"vault_redis_passwords", "vault_core_database_passwords", "vault_object_storage_keys", "vault_app_service_given_secrets"}
REST = sorted(
    name for name, rotation in ROTATIONS.items()
    if name not in {SHARD, *ENTRIES, *(name for name, *_ in BY_HTTP)} and not rotation.given and not rotation.confirmed_by
    and any(lab.hosts(step.role) for step in rotation.steps)
)


class Hidden(dict[str, str]):
    """Secrets by name, which a failing test does not print."""

    def __repr__(self) -> str:
        return f"<{len(self)} secrets>"


def secrets() -> dict[str, Any]:
    """Return the lab's secrets as they are now."""
    return dict(yaml.safe_load(VaultLib([("default", VaultSecret(PASSWORD.read_bytes().strip()))]).decrypt(VAULT.read_bytes())))


def value(name: str) -> str:
    """Return a secret's value."""
    variable, _, entry = name.partition("/")
    found = secrets()[variable]
    return str(found[entry] if entry else found)


def command(*words: str) -> str:
    """Run a command of ours and return what it says.

    Raises:
        AssertionError: it failed; the text has the end of what it said.

    """
    done = subprocess.run(words, cwd=lab.ROOT, text=True, capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout[-3000:]}{done.stderr[-1000:]}"
    return done.stdout + done.stderr


def rotate(name: str) -> str:
    """Give a secret a new value and deliver it; return the former one. What an earlier run began is brought to its end."""
    begun = secrets().get("vault_former", {})
    former = str(begun.get(name) or value(name))
    said = "" if name in begun else command("scripts/secrets", "--rotate", name, str(VAULT), str(PASSWORD))
    said += command("scripts/lab-playbook", "playbooks/operate/rotate_secret.yml", "-e", f"secret={name}")
    told, kept, same = former in said or value(name) in said, name in secrets().get("vault_former", {}), value(name) == former
    assert not told, "the run told a secret"
    assert not kept, "the former value is still kept"
    assert not same
    return former


def processes() -> dict[str, str]:
    """Return service → its process."""
    return lab.everywhere(WATCHED, lambda service: lab.run(WATCHED[service], f"systemctl show --property MainPID --value unde-{service}"))


@contextmanager
def watched() -> Iterator[dict[str, list[str]]]:
    """Watch the services; what was not well is in the end in what it yields.

    Whoever is turned away once is not well. Who gets no answer in time has met a busy machine; twice in a row, an outage.
    """
    ill: dict[str, list[str]] = {service: [] for service in WATCHED}
    watching = {}
    for service, host in WATCHED.items():
        where = lab.run(host, f"sed -n s/^UNDE_LISTEN=//p /etc/unde/app/{service}/environment")
        watching[service] = subprocess.Popen(
            ["docker", "exec", "-i", lab.PREFIX + host, "sh", "-c", f"python3 -c {shlex.quote(WATCH)} {where}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
    try:
        yield ill
    finally:
        said = {service: process.communicate(timeout=60) for service, process in watching.items()}
    for service, (out, err) in said.items():
        lines = [json.loads(line) for line in out.splitlines()]
        assert lines and lines[-1][0] >= 10, f"{service}: too few questions to prove anything: {out}{err}"
        came = {number: what for number, what in lines if what}
        ill[service] += [
            f"{number}: {name}: {text}" for number, what in came.items() for name, text in what.items()
            if "authentication failed" in text or not any(slow in text for slow in SLOW) or name in came.get(number - 1, {})
        ]


@pytest.fixture(scope="module")
def former() -> Hidden:
    """Rotate three secrets of services that are in use, one after the other; return their former values."""
    before = processes()
    with watched() as ill:
        found = Hidden({name: rotate(name) for name in (CACHE, SHARD, PRODUCTION)})
    assert {service: said for service, said in ill.items() if said} == {}
    assert processes() == before, "a service was restarted"
    return found


def test_the_services_were_well_all_the_time(former: Hidden) -> None:
    """Asked twice a second; none was restarted, none is told a former value any more."""
    assert len(former) == 3
    told = lab.everywhere({*WATCHED.values(), "unde-app"}, lambda host: lab.run(host, "find /run/unde /etc/unde/app -name '*-former'"))
    assert set(told.values()) == {""}, told


def test_redis_refuses_the_former_password(former: Hidden) -> None:
    address = next(host["address"] for host in lab.plan("hosts") if host["name"] == "local-redis")
    ask = f"read -r REDISCLI_AUTH; export REDISCLI_AUTH; redis-cli -h {address} -p 6379 --user mood PING 2>&1 || true"
    assert "WRONGPASS" in lab.run("local-redis", ask, stdin=former[CACHE] + "\n")
    assert lab.run("local-redis", ask, stdin=value(CACHE) + "\n") == "PONG"


def test_databases_refuse_the_former_passwords(former: Hidden) -> None:
    """By the pooler, from where the service comes."""
    for name, user, host, service in ((SHARD, "unde_app", "local-orchestrator", "orchestrator"), (PRODUCTION, "embed_batch", "embed-batch", "embed-batch")):
        variable = "UNDE_SHARD_SQL_0" if user == "unde_app" else "UNDE_PRODUCTION_SQL"
        first = lab.run(host, f"sed -n 's/^{variable}=//p' /etc/unde/app/{service}/environment").split(",")[0]
        address, _, port = first.rpartition(":")
        program = (
            "import psycopg2, sys\n"
            f"psycopg2.connect(host='{address}', port={port}, dbname='unde', user='{user}', password=sys.stdin.read().strip(), "
            "sslmode='verify-full', sslrootcert='/etc/unde/tls/ca.crt', connect_timeout=5)\n"
        )
        said = lab.run(host, f'python3 -c "{program}" 2>&1 || true', stdin=former[name])
        assert "authentication failed" in said, said
        assert lab.run(host, f'python3 -c "{program}" 2>&1 || true', stdin=value(name)) == ""


@pytest.mark.parametrize(("name", "role", "user", "url", "how"), BY_HTTP, ids=[name for name, *_ in BY_HTTP])
def test_a_service_refuses_the_former_password(name: str, role: str, user: str, url: str, how: str) -> None:
    """By HTTP, on every host that has the role; the playbook has asked already, this asks by itself."""
    former = rotate(name)
    for host in (host for host in lab.plan("hosts") if role in host["roles"]):
        ask = (
            f"read -r password; printf 'user = \"{user}:%s\"' \"$password\" "
            f"| curl -s --config - -o /dev/null -w '%{{http_code}}' --cacert /etc/unde/tls/ca.crt {how} '{url.format(address=host['address'])}'"
        )
        assert lab.run(host["name"], ask, stdin=former + "\n") == "401", host["name"]
        assert lab.run(host["name"], ask, stdin=value(name) + "\n") in ("200", "202"), host["name"]


@pytest.mark.parametrize("name", REST)
def test_the_playbook_proves_every_other_one(name: str) -> None:
    """It ends well only where the new value lets in and the former one is refused; and the shards are whole then."""
    rotate(name)
    members = lab.patroni(lab.shards()[0]["members"][0])
    assert sorted(member["State"] for member in members) == ["running", *["streaming"] * (len(members) - 1)], members


def test_the_master_key_is_on_no_disk() -> None:
    """In no file of less than 16 MB of the hosts that have it, but in memory; the search knows the key, and is seen to find it where it is."""
    key = value("vault_postgres_shard_master_key")
    search = """
needle=$(mktemp -p /run needle.XXXXXX); tr -d '\\n' > $needle; trap 'rm -f $needle' EXIT
findmnt --noheadings --raw --output TARGET,FSTYPE | awk '$2 !~ /^(tmpfs|proc|sysfs|cgroup2?|mqueue|devpts|devtmpfs|ramfs)$/ { print $1 }' | sort -u \\
  | xargs -d '\\n' -I{} find {} -xdev -type f -size -16M ! -path '/proc/*' ! -path '/sys/*' ! -path '/usr/*' -print0 | xargs -0 -r grep -lFf $needle
grep -rlsFf $needle /run/unde | sed 's/^/memory: /'
true
"""
    found = lab.everywhere([*lab.hosts("postgres_shard"), "local-orchestrator", "unde-app"], lambda host: lab.run(host, search, stdin=key, timeout=120))
    for host, said in found.items():
        lines = said.splitlines()
        assert lines, f"{host} has no key at all"
        assert [line for line in lines if not line.startswith("memory: ")] == [], host
