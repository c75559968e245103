"""Monitoring: the plan's part, the configuration that Prometheus gets, and every alert by `promtool test rules`."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from ansible.plugins.filter.core import to_bool

import support
import unde
from unde.model import Estate
from unde.plan import scrape, secrets

ROLE = support.ROOT / "roles" / "prometheus"
CASES = Path(__file__).parent / "alerts"
DOCUMENT = support.ROOT / "tests" / "golden" / "document"
IMAGE = "unde/debian:trixie"

#: The document's metrics with an alert → ours. The rest need figures that no exporter tells yet.
ALERTS = {
    "vpn_tunnel_rtt_ms": ("TunnelSlow", "> 200"), "vpn_tunnel_up": ("TunnelDown", "== 0"),
    "local_shard_disk_usage_percent": ("ShardDiskFills", "> 80"), "local_shard_cache_hit_ratio": ("ShardCacheCold", "< 90"),
    "catalog_cache_hit_ratio": ("CacheCold", "< 80"), "prometheus_tsdb_head_series": ("PrometheusManySeries", "> 500000"),
    "prometheus_tsdb_storage_blocks_bytes": ("PrometheusDiskFills", "> on (host) 0.8 *"),
    "alertmanager_notifications_failed_total": ("AlertmanagerFailsToNotify", "> 0"),
    "posthog_clickhouse_disk_usage": ("PosthogDiskFills", "> 80"), "posthog_query_latency_p95": ("PosthogSlow", "> 10"),
}
#: Without an alert in the document, or served by an exporter that comes with its service.
LATER = {"shard_routing_cache_miss_rate", "posthog_events_ingested_total"}


def rule_files() -> dict[str, str]:
    """Return every file of rules by its name, as a watch's role writes them; the main monitoring has one alert fewer, and more files."""
    patience = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))["prometheus_patience"]
    environment = jinja2.Environment(
        trim_blocks=True, undefined=jinja2.StrictUndefined, autoescape=False, variable_start_string="[%", variable_end_string="%]",
    )
    environment.filters["bool"] = to_bool
    peers = environment.from_string((ROLE / "templates" / "peers.yml.j2").read_text(encoding="utf-8"))
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROLE / "files" / "rules").glob("*.yml"))} | {
        "peers": peers.render(prometheus_watch=True, prometheus_patience=patience)
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with every file of rules."""
    folder = tmp_path_factory.mktemp("rules")
    for name, text in rule_files().items():
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    return folder


def every_rule(*files: str) -> list[dict[str, Any]]:
    """Return all rules, or those of some files."""
    groups = [group for name, text in rule_files().items() if not files or name in files for group in yaml.safe_load(text)["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def rules() -> dict[str, dict[str, Any]]:
    """Return every alert by its name."""
    found = [rule for rule in every_rule() if "alert" in rule]
    assert len({rule["alert"] for rule in found}) == len(found), "two alerts of one name"
    return {rule["alert"]: rule for rule in found}


def variables_of(estate: Estate, host: str) -> dict[str, Any]:
    """Return all that a host is told."""
    plan = unde.inventory(estate)
    result = dict(plan.shared)
    for group in plan.members[host]:
        result |= plan.groups[group]
    return result | plan.hosts[host]


def rendered(variables: dict[str, Any]) -> dict[str, Any]:
    """Return Prometheus's configuration as the role writes it."""
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    internal = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
    known = {"__prometheus_known_hosts": {host["address"]: host for host in variables["prometheus_hosts"]}}
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined, autoescape=False)
    environment.filters |= {"to_json": json.dumps, "bool": to_bool}
    template = environment.from_string((ROLE / "templates" / "prometheus.yml.j2").read_text(encoding="utf-8"))
    result: dict[str, Any] = yaml.safe_load(template.render(defaults | internal | variables | known))
    return result


