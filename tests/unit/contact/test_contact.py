"""First contact: what a rehearsal's record means, who is connected without a flow, what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

import support
from unde import contact
from unde.contact.openings import undeclared
from unde.contact.rehearsal import Rehearsal
from unde.contact.survey import Survey
from unde.diff.effects import Effect, load

ROLES = support.ROOT / "roles"
SURVEY: dict[str, Any] = {
    "hostname": "push", "system": "debian", "version": "13", "vcpu": 4, "ram_bytes": 8 * 1024**3, "reboot_required": False, "needrestart": False,
    "addresses": ["127.0.0.1", "10.1.0.4"], "listens": [], "connections": [], "services": {"redis-server.service": "71 1000"},
    "disks": [{"mount": "/", "device": "/dev/sda1", "bytes": 160 * 10**9, "free": 90 * 10**9}], "firewalls": [],
    "apt": {"lists_age_s": 60, "unattended": False, "held": [], "broken": []}, "postgres": [], "tracked": 0, "tracked_most": 0, "encrypted": [],
}
TOLD: dict[str, Any] = {
    "unde_name": "push", "unde_address": "10.1.0.4", "unde_state": "running", "unde_release": "trixie",
    "unde_roles": ["base", "firewall", "exporters", "redis"],
    "unde_adopt": ["base", "firewall", "exporters"], "unde_size": {"vcpu": 4, "ram_gb": 8, "disk_gb": 160},
    "exporters_wanted": [{"name": "node", "port": 9100}],
    "firewall_mode": "observe", "firewall_inbound": [{"name": "x", "peers": ["10.1.0.0/28"], "names": [], "protocol": "tcp", "ports": [6379]}],
    "firewall_outbound": [{"name": "web", "peers": [], "names": [], "protocol": "tcp", "ports": [443]}],
}
ACTING = ["base", "firewall", "exporters"]


def line(**changed: Any) -> str:
    """Return a line of a record."""
    entry = {"role": "base", "task": "T", "action": "files", "outcome": "ok", "changed": True, "hidden": False, "arguments": {}, "paths": [], "diff": [],
             "actions": [], "simulated": "", "says": ""}
    return json.dumps(entry | changed) + "\n"


def judged(record: str = "", **seen: Any) -> dict[str, Any]:
    """Return the judgement on a host that looks like ``SURVEY`` but for what is given."""
    return contact.judge(SURVEY | seen, record, TOLD, ACTING)


def kinds(judgement: dict[str, Any]) -> list[str]:
    """Return the kinds of refusals."""
    return [each["kind"] for each in judgement["refusals"]]


def test_a_host_as_the_layout_says_is_refused_nothing() -> None:
    """Files, packages and units that are new; the report says so in its first lines."""
    record = line(paths=["/etc/hosts"], diff=[{"before_header": "/etc/hosts", "after_header": "/etc/hosts", "before": "a\n", "after": "a\nb\n"}])
    record += line(action="apt", simulated="Inst prometheus-node-exporter (1.9.0-1 Debian:13 [amd64])\nConf prometheus-node-exporter (1.9.0-1)")
    record += line(role="exporters", paths=["/etc/systemd/system/prometheus-node-exporter.service.d/unde.conf"])
    found = judged(record)
    assert (found["refusals"], found["contradictions"], found["undeclared"], found["restarted"]) == ([], [], [], {})
    assert found["installed"] == ["prometheus-node-exporter"]
    assert found["files"] == {"/etc/hosts": "changed", "/etc/systemd/system/prometheus-node-exporter.service.d/unde.conf": "made"}
    assert found["started"] == ["prometheus-node-exporter.service"]
    assert "**Nothing that runs would be restarted" in found["text"]
    assert "+b" in found["text"]


@pytest.mark.parametrize(
    ("record", "kind", "says"),
    [
        (line(action="systemd_service", arguments={"name": "redis-server", "state": "restarted"}), "restart", "RUNS, and would be RESTARTED"),
        (line(action="systemd_service", arguments={"name": "redis-server.service", "state": "stopped"}), "restart", "redis-server.service"),
        (line(action="apt", simulated="Inst libc6 [2.41-11] (2.41-12 Debian:13 [amd64])"), "package", "libc6 2.41-11 → 2.41-12"),
        (line(action="apt", simulated="Remv redis-server [8.0]"), "package", "redis-server would be removed"),
        (line(outcome="failed", says="no such package"), "failed", "base: T: no such package"),
    ],
)
def test_what_a_rehearsal_refuses(record: str, kind: str, says: str) -> None:
    """A restart, an upgrade, a removal, a failure: each is refused, and the report's verdict says why."""
    found = judged(record)
    assert kinds(found) == [kind]
    assert says in found["refusals"][0]["says"]
    assert "**REFUSED.**" in found["text"]


