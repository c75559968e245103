"""What `unde check` passes, the software takes: values within the model's own forms, rendered as the roles do, judged by each program itself."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Any

import engine
import pytest
import yaml
from engine import Case, Rendered
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

import support
import unde
from unde.errors import InvalidLayout
from unde.model import Estate, schema
from unde.plan.inventory import Inventory

BASE = support.ROOT / "tests" / "golden" / "base.yml"
EXAMPLES = 10
#: One of everything that is rendered here, over the smallest estate.
SAMPLE: dict[str, Any] = yaml.safe_load("""
hosts:
  app: {roles: [app_service, nginx_gateway]}
  app-2: {label: L5, site: near, address: 10.2.0.6, type: cloud, vcpu: 2, ram_gb: 4, disk_gb: 40, roles: [nginx_gateway], state: create, day: 3}
  door: {label: L6, site: near, address: 10.2.0.7, type: cloud, vcpu: 2, ram_gb: 4, disk_gb: 40, roles: [balancer], state: create, day: 3}
  etcd-2: {roles: [etcd, prometheus, alertmanager], adopt: [etcd, prometheus, alertmanager, certificates, base, firewall]}
tunnels:
  peers: {wg-app-2: {near: app-2, far: gw, slot: 6}, wg-door: {near: door, far: gw, slot: 7}}
services:
  entry: {hosts: [app, app-2], entry: {names: [api.example.org], certificate: own, balancer: door, routes: [{path: /, port: 8020}]}}
  balancer-metrics: {hosts: ["role:balancer"], ports: [8405], metrics: true}
  tidy: {hosts: [app], ports: [8031], app: {version: "1", command: [bin/tidy, "--told=it's a word"], memory_mb: 64, cpu_share: 0.1}}
  messengers: {external: Telegram, names: [api.telegram.org], ports: [443]}
flows:
  scrape: {from: ["role:prometheus"], to: [node-exporter, etcd-client, redis-exporter, postgres-exporter, balancer-metrics]}
  alerts: {from: ["role:alertmanager"], to: [messengers]}
