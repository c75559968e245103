"""The entry of users: who answers its routes, on either host, and what grows by itself."""

from __future__ import annotations

from typing import Any

import support
import unde
from unde import survive

HOST = {"site": "local", "type": "cloud", "vcpu": 4, "ram_gb": 8, "disk_gb": 80, "state": "create", "day": 14}
ROUTES = [{"path": "/", "port": 8020}, {"path": "/talk", "to": "orchestrator", "websocket": True}, {"path": "/voice", "to": "voice", "sites": ["local"]}]
FLOWS = {"app-dialogue": {"from": ["local-app", "local-app-2"], "to": ["orchestrator", "voice"]}}


def variables_of(host: str, **changes: Any) -> dict[str, Any]:
    """Return what a host is told when it has these routes."""
    entry = {"names": ["api.example.org", "app.example.org"], "certificate": "files", "routes": ROUTES} | changes
    overlay = {
        "hosts": {
            "local-app-2": HOST | {"label": "X2", "address": "10.2.0.62", "roles": ["nginx_gateway"]},
            "local-voice-2": HOST | {"label": "X3", "address": "10.2.0.90", "roles": ["app_service"]},
        },
        "services": {
            "app-entry": {"hosts": ["local-app", "local-app-2", "unde-app"], "entry": entry},
            "voice": {"hosts": ["local-voice", "local-voice-2"]},
        },
        "tunnels": {"peers": {
            "wg-app-2": {"near": "local-app-2", "far": "helsinki-gw", "slot": 62},
            "wg-voice-2": {"near": "local-voice-2", "far": "helsinki-gw", "slot": 90},
        }},
        "flows": FLOWS,
    }
    plan = unde.inventory(support.estate(overlay))
    return plan.hosts[host]


def servers(host: str) -> dict[str, list[tuple[str, int, bool]]]:
    """Return upstream → its servers as a host is told them."""
    return {
        each["name"]: [(server["address"], server["port"], server["backup"]) for server in each["servers"]]
        for each in variables_of(host)["nginx_gateway_upstreams"]
    }


def test_its_own_site_first() -> None:
    """Where users come in as a rule, hosts of the site share the requests and the standby of the other one stands by; a second entry is as the first."""
    wanted = {
        "port-8020": [("127.0.0.1", 8020, False)],
        "orchestrator": [("10.2.0.17", 8010, False), ("10.1.0.18", 8010, True)],
        "voice": [("10.2.0.12", 8014, False), ("10.2.0.90", 8014, False)],
    }
    assert servers("local-app") == wanted
    assert servers("local-app-2") == wanted


def test_the_failover_entry() -> None:
    """It asks what stands beside it, at the address at which others call it too; a route that is not to be had there leads nowhere."""
    assert servers("unde-app") == {"port-8020": [("127.0.0.1", 8020, False)], "orchestrator": [("10.1.0.18", 8010, False)]}
    assert [(route["path"], route["upstream"]) for route in variables_of("unde-app")["nginx_gateway_routes"]] == [
        ("/", "port-8020"), ("/talk", "orchestrator"), ("/voice", ""),
    ]


def test_what_nobody_else_may_call_listens_on_the_loopback_address() -> None:
    """A service on the entry's own host that no flow leads to is asked there."""
    overlay = {
        "services": {
            "inner": {"hosts": ["local-app", "unde-app"], "ports": [8021]},
            "app-entry": {"entry": {"names": ["api.example.org"], "certificate": "files", "routes": [{"path": "/", "to": "inner"}]}},
        }
    }
    plan = unde.inventory(support.estate(overlay))
    for host in ("local-app", "unde-app"):
        assert plan.hosts[host]["nginx_gateway_upstreams"] == [{"name": "inner", "servers": [{"address": "127.0.0.1", "port": 8021, "backup": False}]}]