def promtool(*arguments: str, mounts: dict[Path, str]) -> subprocess.CompletedProcess[str]:
    """Run the promtool that the role installs, from the lab's image; nothing is reached from there."""
    volumes = [word for source, target in mounts.items() for word in ("--volume", f"{source}:{target}:ro")]
    unpack = 'dpkg --extract /opt/unde/repo/promtool_*.deb /tmp/promtool && exec /tmp/promtool/usr/bin/promtool "$@"'
    command = ["docker", "run", "--rm", "--network", "none", "--pull", "never", *volumes, IMAGE, "sh", "-c", unpack, "promtool", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_every_alert_s_cases_hold(written: Path) -> None:
    """Who is told of what, after how long, in which words."""
    done = promtool("test", "rules", *(f"/cases/{path.name}" for path in sorted(CASES.glob("*.yml"))), mounts={written: "/rules", CASES: "/cases"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SUCCESS") == len(rule_files())


def test_every_alert_has_a_case_that_fires_and_one_that_does_not() -> None:
    """For each alert of each file of rules; and no case of an alert that is not there."""
    fires: dict[str, set[bool]] = {}
    for path in CASES.glob("*.yml"):
        for each in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for case in each["alert_rule_test"]:
                fires.setdefault(case["alertname"], set()).add(bool(case["exp_alerts"]))
    assert {name for name, seen in fires.items() if seen == {True, False}} == set(rules())
    assert set(fires) == set(rules())


def test_every_alert_says_how_urgent_it_is() -> None:
    """By the two severities that Alertmanager routes by, and in one sentence; two are there for other alerts only."""
    for name, rule in rules().items():
        assert rule["labels"]["severity"] in (("none",) if name in ("MonitoringAnswers", "MonitoringSees") else ("page", "warning")), name
        assert set(rule["annotations"]) == {"summary"}, name


def test_the_document_s_thresholds_are_rules() -> None:
    """Each of its metrics with an alert, as far as something tells it today."""
    known = rules()
    listed = [line.split(",")[0] for line in (DOCUMENT / "metrics.csv").read_text(encoding="utf-8").splitlines()[1:]]
    assert set(listed) == set(ALERTS) | LATER
    for metric, (alert, threshold) in ALERTS.items():
        assert metric in known[alert]["expr"], metric
        assert threshold in known[alert]["expr"], metric


def test_the_document_s_configuration_is_what_prometheus_gets(estate: Estate) -> None:
    """Intervals and Alertmanager as it has them; its jobs and targets are compared by test_document.py, here the role's rendering of the plan's."""
    document = yaml.safe_load((DOCUMENT / "prometheus.yml").read_text(encoding="utf-8"))
    variables = variables_of(estate, "monitoring")
    ours = rendered(variables)
    assert ours["global"] == document["global"]
    assert ours["alerting"]["alertmanagers"][0]["static_configs"] == document["alerting"]["alertmanagers"][0]["static_configs"]
    jobs = {job["job_name"]: job for job in ours["scrape_configs"]}
    planned = {job.name: job for job in scrape.jobs(estate)}
    probes = {probe.name for probe in scrape.probes(estate, estate.hosts["monitoring"])}
    assert set(jobs) == set(planned) | probes | {"prometheus", "alertmanager", "peers"}
    for name, job in planned.items():
        assert [target for each in jobs[name]["static_configs"] for target in each["targets"]] == list(job.targets)
        assert [each["labels"]["host"] for each in jobs[name]["static_configs"]] == [
            next(host.name for host in estate.hosts.values() if str(host.address) == target.split(":")[0]) for target in job.targets
        ]
        assert jobs[name].get("scheme", "http") == job.scheme
        assert ("cert_file" in jobs[name].get("tls_config", {})) == (job.scheme == "https"), "etcd wants to see a certificate"


@pytest.mark.parametrize(("disk", "bound"), [(80, "48GB"), (40, "24GB")])
def test_retention_is_bounded_by_the_disk(disk: int, bound: str) -> None:
    """Six tenths of it."""
    assert variables_of(support.estate({"hosts": {"monitoring": {"disk_gb": disk}}}), "monitoring")["prometheus_retention_size"] == bound


def test_thresholds_follow_from_the_layout() -> None:
    """WAL and the index of vectors, in bytes."""
    variables = variables_of(support.estate({"clusters": {"postgres": {"wal": {"alert_gb": 3}}}, "shards": {"embedding": {"trigger_gb": 7}}}), "monitoring")
    assert variables["prometheus_thresholds"] == {"wal_bytes": 3 * 1024**3, "embedding_index_bytes": 7 * 1024**3}


@pytest.mark.parametrize(("index", "size"), [("bits", 8192 / 43 * 2680 * 3000), ("halfvec", 20 * 1024**3), ("none", 20 * 1024**3)])
def test_the_threshold_of_the_index_follows_its_kind(index: str, size: float) -> None:
    """Bits of a year of the most users; the document's 20 GB of HNSW, which an index that is not there never reaches."""
    variables = variables_of(support.estate({"shards": {"embedding": {"index": index}}}), "monitoring")
    assert variables["prometheus_thresholds"]["embedding_index_bytes"] == pytest.approx(size, abs=1)
    queues = {name: variables_of(support.estate(), name)["pgbackrest_archive_queue_max"] for name in ("local-shard-0", "shard-replica-0")}
    assert {each["host"]: f"{each['bytes'] // 1024**3}GiB" for each in variables["prometheus_archive_bounds"]} == queues


#: What a layout adds for the exporters that the document does not have.
FURTHER: dict[str, Any] = {
    "services": {
        "patroni": {"metrics": True, "job": "patroni"},
        "pgbouncer-exporter": {"hosts": ["role:pgbouncer"], "ports": [9127], "metrics": True, "job": "pgbouncer"},
        "pgbackrest-exporter": {"hosts": ["role:pgbackrest"], "ports": [9854], "metrics": True, "job": "pgbackrest"},
        "blackbox-exporter": {"hosts": ["monitoring"], "ports": [9115], "metrics": True, "job": "blackbox"},
    },
    "flows": {"scrape-more": {"from": ["monitoring"], "to": ["pgbouncer-exporter", "pgbackrest-exporter", "blackbox-exporter"]}},
}


def test_a_host_has_the_exporters_of_its_services() -> None:
    """By the layout's services; each on the layout's port."""
    estate = support.estate(FURTHER)
    wanted = {name: {each["name"]: each["port"] for each in variables_of(estate, name)["exporters_wanted"]} for name in estate.hosts}
    assert wanted["local-shard-0"] == {"node": 9100, "postgres": 9187, "pgbouncer": 9127, "pgbackrest": 9854}
    assert wanted["local-redis"] == {"node": 9100, "redis": 9121}
    assert wanted["monitoring"] == {"node": 9100, "blackbox": 9115}
    assert wanted["production-db"] == {"node": 9100}, "its user for monitoring comes with the role core_database"
    assert wanted["local-mood"] == {"node": 9100}
    assert variables_of(estate, "local-redis")["exporters_redis_instances"] == [{"name": "cache", "port": 6379}, {"name": "limits", "port": 6380}]


def test_further_exporters_leave_the_document_s_jobs_alone() -> None:
    """They have jobs of their own."""
    before = {job.name: job for job in scrape.jobs(support.estate())}
    after = {job.name: job for job in scrape.jobs(support.estate(FURTHER))}
    assert {name: after[name] for name in before} == before
    assert {"local-shard-patroni", "local-shard-pgbouncer", "local-shard-pgbackrest", "helsinki-monitoring-blackbox"} <= set(after)
    assert after["local-shard-patroni"].scheme == "https"
    assert after["local-shard-patroni"].targets == ("10.2.0.10:8008",)


def test_probes() -> None:
    """Every tunnel that ends at the prober's site is looked through; of two Redis on a host the second is asked for."""
    estate = support.estate(FURTHER)
    probes = {probe.name: probe for probe in scrape.probes(estate, estate.hosts["monitoring"])}
    assert set(probes) == {"tunnels", "local-redis-limits"}
    tunnels = probes["tunnels"]
    assert (tunnels.exporter, tunnels.path, tunnels.module) == ("10.1.0.7:9115", "/probe", "icmp")
    assert {each.labels["tunnel"] for each in tunnels.targets} == set(estate.tunnels) - {"wg-direct"}
    assert {each.target for each in tunnels.targets if each.labels["tunnel"] == "wg-app"} == {"10.2.0.2"}
    (instance,) = probes["local-redis-limits"].targets
    assert (probes["local-redis-limits"].exporter, instance.target) == ("10.2.0.4:9121", "redis://monitor@127.0.0.1:6380")


def test_a_watch_looks_at_its_sites_only() -> None:
    """At what its flows open of the hosts there; the main monitoring looks at all, the watch's host included."""
    estate = support.estate({"shards": {"count": 2}})
    watch, main = variables_of(estate, "local-etcd-1"), variables_of(estate, "monitoring")
    addresses = {target.split(":")[0] for job in watch["prometheus_scrape_jobs"] for target in job["targets"]}
    assert addresses == {str(host.address) for site in ("local", "witness") for host in estate.by_site[site]}
    assert {target.split(":")[1] for job in watch["prometheus_scrape_jobs"] for target in job["targets"]} == {"9100", "9187", "8008", "2379"}
    jobs = {job["name"]: job for job in main["prometheus_scrape_jobs"]}
    assert all(set(job["targets"]) <= set(jobs[job["name"]]["targets"]) for job in watch["prometheus_scrape_jobs"])
    assert (watch["prometheus_probes"], watch["prometheus_retention_time"], watch["prometheus_retention_size"]) == ([], "2d", "256MB")


def test_the_main_monitoring_and_the_watch_ask_each_other() -> None:
    """Each tells its own Alertmanager; without a watch there is nobody to ask."""
    estate = support.estate()
    assert {name: variables_of(estate, name)["prometheus_peers"] for name in ("monitoring", "local-etcd-1")} == {
        "monitoring": ["10.2.0.50:9090"], "local-etcd-1": ["10.1.0.7:9090"],
    }
    for name in ("monitoring", "local-etcd-1"):
        assert variables_of(estate, name)["prometheus_alertmanagers"] == ["localhost:9093"]
        jobs = {job["job_name"]: job for job in rendered(variables_of(estate, name))["scrape_configs"]}
        assert jobs["peers"]["static_configs"][0]["targets"] == variables_of(estate, name)["prometheus_peers"]
    alone = support.estate(file=support.ROOT / "inventory" / "examples" / "single-site.yml")
    assert variables_of(alone, "monitoring")["prometheus_peers"] == []


def test_a_watch_keeps_what_its_rules_ask_for() -> None:
    """No metric more, none less; what rules record and what Prometheus and Alertmanager tell of themselves are not scraped from the layout's jobs."""
    internal = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
    asked = every_rule(*set(internal["__prometheus_rules_of_a_watch"]) - {"monitoring"})
    names = {name for rule in asked for name in re.findall(r"\b(?:etcd|node|patroni|pg|unde)_\w+", rule["expr"])}
    recorded = {rule["record"] for rule in asked if "record" in rule} | {name for name in names if name.startswith("unde_threshold_")}
    assert names - recorded == set(internal["__prometheus_watched"])
    jobs = {job["job_name"]: job for job in rendered(variables_of(support.estate(), "local-etcd-1") | {"__prometheus_watched": ["a", "b"]})["scrape_configs"]}
    assert jobs["local-shard"]["metric_relabel_configs"] == [{"source_labels": ["__name__"], "regex": "a|b", "action": "keep"}]
    assert "metric_relabel_configs" not in jobs["prometheus"]


def test_what_others_give_is_kept(estate: Estate) -> None:
    """A bot's token is nobody's to make; once it is there, it stays."""
    token, first = secrets.GIVEN[1], secrets.fresh(estate)
    assert set(first).isdisjoint(secrets.GIVEN)
    assert secrets.fresh(estate, first | {token: "1:x"}) == first | {token: "1:x"}


BARE = {"sites": {"helsinki": {"gateway": {"placement": "bare"}}}, "hosts": {"helsinki-gw": {"adopt": ["gateway"]}}}


def test_a_server_that_is_itself_the_router_is_asked_through_its_tunnels() -> None:
    """Nothing of ours answers there: as a target it would be down for ever; the probe of the tunnels tells of it."""
    estate = support.estate(BARE)
    assert "helsinki-gw" not in {host for job in scrape.jobs(estate) for host in job.hosts}
    assert [finding for finding in unde.check(estate) if finding.rule == "monitoring-missing"] == []
    blind = support.merged(support.shipped(), BARE)
    del blind["services"]["blackbox-exporter"]
    blind["flows"]["scrape"]["to"].remove("blackbox-exporter")
    [said] = [finding for finding in unde.check(support.estate_of(blind)) if finding.rule == "monitoring-missing"]
    assert "blackbox-exporter" in said.fix


def test_a_watch_is_not_blind_for_a_server_that_is_itself_the_router() -> None:
    sites = ["local", "witness", "helsinki"]
    watched = {"clusters": {"watches": {"local": {"sites": sites}}}, "flows": {"watch-local": {"at": sites}}}
    assert [finding for finding in unde.check(support.estate(support.merged(BARE, watched))) if finding.rule == "watch-blind"] == []