""")


def field(model: type[schema.Layout] | type[Any], name: str) -> st.SearchStrategy[Any]:
    """Return what the model itself allows a field: its pattern, its range; null where it may be left out is not drawn."""
    info: FieldInfo = model.model_fields[name]
    return of(info.annotation, list(info.metadata))


def of(annotation: Any, metadata: list[Any]) -> st.SearchStrategy[Any]:
    """Return the values of an annotation with its constraints."""
    while typing.get_origin(annotation) is typing.Annotated:
        annotation, *more = typing.get_args(annotation)
        metadata = [*metadata, *more]
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return of(next(each for each in typing.get_args(annotation) if each is not type(None)), metadata)
    if typing.get_origin(annotation) is list:
        return st.lists(of(typing.get_args(annotation)[0], []), max_size=3)
    if typing.get_origin(annotation) is typing.Literal:
        return st.sampled_from(typing.get_args(annotation))
    kinds, every = ("pattern", "ge", "gt", "le", "lt", "max_length"), list(_flat(metadata))
    limits = {key: getattr(each, key) for each in every for key in kinds if getattr(each, key, None) is not None}
    if annotation is int:
        low, high = limits.get("ge", 0), limits["le"]
        return st.one_of(st.sampled_from([low, high]), st.integers(low, high))
    if annotation is float:
        low, high = limits.get("ge", limits.get("gt", 0)), limits.get("le", limits.get("lt", 1))
        return st.floats(low, high, exclude_min="gt" in limits, exclude_max="lt" in limits)
    return st.from_regex(limits["pattern"].replace("$", r"\Z"), fullmatch=True).filter(lambda text: len(text) <= limits.get("max_length", 255))


def _flat(metadata: list[Any]) -> Iterator[Any]:
    """Yield constraints, those inside a Field too."""
    for each in metadata:
        yield from _flat(each.metadata) if isinstance(each, FieldInfo) else [each]


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a change of the sample: for each file of a program some values of its fields."""
    name, slot = of(*_annotated(schema.Layout, "services")), st.integers(200, 255)
    families = {
        draw(name): {
            **{key: draw(field(schema.KeyFamily, key)) for key in ("prefix", "reads", "channels")},
            **draw(st.sampled_from([{"ttl_s": draw(field(schema.KeyFamily, "ttl_s"))}, {"access": "cache"}, {"access": "map"}, {"access": "queue"}])),
        }
        for _ in range(draw(st.integers(1, 3)))
    }
    counting = {
        draw(name): {key: draw(field(schema.KeyFamily, key)) for key in ("prefix", "ttl_s")} | {"access": draw(st.sampled_from(["counter", "pending"]))}
    }
    limits, timeouts = schema.EntryLimits, schema.EntryTimeouts
    flow, service = draw(name), draw(name)
    ttl = draw(st.integers(40, 3600))
    return {
        "clusters": {
            "etcd": {"token": draw(field(schema.EtcdCluster, "token")), "quota_backend_mb": draw(field(schema.EtcdCluster, "quota_backend_mb"))},
            "patroni": {"ttl": ttl, "loop_wait": ttl // 4, "retry_timeout": ttl // 4},
            "postgres": {"wal": {"slot_share": draw(st.floats(0.05, 0.45)), "archive_share": draw(st.floats(0.05, 0.45)), "alert_gb": 1}},
            "pgbouncer": {
                "pool_size": draw(st.integers(1, 60)), "max_client_connections": draw(st.integers(100, 65535)),
                "max_prepared_statements": draw(field(schema.PgbouncerCluster, "max_prepared_statements")),
            },
            "pgbackrest": {key: draw(field(schema.PgbackrestCluster, key)) for key in ("path", "retention_full")},
            "redis": {
                "cache": {"families": families, "memory_share": draw(st.floats(0.01, 0.5)), "policy": draw(field(schema.RedisInstance, "policy"))},
                draw(st.sampled_from(["limits", "a-very-long-name-of-an-instance"])): {
                    "host": "cache", "port": draw(st.integers(6380, 8000)), "memory_share": 0.1, "policy": "noeviction", "persistence": "aof",
                    "families": counting,
                },
            },
        },
        "tunnels": {
            "keepalive_s": draw(field(schema.Tunnels, "keepalive_s")), "mtu": draw(st.integers(1280, 1440)),
            "peers": {draw(of(*_annotated(schema.Tunnels, "peers"))): {"near": "app-2", "far": "gw", "slot": draw(slot)}, "wg-app-2": None},
        },
        "services": {
            service: {"hosts": ["app"], "ports": draw(st.lists(field(schema.App, "local_port"), min_size=1, max_size=4, unique=True))},
            "tidy": {"app": {
                **{key: draw(field(schema.App, key)) for key in ("version", "health", "cpu_share", "start_s", "stop_s")},
                "memory_mb": draw(st.integers(16, 512)), "command": draw(st.lists(of(*_annotated(schema.App, "command")), min_size=1, max_size=5)),
            }},
            "messengers": {"names": [draw(domain()), draw(domain())]},
            "entry": {
                "entry": {
                    "names": draw(st.lists(domain(), min_size=1, max_size=3, unique=True)), "health": draw(field(schema.Entry, "health")),
                    "routes": [{key: draw(field(schema.EntryRoute, key)) for key in ("path", "port")} | {"websocket": draw(st.booleans())}],
                    "limits": {key: draw(field(limits, key)) for key in limits.model_fields},
                    "timeouts": {key: draw(field(timeouts, key)) for key in timeouts.model_fields},
                },
            },
        },
        "flows": {flow: {"from": ["cache", "operators"], "to": [service]}},
    }


def domain() -> st.SearchStrategy[str]:
    """Return names as the model allows them; short ones, with one of the longest among them."""
    longest = ".".join(["a" * 62] * 3 + ["b" * 50, "org"])
    return st.one_of(st.from_regex(r"([a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?\.){1,3}[a-z]{2,6}", fullmatch=True), st.just(longest))


def _annotated(model: type[Any], name: str) -> tuple[Any, list[Any]]:
    """Return the annotation of a mapping's keys, or of a list's items."""
    return typing.get_args(model.model_fields[name].annotation)[0], []


def estate_of(change: dict[str, Any]) -> Estate | None:
    """Return the estate with a change laid over the sample; None where `unde check` refuses it."""
    data = support.merged(support.merged(yaml.safe_load(BASE.read_text(encoding="utf-8")), SAMPLE), change)
    data["tunnels"]["peers"] = {name: peer for name, peer in data["tunnels"]["peers"].items() if peer is not None}
    try:
        estate = support.estate_of(data)
        unde.refuse_errors(estate)
    except InvalidLayout:
        return None
    return estate


def generated() -> tuple[list[tuple[dict[str, Any], Estate]], int]:
    """Return changes that `unde check` passes, always the same ones, and how many it refused."""
    passed: list[tuple[dict[str, Any], Estate]] = []
    tried = [0]

    @settings(max_examples=EXAMPLES * 2, derandomize=True, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(changes())
    def collect(change: dict[str, Any]) -> None:
        if len(passed) < EXAMPLES:
            tried[0] += 1
            estate = estate_of(change)
            if estate is not None:
                passed.append((change, estate))

    collect()
    return passed, tried[0] - len(passed)


def cases(number: str, estate: Estate, about: Any = None) -> Iterator[Case]:
    """Yield what the programs are asked about one estate."""
    plan = unde.inventory(estate)
    for host in ("app", "cache", "etcd-2", "shard-0", "app-2"):
        yield Case(f"nft-{host}-{number}", {"a.nft": Rendered(estate, plan, host, "firewall").file("firewall.nft.j2")}, "nft -c -f a.nft", about)
    yield Case(f"nft-gw-{number}", {"a.nft": Rendered(estate, plan, "gw", "gateway").file("gateway.nft.j2")}, "nft -c -f a.nft", about)
    yield from _system(number, estate, plan, about)
    yield from _redis(number, estate, plan, about)
    yield from _databases(number, estate, plan, about)
    yield from _monitoring(number, estate, plan, about)
    yield from _web(number, estate, plan, about)
    yield from _tunnels(number, estate, plan, about)


def _system(number: str, estate: Estate, plan: Inventory, about: Any) -> Iterator[Case]:
    yield Case(f"sshd-{number}", {"a.conf": Rendered(estate, plan, "app", "base").file("sshd.conf.j2")}, "sshd -t -f a.conf", about)
    apps = Rendered(estate, plan, "app", "app_service")
    [service] = apps.variables["app_service_services"]
    files = {"a.service": apps.file("service.unit.j2", service=service), "run": apps.file("run.j2", service=service)}
    # Its programs come with the release; systemd says what it ignores, and ends well.
    verify = "sed -i -E 's#^(ExecStart|ExecStartPre)=.*#\\1=/bin/true#' a.service; systemd-analyze verify @/a.service > said 2>&1; cat said; [ ! -s said ]"
    yield Case(f"systemd-{number}", files, verify, about)
    # What the program is called with is what is written.
    program, *words = service["command"]
    told = {"run": files["run"], "echo": '#!/bin/sh\nprintf "%s\\n" "$@"\n', "program": program, "words": "".join(f"{word}\n" for word in words) or "\n"}
    call = 'to="./$(cat program)"; mkdir -p -- "$(dirname -- "$to")"; cp -- echo "$to"; chmod -- 755 "$to"; sh ./run > told; cmp told words'
    yield Case(f"command-{number}", told, call, about)


def _redis(number: str, estate: Estate, plan: Inventory, about: Any) -> Iterator[Case]:
    role = Rendered(estate, plan, "cache", "redis")
    for place, instance in enumerate(role.variables["redis_instances"]):
        passwords = {f"{instance['name']}-{user}": "x" for user in ("admin", "monitor", *(family["name"] for family in instance["families"]))}
        files = {
            "a.conf": role.file("redis.conf.j2", instance=instance), "a.acl": role.file("users.acl.j2", instance=instance, redis_passwords=passwords),
            "a.lua": role.file("unde.lua.j2", instance=instance),
        }
        name = f"redis-{place}-{number}"
        # Its own file, but for where it listens and keeps.
        start = (
            "sed -i 's#^dir .*#dir @#' a.conf; touch log; redis-server a.conf --port 0 --bind 127.0.0.1 --unixsocket @/s "
            "--aclfile @/a.acl --pidfile @/pid --logfile @/log & p=$!; while [ ! -S s ] && kill -0 $p 2>/dev/null; do sleep 0.1; done; "
            "c='redis-cli -s s --user admin --pass x --no-auth-warning'; $c ping | grep -q PONG || { cat log; kill $p; exit 1; }; "
            "$c -x FUNCTION LOAD < a.lua | grep -q '^unde$'; ok=$?; $c shutdown nosave; exit $ok"
        )
        yield Case(name, files, start, about)


def _databases(number: str, estate: Estate, plan: Inventory, about: Any) -> Iterator[Case]:
    pooler = Rendered(estate, plan, "shard-0", "pgbouncer")
    files = {file: pooler.file(f"{file}.j2", pgbouncer_auth_password="x") for file in ("pgbouncer.ini", "listen.ini", "pg_hba.conf", "userlist.txt")}
    # It has no way to be asked alone: it starts, on the loopback, and is ended.
    start = (
        "sed -i 's#/etc/pgbouncer#@#; s#^unix_socket_dir.*#unix_socket_dir = @#' pgbouncer.ini; sed -i 's/^listen_addr.*/listen_addr = 127.0.0.1/' listen.ini; "
        "chmod 777 .; touch log; setpriv --reuid=65534 --clear-groups pgbouncer pgbouncer.ini >log 2>&1 & p=$!; "
        "until grep -qE 'process up|FATAL|ERROR' log || ! kill -0 $p 2>/dev/null; do sleep 0.1; done; kill $p; wait $p; "
        "grep -q 'process up' log && ! grep -E 'FATAL|ERROR|WARNING' log || { cat log; exit 1; }"
    )
    yield Case(f"pgbouncer-{number}", files, start, about)
    shard, leader = Rendered(estate, plan, "shard-0", "postgres_shard"), Rendered(estate, plan, "shard-0", "patroni")
    as_postgres, program = "setpriv --reuid=postgres --clear-groups", "/usr/lib/postgresql/17/bin/postgres"
    yield Case(
        f"postgres-{number}", {"a.conf": shard.file("unde.conf.j2")},
        f"mkdir -p d; chmod 700 d; echo 17 > d/PG_VERSION; chown -R postgres d; {as_postgres} {program} -C max_connections -D @/d --config-file=@/a.conf",
        about,
    )
    passwords = {f"patroni_{name}_password": "x" for name in ("api", "replicator", "rewind")}
    # It asks whether etcd answers and whether the data is there, too: not here.
    yield Case(
        f"patroni-{number}", {"a.yml": leader.file("config.yml.j2", **passwords)},
        "mkdir -p d; patroni --validate-config --ignore-listen-port a.yml 2>&1 | grep -vE 'is not reachable|does not contain' > said; cat said; [ ! -s said ]",
        about,
    )
    backup = Rendered(estate, plan, "shard-0", "pgbackrest")
    stanza = backup.variables["pgbackrest_stanza"]
    yield Case(
        f"pgbackrest-{number}", {"a.conf": backup.file("pgbackrest.conf.j2", pgbackrest_cipher_pass="x")},
        # Nothing is there to expire: what is wrong with an option, it says before (31 to 39), and warns of what it does not know.
        "mkdir none; for each in info expire; do pgbackrest --config=@/a.conf "
        f"--config-include-path=@/none --log-path=@ --lock-path=@ --stanza={stanza} $each; "
        "done 2>&1 | tee said; ! grep -E 'ERROR: .03[0-9]|WARN' said", about,
    )
    member = Rendered(estate, plan, "etcd-1", "etcd")
    first = {"cluster": f"etcd-1=https://127.0.0.1:{member.variables['etcd_peer_port']}", "state": "new"}
    address = str(estate.hosts["etcd-1"].address)
    files = {"a.env": (member.file("etcd.env.j2") + "\n" + member.file("identity.env.j2", __etcd_first_start=first)).replace(address, "127.0.0.1")}
    # As systemd reads the file: lines of KEY=value, nothing expanded. The only member of its cluster is ready at once.
    start = (
        "set -f; grep '^ETCD_' a.env | grep -v DATA_DIR > lines; touch log; env -i ETCD_DATA_DIR=@/data $(cat lines) etcd >log 2>&1 & p=$!; "
        "until grep -q 'ready to serve client' log || ! kill -0 $p 2>/dev/null; do sleep 0.1; done; kill $p 2>/dev/null; wait $p; "
        "grep -q 'ready to serve client' log || { tail -5 log; exit 1; }"
    )
    yield Case(f"etcd-{number}", files, start, about)


def _monitoring(number: str, estate: Estate, plan: Inventory, about: Any) -> Iterator[Case]:
    looks, tells = Rendered(estate, plan, "etcd-2", "prometheus"), Rendered(estate, plan, "etcd-2", "alertmanager")
    files = {"prometheus.yml": looks.file("prometheus.yml.j2"), "thresholds.yml": looks.file("thresholds.yml.j2"), "peers.yml": looks.file("peers.yml.j2")}
    yield Case(f"promtool-{number}", files, "promtool check config --syntax-only prometheus.yml && promtool check rules thresholds.yml peers.yml", about)
    told = {"alertmanager_telegram_token": "1:x", "alertmanager_telegram_chat_id": -5, "alertmanager_slack_url": "https://hooks.slack.com/x"}
    yield Case(f"amtool-{number}", {"a.yml": tells.file("alertmanager.yml.j2", **told)}, "amtool check-config a.yml", about)


def _web(number: str, estate: Estate, plan: Inventory, about: Any) -> Iterator[Case]:
    entry = Rendered(estate, plan, "app", "nginx_gateway").file("nginx.conf.j2")
    yield Case(f"nginx-{number}", {"a.conf": entry}, "sed -i 's#/run/nginx.pid#@/pid#' a.conf; nginx -t -q -c @/a.conf", about)
    door = Rendered(estate, plan, "door", "balancer").file("haproxy.cfg.j2")
    yield Case(f"haproxy-{number}", {"a.cfg": door}, "haproxy -c -q -f a.cfg", about)


def _tunnels(number: str, estate: Estate, plan: Inventory, about: Any) -> Iterator[Case]:
    end = Rendered(estate, plan, "app-2", "wireguard_peer")
    tunnel = end.variables["wireguard_peer_tunnels"][0]
    key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    text = end.file("tunnel.conf.j2", tunnel=tunnel, __wireguard_peer_far_keys={tunnel["interface"]: key})
    name = tunnel["interface"]
    # There is no such interface: what is left to complain of is the file.
    yield Case(
        f"wg-{number}", {f"{name}.conf": text},
        f"wg-quick strip @/{name}.conf > stripped && {{ wg setconf {name} stripped 2>&1 || true; }} | tee said; "
        "! grep -qiE 'unrecogni|pars|invalid' said", about,
    )


@pytest.fixture(scope="module")
def container() -> Iterator[str]:
    """Return the container with the software."""
    name = engine.started()
    yield name
    engine.ended(name)


def test_what_check_passes_the_software_takes(container: str) -> None:
    """Redis, PostgreSQL, Patroni, PgBouncer, pgBackRest, etcd, nftables, Prometheus, Alertmanager, nginx, HAProxy, WireGuard, sshd, systemd, the shell."""
    passed, refused = generated()
    assert len(passed) >= EXAMPLES // 2, f"{len(passed)} of {refused + len(passed)} are passed by unde check"
    sample = estate_of({})
    assert sample is not None
    asked = [*cases("sample", sample), *(case for number, (change, estate) in enumerate(passed) for case in cases(str(number), estate, change))]
    found = engine.refused(container, asked)
    told = {case.name: case.about for case in asked}
    assert not found, "\n".join(f"{name}: {said}\n{yaml.safe_dump(told[name])}" for name, said in sorted(found.items())[:5])


#: Checker → what is planted into which of its files.
PLANTED = {
    "nft-app": ("a.nft", 'comment "established"', f'comment "{"x" * 129}"'), "nft-gw": ("a.nft", "policy drop", "policy dorp"),
    "redis-0": ("a.acl", "user monitor", "user default"), "redis-1": ("a.lua", "] = ", "]] = "),
    "pgbouncer": ("pgbouncer.ini", "max_client_conn = ", "max_client_conn = x"), "pgbackrest": ("a.conf", "repo1-path=/", "repo1-path="),
    "etcd": ("a.env", "ETCD_HEARTBEAT_INTERVAL=", "ETCD_HEARTBEAT_INTERVAL=x"), "promtool": ("prometheus.yml", "scrape_interval: ", "scrape_interval: x"),
    "amtool": ("a.yml", "route:", "rout:"), "nginx": ("a.conf", "proxy_pass ", "proxy_past "), "haproxy": ("a.cfg", "timeout connect ", "timeout connect x"),
    "sshd": ("a.conf", "MaxAuthTries ", "MaxAuthTrys "), "systemd": ("a.service", "MemoryMax=", "MemoryMax=x"), "command": ("run", "told", "tell"),
    "postgres": ("a.conf", "max_connections = '", "max_connections = 'x"), "patroni": ("a.yml", "scope: ", "scop: "),
    "wg": (None, "PersistentKeepalive = ", "PersistentKeepalive = 7"),
}


def test_each_program_refuses_what_is_planted(container: str) -> None:
    """None of them would accept anything: one bad word each, in the sample's own file."""
    families = {"hits": {"prefix": "hits:", "ttl_s": 60, "access": "counter"}}
    limits = {"host": "cache", "port": 6380, "memory_share": 0.1, "policy": "noeviction", "persistence": "aof", "families": families}
    estate = estate_of({"tunnels": {"keepalive_s": 65535}, "clusters": {"redis": {"limits": limits}}})
    assert estate is not None
    planted = []
    for case in cases("planted", estate):
        kind = case.name.removesuffix("-planted")
        if kind not in PLANTED:
            continue
        file, old, new = PLANTED[kind]
        name = file or next(iter(case.files))
        assert old in case.files[name], (kind, case.files[name])
        planted.append(Case(case.name, {**case.files, name: case.files[name].replace(old, new, 1)}, case.command))
    assert {case.name.removesuffix("-planted") for case in planted} == set(PLANTED)
    assert set(engine.refused(container, planted)) == {case.name for case in planted}
