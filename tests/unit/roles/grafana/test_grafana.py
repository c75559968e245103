"""Grafana: the plan's part, the files that the role writes, and every question of its dashboards."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

import support
import unde
from unde.model import Estate
from unde.plan import secrets

ROLES = support.ROOT / "roles"
ROLE = ROLES / "grafana"
DASHBOARDS = sorted((ROLE / "files" / "dashboards").glob("*.json"))
IMAGE = "unde/debian:trixie"
#: What our own programs tell; the exporters' metrics are known from the rules, whose cases hold them to be real.
TELLERS = (ROLES / "exporters" / "files" / "unde-exporters-textfile", ROLES / "firewall" / "files" / "unde-firewall")
#: Prometheus's own, which no exporter tells.
BUILT_IN = {"ALERTS", "up"}
#: Exporters' metrics that no rule asks for.
FURTHER = {"etcd_server_is_leader"}
WORDS = {"and", "or", "unless", "by", "on", "without", "ignoring", "group_left", "group_right", "bool", "offset"}


def metrics(expression: str) -> set[str]:
    """Return the names of an expression's metrics."""
    bare = re.sub(r'"(?:\\.|[^"\\])*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", "", bare)
    return set(re.findall(r"\b[a-zA-Z_:][\w:]*\b(?!\s*\()", bare)) - WORDS


def known() -> set[str]:
    """Return every metric that something tells."""
    groups = [
        group
        for path in (ROLES / "prometheus" / "files" / "rules").glob("*.yml")
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    ]
    rules = [rule for group in groups for rule in group["rules"]]
    recorded = {rule["record"] for rule in rules if "record" in rule}
    own = {name for path in TELLERS for name in told_by(path.read_text(encoding="utf-8"))}
    return set().union(*(metrics(rule["expr"]) for rule in rules)) | recorded | own | BUILT_IN | FURTHER


def told_by(program: str) -> set[str]:
    """Return the metrics that a program of ours writes."""
    names = set(re.findall(r"unde_\w+", program))
    return names | {f"unde_firewall_{name}_total" for name in ("packets", "bytes") if "unde_firewall_{name}_total" in program}


def questions() -> list[str]:
    """Return every expression of every dashboard."""
    return [
        target["expr"] for path in DASHBOARDS for panel in json.loads(path.read_text(encoding="utf-8"))["panels"] for target in panel["targets"]
    ]


def rendered(template: str, **variables: Any) -> str:
    """Return one of the role's files, with the defaults but for what is given."""
    values: dict[str, Any] = {"grafana_address": "10.1.0.7", "grafana_prometheus_url": "https://10.1.0.7:9090"}
    for folder in ("defaults", "vars"):
        values |= yaml.safe_load((ROLE / folder / "main.yml").read_text(encoding="utf-8"))
    values |= {"__grafana_vendor": True} | variables
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined, autoescape=False)
    environment.filters["urlsplit"] = lambda url, _: url.split("/")[2]
    return environment.from_string((ROLE / "templates" / template).read_text(encoding="utf-8")).render(values)


@pytest.fixture(scope="module")
def variables_of(estate: Estate) -> dict[str, Any]:
    """Return what the host of Grafana is told."""
    return unde.inventory(estate).hosts["monitoring"]


def test_every_question_is_promql(tmp_path: Path) -> None:
    """As promtool reads it; one that is none is refused."""
    def check(expressions: list[str]) -> subprocess.CompletedProcess[str]:
        rules = [{"record": f"question_{number}", "expr": each} for number, each in enumerate(expressions)]
        (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "questions", "rules": rules}]}), encoding="utf-8")
        unpack = "dpkg --extract /opt/unde/repo/promtool_*.deb /tmp/promtool && exec /tmp/promtool/usr/bin/promtool check rules --lint=none /rules/rules.yml"
        command = ["docker", "run", "--rm", "--network", "none", "--pull", "never", "--volume", f"{tmp_path}:/rules:ro", IMAGE, "sh", "-c", unpack]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    done = check(questions())
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(questions())} rules found" in done.stdout
    assert check(["sum by (site (up)"]).returncode != 0


def test_every_metric_is_told_by_somebody() -> None:
    """A question about a metric that nothing tells would be answered by an empty panel for ever."""
    asked = {expression: metrics(expression) for expression in questions()}
    assert all(asked.values())
    assert {expression: sorted(names - known()) for expression, names in asked.items() if names - known()} == {}
    assert "unde_tunnel_handshake" not in known()