def test_a_file_whose_service_runs_means_its_restart() -> None:
    """The handler of a rehearsal may be skipped: what follows is read from the role's effects."""
    running = {"prometheus-node-exporter.service", "unde-firewall.service"}
    record = line(role="exporters", paths=["/etc/systemd/system/prometheus-node-exporter.service.d/unde.conf"])
    found = Rehearsal.of(record + line(role="firewall", paths=["/etc/unde/firewall.nft"]), load(ROLES), running)
    assert list(found.restarted) == ["prometheus-node-exporter.service"]
    assert list(found.reloaded) == ["unde-firewall.service"]
    assert found.started == []


def test_an_effect_of_another_role_says_nothing() -> None:
    """Only the effects of the role that writes a file count, and only those of its own path."""
    effects = {"redis": [Effect(variables=["redis_instances"], file="/etc/redis/<name>.conf", service="redis-server@<name>", action="restart")]}
    assert Rehearsal.of(line(role="redis", paths=["/etc/redis/a.conf"]), effects, {"redis-server@a.service"}).restarted
    for role, path in (("base", "/etc/redis/a.conf"), ("redis", "/etc/redis/b.conf"), ("redis", "/etc/redis/a/a.conf")):
        assert not Rehearsal.of(line(role=role, paths=[path]), effects, {"redis-server@a.service"}).restarted


def test_what_a_module_lists_is_in_the_report() -> None:
    """Restarts and reloads of what runs are told as such; all that is not of a unit, in the module's words."""
    listed = ["daemon-reload", "restart a.service: /etc/a younger than its start", "reload b.service", "restart new.service", "enable c.timer",
              "add member etcd-3, at https://10.1.0.3:2380"]  # fmt: skip
    found = Rehearsal.of(line(task="Act", action="any", actions=listed), {}, {"a.service", "b.service"})
    assert found.restarted == {"a.service": "/etc/a younger than its start"}
    assert found.reloaded == {"b.service": "base: Act"}
    assert found.started == ["new.service"]
    assert found.others == ["base: Act: add member etcd-3, at https://10.1.0.3:2380"]
    text = judged(line(actions=listed))["text"]
    assert "- base: T: add member etcd-3" in text


def test_a_change_that_says_nothing_of_itself_is_named() -> None:
    assert Rehearsal.of(line(task="Create the database", action="command"), {}, set()).others == ["base: Create the database"]
    assert Rehearsal.of(line(paths=["/etc/a"]) + line(action="apt", simulated="Inst a (1)"), {}, set()).others == []


def test_what_is_hidden_or_cannot_be_rehearsed_is_told_apart() -> None:
    """A secret's content is nowhere; a command that only the real run can do is named."""
    unrun = line(outcome="skipped", changed=False, task="Arm", says="Command would have run if not in check mode")
    text = judged(line(hidden=True, task="Write what they come in with") + unrun)["text"]
    assert "base: Write what they come in with (secret: not shown)" in text
    assert "- base: Arm" in text


