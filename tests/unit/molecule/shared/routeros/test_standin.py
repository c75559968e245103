"""The RouterOS stand-in of the tests, in this process and without Linux underneath: what it refuses and what it writes back."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import librouteros
import pytest
from librouteros.exceptions import FatalError, LibRouterosError, TrapError
from routeros_lab import ROOM, VERSION, Lab, Schema, dumped
from standin import keys

from support import run

KEY, PEER = (keys.public(keys.generate()) for _ in range(2))


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    return dumped(tmp_path_factory.mktemp("routeros") / "schema.json")


@pytest.fixture
def lab(schema: Schema, tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(schema, tmp_path / "router.json")
    yield lab
    lab.off()
    lab.loop.call_soon_threadsafe(lab.loop.stop)


@pytest.fixture
def api(lab: Lab) -> librouteros.api.Api:
    return lab.client()


def do(api: librouteros.api.Api, command: str, **arguments: Any) -> list[dict[str, Any]]:
    return list(api(command, **{name.replace("_", "-"): value for name, value in arguments.items()}))


def add(api: librouteros.api.Api, menu: str, **arguments: Any) -> str:
    done = do(api, f"/{menu.replace(' ', '/')}/add", **arguments)
    return str(done[0]["ret"])


def rows(api: librouteros.api.Api, menu: str) -> list[dict[str, Any]]:
    return do(api, f"/{menu.replace(' ', '/')}/print")


def one(api: librouteros.api.Api, menu: str, number: str) -> dict[str, Any]:
    return next(row for row in rows(api, menu) if row[".id"] == number)


def tunnel(api: librouteros.api.Api) -> None:
    add(api, "interface wireguard", name="wg-a", listen_port=51820)


# ---- who gets in


def test_begins_as_a_new_router_does(api: librouteros.api.Api) -> None:
    assert rows(api, "system resource")[0]["version"] == f"{VERSION} (stable)"
    assert rows(api, "system identity")[0]["name"] == "MikroTik"
    assert [(row["name"], row["group"]) for row in rows(api, "user")] == [("admin", "full")]
    services = {row["name"]: row for row in rows(api, "ip service") if not row["dynamic"]}
    assert {name: row["port"] for name, row in services.items() if not row["disabled"]} == {
        "telnet": 23, "ftp": 21, "www": 80, "ssh": 22, "api": 8728, "api-ssl": 8729, "winbox": 8291,
    }  # fmt: skip
    assert rows(api, "ip dhcp-client")[0]["interface"] == "ether1"


@pytest.mark.parametrize(("user", "password"), [("admin", "guess"), ("nobody", "")])
def test_refuses_a_wrong_password(lab: Lab, user: str, password: str) -> None:
    with pytest.raises(TrapError, match="invalid user name or password"):
        lab.client(user, password)


def test_refuses_commands_before_the_login(lab: Lab) -> None:
    with socket.create_connection(("127.0.0.1", lab.ports[8728]), 5) as raw:
        raw.sendall(b"\x0b/user/print\x00")
        assert b"not logged in" in raw.recv(200)


def test_a_user_may_what_its_group_may(lab: Lab, api: librouteros.api.Api) -> None:
    add(api, "user group", name="scrape", policy="read,api")
    add(api, "user", name="prom", group="scrape", password="long enough")
    tunnel(api)
    reader = lab.client("prom", "long enough")
    assert rows(reader, "interface wireguard")[0]["private-key"] == "*****"
    with pytest.raises(TrapError, match="not enough permissions"):
        do(reader, "/system/identity/set", name="mine")
    do(api, "/user/disable", numbers="prom")
    with pytest.raises(TrapError, match="invalid user name or password"):
        lab.client("prom", "long enough")


def test_a_user_comes_only_from_its_networks(lab: Lab, api: librouteros.api.Api) -> None:
    add(api, "user", name="far", group="full", password="x", address="10.2.0.0/24")
    add(api, "user", name="near", group="full", password="x", address="127.0.0.0/8")
    assert rows(lab.client("near", "x"), "user")
    with pytest.raises(TrapError, match="invalid user name or password"):
        lab.client("far", "x")


def test_a_password_is_never_shown_nor_kept(lab: Lab, api: librouteros.api.Api) -> None:
    add(api, "user", name="ops", group="full", password="correct horse")
    assert "password" not in rows(api, "user")[1]
    assert "correct horse" not in lab.state.read_text()
    assert lab.state.stat().st_mode & 0o777 == 0o600
    do(api, "/user/set", numbers="ops", password="battery staple")
    assert lab.client("ops", "battery staple")
    with pytest.raises(TrapError):
        lab.client("ops", "correct horse")


# ---- services


def test_a_service_follows_its_settings_at_once(lab: Lab, api: librouteros.api.Api) -> None:
    def reachable(port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", lab.ports[port])) == 0

    assert reachable(8291)
    do(api, "/ip/service/set", numbers="winbox", disabled="yes")
    assert not reachable(8291)
    do(api, "/ip/service/set", numbers="api", port=8700)
    assert not reachable(8728)
    assert rows(api, "ip service"), "the session that did it goes on"
    assert rows(lab.client(port=8700), "ip service")


def test_a_service_admits_only_its_networks(lab: Lab, api: librouteros.api.Api) -> None:
    do(api, "/ip/service/set", numbers="api", address="10.2.0.0/24,127.0.0.2/32")
    with pytest.raises((LibRouterosError, OSError)):
        lab.client()
    assert rows(api, "user"), "who is in stays in"
    with socket.create_connection(("127.0.0.1", lab.ports[8728]), 5, ("127.0.0.2", 0)) as raw:
        raw.sendall(b"\x06/login\x0b=name=admin\x0a=password=\x00")
        assert raw.recv(20) == b"\x05!done\x00"


def test_tls_with_a_certificate_that_the_router_made(lab: Lab, api: librouteros.api.Api, tmp_path: Path) -> None:
    def secure() -> librouteros.api.Api:
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
        return lab.client(port=8729, host="localhost", ssl_wrapper=lambda raw: context.wrap_socket(raw, server_hostname="localhost"))

    add(api, "certificate", name="ca", common_name="estate", key_usage="key-cert-sign,crl-sign", key_size="prime256v1")
    do(api, "/certificate/sign", numbers="ca")
    add(api, "certificate", name="api", common_name="gw", key_usage="digital-signature,tls-server", subject_alt_name="DNS:localhost", days_valid=30)
    do(api, "/certificate/sign", number="api", ca="ca")
    do(api, "/certificate/export-certificate", numbers="ca", file_name="ca")
    (tmp_path / "ca.crt").write_text(next(row["contents"] for row in rows(api, "file") if row["name"] == "ca.crt"))
    with pytest.raises((ssl.SSLError, OSError)):
        secure()
    do(api, "/ip/service/set", numbers="api-ssl", certificate="api")
    assert rows(secure(), "system identity")
    shown = {row["name"]: row for row in rows(api, "certificate")}
    assert shown["api"]["ca"] == "ca"
    assert len(str(shown["api"]["fingerprint"])) == 64
    assert not any(".key" in row or "BEGIN" in str(row) for row in shown.values())
    do(api, "/certificate/remove", numbers="api")
    with pytest.raises((ssl.SSLError, OSError)):
        secure()


def test_a_key_leaves_the_router_only_locked(api: librouteros.api.Api, tmp_path: Path) -> None:
    add(api, "certificate", name="own", common_name="own", key_size="prime256v1")
    with pytest.raises(TrapError, match="not signed"):
        do(api, "/certificate/export-certificate", numbers="own")
    do(api, "/certificate/sign", numbers="own")
    do(api, "/certificate/export-certificate", numbers="own", export_passphrase="long enough")
    key = next(row["contents"] for row in rows(api, "file") if row["name"] == "cert_export_own.key")
    for passphrase, opens in (("long enough", True), ("guess", False)):
        done = subprocess.run(["openssl", "pkey", "-noout", "-passin", f"pass:{passphrase}"], input=key, text=True, capture_output=True, check=False)
        assert (done.returncode == 0) is opens


# ---- what the schema refuses


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("interface wireguard", {"name": "wg-b", "flavour": "sweet"}, "unknown parameter flavour"),
    ("interface wireguard", {"name": "wg-b", "public-key": KEY}, "unknown parameter public-key"),
    ("interface wireguard", {"name": "wg-a"}, "already have interface with such name"),
    ("interface wireguard", {"name": "wg-b", "listen-port": 70000}, "value of listen-port out of range"),
    ("interface wireguard", {"name": "wg-b", "private-key": "short"}, "invalid value for argument private-key"),
    ("interface wireguard", {"name": "wg-b", "disabled": "perhaps"}, "invalid value for argument disabled"),
    ("interface wireguard peers", {"interface": "wg-a", "public-key": KEY}, r"missing value\(s\) of argument\(s\) allowed-address"),
    ("interface wireguard peers", {"interface": "wg-z", "public-key": KEY, "allowed-address": "10.0.0.1"}, "input does not match any value of interface"),
    ("interface wireguard peers", {"interface": "wg-a", "public-key": KEY, "allowed-address": "10.0.0.300"}, "invalid value for argument allowed-address"),
    ("ip address", {"address": "10.3.0.1/33", "interface": "wg-a"}, "invalid value for argument address"),
    ("ip address", {"address": "10.3.0.1/24"}, "missing value"),
    ("ip route", {"dst-address": "10.2.0.0/24", "gateway": "nowhere"}, "input does not match any value of gateway"),
    ("ip route", {"dst-address": "10.2.0.0/24", "gateway": "wg-a", "routing-mark": "x"}, "unknown parameter routing-mark"),
    ("ip firewall filter", {"action": "accept"}, r"missing value\(s\) of argument\(s\) chain"),
    ("ip firewall filter", {"chain": "input", "action": "welcome"}, "input does not match any value of action"),
    ("ip firewall filter", {"chain": "input", "dst-port": "22"}, "ports can be specified if"),
    ("ip firewall filter", {"chain": "input", "protocol": "tcp", "dst-port": "22-21"}, "invalid value for argument dst-port"),
    ("ip firewall filter", {"chain": "input", "connection-state": "open"}, "input does not match any value of connection-state"),
    ("ip firewall filter", {"chain": "input", "in-interface-list": "nobody"}, "input does not match any value of in-interface-list"),
    ("ip firewall filter", {"chain": "input", "content": "x"}, "not in this stand-in: content=x"),
    ("ip firewall filter", {"chain": "forward", "action": "fasttrack-connection"}, "not in this stand-in"),
    ("ip route", {"gateway": "wg-a", "check-gateway": "ping"}, "not in this stand-in: check-gateway"),
    ("user", {"name": "x", "group": "full"}, r"missing value\(s\) of argument\(s\) password"),
    ("user", {"name": "x", "group": "gods", "password": "x"}, "input does not match any value of group"),
    ("ip service", {"name": "gopher"}, "no such command"),
    ("ip teapot", {"name": "x"}, "no such command prefix"),
]  # fmt: skip


@pytest.mark.parametrize(("menu", "arguments", "message"), REFUSED, ids=[f"{menu}: {message}" for menu, _, message in REFUSED])
def test_refuses(api: librouteros.api.Api, menu: str, arguments: dict[str, Any], message: str) -> None:
    tunnel(api)
    with pytest.raises(TrapError, match=message):
        add(api, menu, **arguments)


def test_refuses_what_is_not_there_and_changes_nothing(lab: Lab, api: librouteros.api.Api) -> None:
    tunnel(api)
    before = rows(api, "interface wireguard")
    for command, arguments in (("remove", {"numbers": "*99"}), ("set", {".id": "wg-z", "mtu": 1400}), ("set", {"numbers": "wg-a,wg-z", "mtu": 1400})):
        with pytest.raises(TrapError, match="no such item"):
            do(api, f"/interface/wireguard/{command}", **arguments)
    assert rows(api, "interface wireguard") == before
    add(api, "interface wireguard", name="wg-b")
    both = rows(api, "interface wireguard")
    with pytest.raises(TrapError, match="already have"):
        do(api, "/interface/wireguard/set", numbers="wg-a,wg-b", name="wg-c")
    assert rows(api, "interface wireguard") == both, "not even the first"
    with pytest.raises(TrapError, match="no such command"):
        do(api, "/ip/address/move", numbers="*1")
    with pytest.raises(TrapError, match="unknown parameter"):
        do(api, "/system/backup/save", name="x", password="y", colour="red")


# ---- what is written back


ECHO: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("interface wireguard peers", {"interface": "wg-a", "public-key": KEY, "allowed-address": "10.2.0.7/24,10.3.0.1", "persistent-keepalive": 25},
     {"allowed-address": "10.2.0.0/24,10.3.0.1/32", "persistent-keepalive": "25s", "endpoint-port": 0, "disabled": False}),
    ("interface wireguard peers",
     {"interface": "wg-a", "public-key": KEY, "allowed-address": "10.3.0.1/32", "persistent-keepalive": "00:01:30", "responder": "yes"},
     {"persistent-keepalive": "1m30s", "responder": True}),
    ("ip address", {"address": "10.3.0.100/32", "interface": "wg-a", "network": "10.3.0.1"}, {"address": "10.3.0.100/32", "network": "10.3.0.1"}),
    ("ip address", {"address": "10.3.7.100/24", "interface": "wg-a"}, {"address": "10.3.7.100/24", "network": "10.3.7.0", "actual-interface": "wg-a"}),
    ("ip route", {"dst-address": "10.2.0.10", "gateway": "wg-a"}, {"dst-address": "10.2.0.10/32", "distance": 1, "scope": 30, "routing-table": "main"}),
    ("ip firewall address-list", {"list": "a", "address": "10.2.0.10/32"}, {"address": "10.2.0.10"}),
    ("ip firewall address-list", {"list": "a", "address": "10.2.0.10/24"}, {"address": "10.2.0.0/24"}),
    ("ip firewall filter", {"chain": "input", "src-address": "!10.2.0.10/32", "connection-state": "untracked,related,established", "log": "yes"},
     {"action": "accept", "src-address": "!10.2.0.10", "connection-state": "established,related,untracked", "log": True, "packets": 0, "log-prefix": ""}),
    ("system scheduler", {"name": "export", "interval": "24:00:00", "on-event": "/export file=unde"}, {"interval": "1d", "on-event": "/export file=unde"}),
    ("user group", {"name": "scrape", "policy": "api,read"},
     {"policy": "read,api,!local,!telnet,!ssh,!ftp,!reboot,!write,!policy,!test,!winbox,!password,!web,!sniff,!sensitive,!romon,!rest-api"}),
]  # fmt: skip


@pytest.mark.parametrize(("menu", "given", "shown"), ECHO, ids=[f"{menu} {number}" for number, (menu, _, _) in enumerate(ECHO)])
def test_writes_values_back_as_the_router_does(api: librouteros.api.Api, menu: str, given: dict[str, Any], shown: dict[str, Any]) -> None:
    tunnel(api)
    row = one(api, menu, add(api, menu, **given))
    assert {name: row.get(name) for name in shown} == shown


def test_durations_survive_being_written_back(api: librouteros.api.Api) -> None:
    number = add(api, "system scheduler", name="x", interval=1)
    for given, shown in {"86400s": "1d", "1w": "1w", "90m": "1h30m", "0": "0s", "1d2h3m4s": "1d2h3m4s", "1500ms": "1s500ms"}.items():
        do(api, "/system/scheduler/set", **{".id": number, "interval": given})
        assert one(api, "system scheduler", number)["interval"] == shown


def test_a_private_key_is_made_and_its_public_one_shown(api: librouteros.api.Api) -> None:
    tunnel(api)
    first = rows(api, "interface wireguard")[0]
    assert keys.public(first["private-key"]) == first["public-key"]
    other = keys.generate()
    do(api, "/interface/wireguard/set", numbers="wg-a", private_key=other)
    assert rows(api, "interface wireguard")[0]["public-key"] == keys.public(other) != first["public-key"]


def test_public_keys_are_those_of_the_standard() -> None:
    # RFC 7748, 6.1
    assert keys.public("dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=") == "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="


def test_what_is_unset_is_not_shown(api: librouteros.api.Api) -> None:
    number = add(api, "ip firewall filter", chain="input", src_address="10.0.0.1", comment="x")
    do(api, "/ip/firewall/filter/unset", **{"numbers": number, "value-name": "src-address"})
    do(api, "/ip/firewall/filter/set", **{".id": number, "comment": ""})
    assert not {"src-address", "comment"} & one(api, "ip firewall filter", number).keys()
    with pytest.raises(TrapError, match="unknown parameter"):
        do(api, "/ip/firewall/filter/set", **{".id": number, "!chain": ""})


def test_names_are_followed(api: librouteros.api.Api) -> None:
    tunnel(api)
    number = add(api, "ip address", address="10.3.0.1/32", interface="wg-a")
    add(api, "ip firewall filter", chain="input", in_interface="!wg-a")
    do(api, "/interface/wireguard/set", numbers="wg-a", name="wg-z")
    assert one(api, "ip address", number)["interface"] == "wg-z"
    assert rows(api, "ip firewall filter")[0]["in-interface"] == "!wg-z"
    do(api, "/interface/wireguard/remove", numbers="wg-z")
    assert one(api, "ip address", number)["invalid"] is True


def test_queries_and_proplist(api: librouteros.api.Api) -> None:
    for name, port in (("a", 51820), ("b", 51821), ("c", 51822)):
        add(api, "interface wireguard", name=name, listen_port=port)
    found = list(api.rawCmd("/interface/wireguard/print", "=.proplist=name", "?name=a", "?name=b", "?#|", "?disabled=no", "?#&"))
    assert found == [{"name": "a"}, {"name": "b"}]
    assert list(api.rawCmd("/interface/wireguard/print", "?comment")) == []
    assert len(list(api.rawCmd("/interface/wireguard/print", "?-comment"))) == 3
    assert [row["name"] for row in api.rawCmd("/interface/wireguard/print", "?name=a", "?#!")] == ["b", "c"]
    assert [row["name"] for row in api.rawCmd("/interface/wireguard/print", "?>listen-port=51821")] == ["c"]


# ---- order


def comments(api: librouteros.api.Api) -> str:
    return "".join(row["comment"] for row in rows(api, "ip firewall filter"))


def test_rules_keep_their_order(api: librouteros.api.Api) -> None:
    numbers = {letter: add(api, "ip firewall filter", chain="input", comment=letter) for letter in "abc"}
    add(api, "ip firewall filter", **{"chain": "input", "comment": "d", "place-before": numbers["b"]})
    assert comments(api) == "adbc"
    do(api, "/ip/firewall/filter/move", numbers=numbers["c"], destination=numbers["a"])
    assert comments(api) == "cadb"
    do(api, "/ip/firewall/filter/move", numbers=numbers["c"])
    assert comments(api) == "adbc"
    with pytest.raises(TrapError, match="no such item"):
        do(api, "/ip/firewall/filter/move", numbers=numbers["a"], destination="*99")
    assert comments(api) == "adbc"


# ---- memory


def test_remembers_over_a_restart(lab: Lab, api: librouteros.api.Api) -> None:
    tunnel(api)
    add(api, "ip firewall filter", chain="input", comment="x")
    do(api, "/system/identity/set", name="gw")
    before = {menu: rows(api, menu) for menu in ("interface wireguard", "ip firewall filter", "system identity")}
    lab.off()
    lab.on()
    again = lab.client()
    assert {menu: rows(again, menu) for menu in before} == before
    assert add(again, "ip firewall filter", chain="input") == "*2", "no identifier is given twice"


def test_a_backup_is_loaded_with_its_password_only(lab: Lab, api: librouteros.api.Api) -> None:
    tunnel(api)
    secret = rows(api, "interface wireguard")[0]["private-key"]
    do(api, "/system/backup/save", name="before", password="long enough")
    saved = next(row for row in rows(api, "file") if row["name"] == "before.backup")
    assert saved["type"] == "backup"
    data = do(api, "/file/read", file="before.backup", offset=0, chunk_size=32768)[0]["data"]
    assert len(data) == saved["size"]
    assert secret not in data
    do(api, "/interface/wireguard/remove", numbers="wg-a")
    with pytest.raises(TrapError, match="wrong password"):
        do(api, "/system/backup/load", name="before", password="guess")
    with pytest.raises(TrapError, match="missing value"):
        do(api, "/system/backup/load", name="before")
    assert rows(api, "interface wireguard") == []
    assert lab.restarts == 0
    do(api, "/system/backup/load", name="before", password="long enough")
    assert lab.restarts == 1
    assert rows(api, "interface wireguard")[0]["private-key"] == secret
    assert any(row["name"] == "before.backup" for row in rows(api, "file")), "files are no part of a backup"


def test_a_changed_backup_is_refused(api: librouteros.api.Api) -> None:
    do(api, "/system/backup/save", name="x", password="long enough")
    data = json.loads(do(api, "/file/read", file="x.backup")[0]["data"])
    add(api, "file", name="y.backup", contents=json.dumps({**data, "body": data["body"][:-8] + "AAAAAAA="}))
    with pytest.raises(TrapError, match="broken backup"):
        do(api, "/system/backup/load", name="y.backup", password="long enough")


def test_an_export_is_a_script_that_the_router_s_own_database_accepts(api: librouteros.api.Api, tmp_path: Path) -> None:
    tunnel(api)
    add(api, "interface wireguard peers", interface="wg-a", public_key=PEER, allowed_address="10.3.0.1/32", preshared_key=keys.generate())
    add(api, "ip firewall filter", chain="input", protocol="icmp", icmp_options="8:0", comment='a "quoted" $word')
    do(api, "/ip/service/set", numbers="telnet", disabled="yes")
    do(api, "/system/identity/set", name="gw")
    secret = rows(api, "interface wireguard")[0]["private-key"]
    for name, arguments, holds in (("open", {"show-sensitive": ""}, True), ("plain", {}, False)):
        do(api, "/export", file=name, **arguments)
        script = next(row["contents"] for row in rows(api, "file") if row["name"] == f"{name}.rsc")
        assert (secret in script) is holds
        (tmp_path / f"{name}.rsc").write_text(script)
        checked = run("routeros-lsp", "check", "--strict", tmp_path / f"{name}.rsc")
        assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "/ip service\nset telnet disabled=yes" in script
    assert "/system identity\nset name=gw\n" in script
    assert "/user" not in script


def test_a_restart_is_asked_for(lab: Lab, api: librouteros.api.Api) -> None:
    do(api, "/system/reboot")
    assert lab.restarts == 1
    with pytest.raises(FatalError):
        do(api, "/quit")


def test_a_version_without_a_database_is_refused() -> None:
    done = run(sys.executable, ROOM / "dump_schema.py", "7.16.1")
    assert done.returncode == 1
    assert "says nothing about 7.16.1" in done.stderr