def test_what_the_overview_shows() -> None:
    """What the first look at the estate is for."""
    seen = set().union(*map(metrics, questions()))
    assert seen >= {
        "up", "vpn_tunnel_rtt_ms", "unde_tunnel_latest_handshake_seconds", "patroni_primary", "pg_replication_lag_seconds", "etcd_server_has_leader",
        "node_filesystem_avail_bytes", "pgbackrest_backup_since_last_completion_seconds", "unde_firewall_packets_total",
    }


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards(path: Path) -> None:
    """Names, places that do not overlap on a page of 24 columns, and data sources that are provisioned."""
    dashboard = json.loads(path.read_text(encoding="utf-8"))
    assert dashboard["uid"] == path.stem
    sources = {source["uid"]: source["type"] for source in yaml.safe_load(rendered("datasources.yml.j2"))["datasources"]}
    panels, taken = dashboard["panels"], set()
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    for panel in panels:
        assert sources[panel["datasource"]["uid"]] == panel["datasource"]["type"]
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        for label in re.findall(r"\{\{(\w+)\}\}", panel["targets"][0]["legendFormat"]):
            grouped = re.search(r"\bby \(([^)]*)\)", panel["targets"][0]["expr"])
            assert grouped is None or label in re.split(r",\s*", grouped[1]), f"{panel['title']}: {label} is not kept"


def test_the_role_has_every_dashboard() -> None:
    """Each file is installed."""
    listed = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))["__grafana_dashboards"]
    assert sorted(listed) == [path.stem for path in DASHBOARDS]


def test_what_is_told(estate: Estate, variables_of: dict[str, Any]) -> None:
    """Addresses and ports, from the layout."""
    mine = {name: value for name, value in variables_of.items() if name.startswith("grafana_")}
    assert mine == {
        "grafana_address": "10.1.0.7", "grafana_port": 3000,
        "grafana_prometheus_url": "https://10.1.0.7:9090", "grafana_alertmanager_url": "https://10.1.0.7:9093",
    }
    assert {"vault_grafana_admin_password", "vault_grafana_secret_key"} <= set(secrets.fresh(estate))


def test_a_layout_s_ports_are_followed() -> None:
    """Wherever Prometheus serves."""
    other = support.estate({"services": {"prometheus": {"ports": [9190]}, "grafana": {"ports": [3100]}}})
    mine = unde.inventory(other).hosts["monitoring"]
    assert (mine["grafana_prometheus_url"], mine["grafana_port"]) == ("https://10.1.0.7:9190", 3100)


def test_settings() -> None:
    """TLS, nobody but users, no call to the vendor, no secret."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.read_string(rendered("grafana.ini.j2"))
    assert (settings["server"]["protocol"], settings["server"]["http_addr"], settings["server"]["http_port"]) == ("https", "10.1.0.7", "3000")
    assert settings["security"]["admin_password"] == "$__file{/etc/unde/grafana/admin.password}"
    assert settings["security"]["secret_key"] == "$__file{/etc/unde/grafana/secret.key}"
    assert settings.getboolean("security", "cookie_secure")
    assert settings.getboolean("plugins", "preinstall_disabled")
    off = [("auth.anonymous", "enabled"), ("users", "allow_sign_up"), ("metrics", "enabled"), ("news", "news_feed_enabled"), ("snapshots", "external_enabled")]
    off += [("analytics", name) for name in ("reporting_enabled", "check_for_updates", "check_for_plugin_updates")]
    assert [name for name in off if settings.getboolean(*name)] == []


@pytest.mark.parametrize(("alertmanager", "wanted"), [("https://10.1.0.7:9093", ["prometheus", "alertmanager"]), ("", ["prometheus"])])
def test_data_sources(alertmanager: str, wanted: list[str]) -> None:
    """By TLS with the estate's authority, with a user whose password is in a file; Alertmanager where there is one."""
    document = yaml.safe_load(rendered("datasources.yml.j2", grafana_alertmanager_url=alertmanager))
    assert [source["uid"] for source in document["datasources"]] == wanted
    assert bool(document.get("deleteDatasources")) is not bool(alertmanager)
    for source in document["datasources"]:
        assert source["url"].startswith("https://")
        assert source["jsonData"]["tlsAuthWithCACert"]
        assert not source["jsonData"].get("tlsSkipVerify")
        assert source["basicAuth"]
        assert source["secureJsonData"] == {
            "tlsCACert": "$__file{/etc/unde/tls/ca.crt}", "basicAuthPassword": f"$__file{{/etc/unde/grafana/{source['uid']}.password}}",
        }
        assert not source["editable"]


def test_the_vendor_s_repository() -> None:
    """One key, by its whole fingerprint; and of all its packages only Grafana, in the wanted version if there is one."""
    source = rendered("grafana.sources.j2")
    assert re.search(r"^Signed-By: /etc/apt/keyrings/unde-grafana\.asc\n [0-9A-F]{40}$", source, re.MULTILINE)
    assert "URIs: https://apt.grafana.com\n" in source
    stanzas = {stanza.splitlines()[0]: stanza for stanza in re.split(r"\n+(?=Package:)", rendered("preferences.j2", grafana_version="12.4.1"))[1:]}
    assert 'Pin: origin "apt.grafana.com"\nPin-Priority: -1' in stanzas["Package: *"]
    assert "Pin: version 12.4.1\nPin-Priority: 1001" in stanzas["Package: grafana"]
    assert 'Package: grafana\nPin: origin "apt.grafana.com"\nPin-Priority: 500' in rendered("preferences.j2")