def test_certificates() -> None:
    """Files that somebody brings are found by the first name; the estate's own certificate has all names, and the role knows where it is."""
    by_files, by_us = variables_of("unde-app"), variables_of("unde-app", certificate="own")
    assert by_files["nginx_gateway_certificate_file"] == "/etc/letsencrypt/live/api.example.org/fullchain.pem"
    assert by_files["nginx_gateway_key_file"] == "/etc/letsencrypt/live/api.example.org/privkey.pem"
    assert by_files["certificates_names"] == ["unde-app", "10.1.0.18", "localhost", "127.0.0.1"]
    assert "nginx_gateway_certificate_file" not in by_us
    assert by_us["certificates_names"] == ["unde-app", "api.example.org", "app.example.org", "10.1.0.18", "localhost", "127.0.0.1"]
    given = variables_of("unde-app", certificate_file="/etc/a.pem", key_file="/etc/b.pem")
    assert (given["nginx_gateway_certificate_file"], given["nginx_gateway_key_file"]) == ("/etc/a.pem", "/etc/b.pem")


def test_limits_and_timeouts() -> None:
    """What the layout does not say is as the schema has it, and as the role has it by default."""
    host = variables_of("local-app", limits={"requests_s": 7})
    assert host["nginx_gateway_limits"] == {"requests_s": 7, "burst": 40, "connections": 100, "body_mb": 20}
    assert host["nginx_gateway_timeouts"] == {"connect_s": 2, "answer_s": 60, "websocket_s": 3600, "drain_s": 600}
    assert host["nginx_gateway_names"] == ["api.example.org", "app.example.org"]


def balanced(**entry: Any) -> dict[str, Any]:
    """Return the layout's changes for two entries behind a balancer, as docs/operate.md tells them."""
    return {
        "hosts": {
            "local-app-2": HOST | {"label": "X2", "address": "10.2.0.62", "roles": ["nginx_gateway", "app_service"]},
            "local-balancer": HOST | {"label": "X4", "address": "10.2.0.60", "roles": ["balancer"]},
        },
        "services": {
            "app-entry": {"hosts": ["local-app", "local-app-2", "unde-app"], "entry": {"balancer": "local-balancer"} | entry},
            "app": {"hosts": ["local-app", "local-app-2", "unde-app"]},
            "balancer-metrics": {"hosts": ["role:balancer"], "ports": [8405], "metrics": True, "job": "balancer"},
        },
        "tunnels": {"peers": {
            "wg-app-2": {"near": "local-app-2", "far": "helsinki-gw", "slot": 62},
            "wg-balancer": {"near": "local-balancer", "far": "helsinki-gw", "slot": 63},
        }},
        "flows": {
            **{name: {"from": ["local-app", "local-app-2"]} for name in ("app-dialogue", "app-cache", "app-analytics")},
            "balancer-scrape": {"from": ["monitoring"], "to": ["balancer-metrics"]},
        },
    }


def test_behind_a_balancer() -> None:
    """Users come to the balancer, which alone may call the entries of its site; the other site's entry is called by users, and knows of no balancer."""
    plan = unde.inventory(support.estate(balanced(names=["api.example.org"])))
    opened = {host: {each["name"]: each["peers"] for each in plan.hosts[host]["firewall_inbound"] if 443 in each["ports"]} for host in plan.hosts}
    assert opened["local-balancer"] == {"users-entry:app-entry<users": []}
    assert opened["local-app"] == opened["local-app-2"] == {"users-entry:app-entry/balanced": ["10.2.0.60"]}
    assert opened["unde-app"] == {"users-entry:app-entry<users": []}
    assert plan.hosts["local-app"]["nginx_gateway_balancer"] == plan.hosts["local-app-2"]["nginx_gateway_balancer"] == "10.2.0.60"
    assert "nginx_gateway_balancer" not in plan.hosts["unde-app"]
    variables_of = {name: value for name, value in plan.hosts["local-balancer"].items() if name.startswith("balancer_")}
    assert variables_of == {
        "balancer_address": "10.2.0.60", "balancer_port": 443, "balancer_health": "/health", "balancer_authority": "public", "balancer_metrics_port": 8405,
        "balancer_entries": [
            {"name": "local-app", "address": "10.2.0.2", "called": "api.example.org"},
            {"name": "local-app-2", "address": "10.2.0.62", "called": "api.example.org"},
        ],
        "balancer_timeouts": {"connect_s": 2, "silent_s": 3600, "drain_s": 600},
    }


def test_a_balancer_that_is_lost() -> None:
    """Users are sent to the other site's entry; the loss of one entry behind it moves nobody there."""
    estate = support.estate(balanced(names=["api.example.org"]))
    assert survive.lose(estate, ["host:local-balancer"]).entry_moved
    assert not survive.lose(estate, ["host:local-app-2"]).entry_moved