@pytest.mark.parametrize(
    ("seen", "says", "refused"),
    [
        ({"addresses": ["10.9.9.9"]}, "gives it 10.1.0.4, and it has 10.9.9.9", True),
        ({"system": "ubuntu", "version": "24.04"}, "it runs ubuntu 24.04", True),
        ({"version": "11"}, "it runs debian 11", True),
        ({"version": "12"}, "the layout says release: trixie, it runs bookworm", False),
        ({"listens": [{"protocol": "tcp", "address": "", "port": 9100, "program": "node_exporter", "unit": "theirs.service"}]}, "tcp 9100 is taken by", True),
        ({"apt": SURVEY["apt"] | {"broken": [" libx  half"]}}, "half installed: libx", True),
        ({"tracked": 70, "tracked_most": 100}, "the kernel can follow 100", True),
        ({"hostname": "celery"}, "calls itself celery", False),
        ({"vcpu": 2}, "the layout says 4 vCPU, it has 2", False),
        ({"disks": [{"mount": "/", "device": "d", "bytes": 80 * 10**9, "free": 4 * 10**9}]}, "the layout says 160 GB disk", False),
        ({"firewalls": ["ufw"]}, "a firewall already, which stays: ufw", False),
        ({"apt": SURVEY["apt"] | {"unattended": True}}, "upgrades packages by itself", False),
        ({"apt": SURVEY["apt"] | {"lists_age_s": 90 * 86400}}, "90 days old", False),
        ({"encrypted": ["data"]}, "crypttab opens data", False),
        ({"needrestart": True}, "needrestart is installed", False),
        ({"reboot_required": True}, "asked for a reboot", False),
    ],
)
def test_contradictions(seen: dict[str, Any], says: str, refused: bool) -> None:
    """What the host is and the layout does not say is told; what makes it another host, or would do harm, is refused."""
    found = judged(**seen)
    assert any(says in each for each in found["contradictions"])
    assert kinds(found) == (["contradiction"] if refused else [])


def test_a_role_that_the_release_cannot_run() -> None:
    """Refused before it is adopted, each by name; what works on Debian 12 is not."""
    found = contact.judge(SURVEY | {"version": "12.11"}, line(), TOLD | {"unde_release": "bookworm"}, ["base", "redis", "firewall", "etcd"])
    assert [each["says"].split(" — ")[0] for each in found["refusals"]] == [
        f"it runs Debian 12 (bookworm), on which the role {role} does not work" for role in ("redis", "etcd")
    ]
    assert not any("the layout says release" in each for each in found["contradictions"])


def test_our_own_exporter_has_its_port() -> None:
    """After the adoption the port is taken by ours."""
    mine = {"protocol": "tcp", "address": "10.1.0.4", "port": 9100, "program": "prometheus-node", "unit": "prometheus-node-exporter.service"}
    assert kinds(judged(listens=[mine])) == []


def test_who_is_connected_without_a_flow() -> None:
    """Named: a peer outside the flow's network, a port without one, private address space on the way out, IPv6. Not named: what the flows have, loopback."""
    def at(way: str, peer: str, port: int) -> dict[str, Any]:
        return {"way": way, "peer": peer, "port": port, "program": "p", "count": 2}

    declared = [at("in", "10.1.0.9", 6379), at("out", "203.0.113.7", 443), at("in", "127.0.0.1", 9), at("out", "::1", 9), at("out", "10.1.0.4", 9)]
    strange = [at("in", "10.1.0.99", 6379), at("in", "10.1.0.9", 22), at("out", "10.1.1.2", 443), at("out", "2001:db8::1", 443), at("out", "203.0.113.7", 25)]
    doors = [{"protocol": "tcp", "address": address, "port": port, "program": "p", "unit": ""} for address, port in (("", 22), ("127.0.0.1", 23), ("", 6379))]
    found = undeclared(Survey.model_validate(SURVEY | {"connections": declared + strange, "listens": doors}), TOLD, ROLES)
    assert [each.says.split(":")[0] for each in found if each.now and "2001" not in each.says] == [
        "10.1.0.99 → p on tcp 6379", "10.1.0.9 → p on tcp 22", "p → 10.1.1.2 tcp 443", "p → 203.0.113.7 tcp 25",
    ]
    assert sum("2001" in each.says for each in found) == 1
    assert [each.says for each in found if not each.now] == ["tcp 22 (p) listens, and no flow leads there"]


def test_the_fingerprint() -> None:
    """Another variable, another role: another report; what a person may say at the command line is no part of what is told."""
    first = contact.fingerprint(TOLD, ACTING)
    assert first == contact.fingerprint(dict(reversed(TOLD.items())), ACTING)
    assert first != contact.fingerprint(TOLD | {"firewall_mode": "enforce"}, ACTING)
    assert first != contact.fingerprint(TOLD, [*ACTING, "redis"])


def test_a_survey_of_another_form_is_refused() -> None:
    """What the host tells is typed."""
    with pytest.raises(ValueError, match="vcpu"):
        judged(vcpu="many")
