"""No flag walks around a guard: whatever a playbook of operate or drills is called with, it refuses, or does the whole.

Nothing runs anywhere: `recording` says how.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from recording import OVERLAY, Played, play

import support
from unde.plan.rotations import Rotation, Step

HOME = support.ROOT / "playbooks"
PLAYBOOKS = sorted(str(path.relative_to(HOME)) for folder in ("operate", "drills") for path in (HOME / folder).glob("*.yml"))
LEADER, STANDBY = "local-shard-0", "shard-replica-0"
VOTES = {"local-etcd-1": "10.2.0.50", "etcd-2": "10.1.0.17", "etcd-3": "10.4.0.15"}

Answers = list[tuple[str, Mapping[str, Any]]]


def votes(*ill: str) -> Mapping[str, Any]:
    """Return what etcd says of its votes, some of which are ill."""
    return {"stdout": json.dumps([{"endpoint": f"https://{address}:2379", "health": name not in ill} for name, address in VOTES.items()]), "rc": bool(ill)}


def members(standby: str = "streaming") -> Mapping[str, Any]:
    """Return what Patroni says of its members."""
    shard = [{"Member": LEADER, "Role": "Leader", "State": "running", "TL": 1}, {"Member": STANDBY, "Role": "Replica", "State": standby, "TL": 1}]
    return {"stdout": json.dumps(shard)}


#: A case whose kind has another one that `make test` runs.
more = partial(pytest.param, marks=pytest.mark.prove)
#: An estate that is whole, as it answers.
WHOLE: Answers = [
    ("patronictl show-config", {"stdout": "ttl: 20"}),
    ("patronictl (-c \\S+ )?list", members()),
    ("endpoint health", votes()),
    ("ping -n", {"stdout": "rtt min/avg/max/mdev = 1/2/3/4 ms"}),
    ("pg_is_in_recovery", {"stdout": "0"}),
    ("patroni_config", {"changed": True, "actions": ["set pause"]}),
    ('/patroni"', {"status": -1}),
    ("unde-posthog list", {"stdout": "monday", "stdout_lines": ["monday"]}),
    ("unde.infra.*port_probe", {"answers": {}}),
]
CHANGE = "- name: Change it\n  ansible.builtin.command: change-the-gateway\n"
SECRETS = {
    "vault_mikrotik_chr_password": "p", "vault_postgres_shard_replicator_password": "p", "vault_postgres_shard_master_key": "k" * 44,
    "vault_redis_passwords": {"cache-mood": "new"},
    "vault_former": {"vault_redis_passwords/cache-mood": "old"},
}
ENCRYPTED = {**OVERLAY, "shards": {"replica": {"encrypted_disk": {"device": "/dev/disk/by-id/data"}, **OVERLAY["shards"]["replica"]}}}


@dataclass(frozen=True)
class Call:
    """A sound call of a playbook, the host it acts on, and what it does there first: a module, or a role."""

    words: tuple[str, ...]
    host: str
    does: str
    #: What a run with `-l` of that host says, where it does not reach all that it needs.
    refuses: str = ""
    overlay: Mapping[str, Any] = field(default_factory=lambda: OVERLAY)


CALLS = {
    "operate/adopt.yml": Call(("-eadopt_host=push", "--check"), "push", "host_survey_info", overlay={**OVERLAY, "hosts": {}, "shards": {}}),
    "operate/gateway_maintenance.yml": Call(("-echange={folder}/change.yml",), "helsinki-gw", "", "leaves out"),
    "operate/change_messages.yml": Call((), LEADER, "messages_change"),
    "operate/give_master_key.yml": Call((), LEADER, "postgres_secret_files"),
    "operate/matrix.yml": Call(("-ematrix_file={folder}/seen.json",), "push", "port_probe"),
    "operate/remove_host.yml": Call(("-ehost=local-voice",), "local-voice", "shred --remove /etc/wireguard/wg-voice.key"),
    "operate/reinitialize.yml": Call((f"-emember={STANDBY}",), STANDBY, "", "leaves out"),
    "operate/switchover.yml": Call((f"-emember={STANDBY}",), STANDBY, "", "leaves out"),
    "operate/replace_etcd_member.yml": Call(("-emember=etcd-3",), "etcd-3", "certificates"),
    "operate/restore_gateway.yml": Call(("-ebackup=none",), "helsinki-gw", "routeros"),
    "operate/restore_posthog.yml": Call(("-eposthog_restore=monday", "-eunde_may_initialize=true"), "posthog", "unde-posthog restore monday"),
    "operate/rollback_service.yml": Call(("-eservice=mood",), "local-mood", "rolled_back"),
    "operate/rotate_secret.yml": Call(("-esecret=vault_redis_passwords/cache-mood",), "local-redis", "", "leaves out"),
    "operate/rotate_tunnel_keys.yml": Call(("-etunnel=wg-app",), "local-app", "", "leaves out"),
    "operate/unlock_disk.yml": Call((), STANDBY, "luks", overlay=ENCRYPTED),
    "drills/latency.yml": Call((), "local-app", "ping -n -q -c 20"),
    "drills/drill.yml": Call(("-edrill=yes", "-efault=postgres-killed"), LEADER, "", "leaves out"),
    "drills/lose_primary.yml": Call(("-edrill=yes",), LEADER, "", "leaves out"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the change that is to be made, and with secrets."""
    (tmp_path / "change.yml").write_text(CHANGE)
    (tmp_path / "secrets.yml").write_text(yaml.safe_dump(SECRETS))
    return tmp_path


def call(folder: Path, playbook: str, *words: str, answers: Answers = WHOLE, overlay: Mapping[str, Any] = OVERLAY, **environment: str) -> Played:
    """Run a playbook with secrets, and with reports that stay in the folder."""
    given = ("-e", f"@{folder}/secrets.yml", f"-eadopt_reports={folder}", f"-erotate_vault={folder}/vault.yml", f"-erotate_vault_password_file={folder}/none")
    return play(folder, playbook, *given, *(word.format(folder=folder) for word in words), answers=answers, overlay=overlay, **environment)


def acts(playbook: str) -> str:
    """Return the name of the task by which a playbook acts."""
    last = yaml.safe_load((HOME / playbook).read_text(encoding="utf-8"))[-1]
    if imported := last.get("ansible.builtin.import_playbook"):
        return acts(str(Path(playbook).parent / imported))
    name: str = last["tasks"][-1]["name"]
    return name


def test_every_playbook_is_called_here() -> None:
    assert sorted(CALLS) == PLAYBOOKS


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_limit_to_the_host_that_is_acted_on_does_the_whole_or_refuses(folder: Path, playbook: str) -> None:
    it = CALLS[playbook]
    played = call(folder, playbook, *it.words, "-l", it.host, overlay=it.overlay)
    if it.refuses:
        assert played.code != 0
        assert it.refuses in played.text
        assert played.modules == ()
    else:
        assert it.host in played.ran(it.does) or f"[unde.infra.{it.does} :" in played.text, played.text[-3000:]
        # A limit leaves the controller out of the first play: there are hosts, so there is nothing to refuse.
        assert set(re.findall(r"PLAY \[([^\]]*)\] \*+ skipping: no hosts matched", " ".join(played.text.split()))) <= {"Check the inventory"}


@pytest.mark.parametrize("playbook", [
    "operate/remove_host.yml", "operate/give_master_key.yml", more("operate/rotate_tunnel_keys.yml"), more("operate/unlock_disk.yml"),
])  # fmt: skip
def test_a_limit_to_another_host_is_no_success(folder: Path, playbook: str) -> None:
    """Where nobody is left to act on, that is said."""
    it = CALLS[playbook]
    played = call(folder, playbook, *it.words, "-l", "monitoring", overlay=it.overlay)
    assert played.code != 0
    assert "Nothing was done." in played.text
    assert played.modules == ()


@pytest.mark.parametrize("flags", [("--tags", "nothing"), ("--skip-tags", "always"), ("--skip-tags", "untagged")], ids=" ".join)
@pytest.mark.parametrize("playbook", ["operate/remove_host.yml", more("drills/lose_primary.yml")])
def test_tags_pick_no_part_out(folder: Path, playbook: str, flags: tuple[str, str]) -> None:
    """All playbooks have the same shape (tests/structure/test_guards.py)."""
    it = CALLS[playbook]
    played = call(folder, playbook, *it.words, *flags, "-l", it.host)
    assert played.code != 0
    assert "run it without --tags and --skip-tags" in played.text
    assert played.modules == ()


def test_tags_that_nobody_has_may_be_skipped(folder: Path) -> None:
    """Molecule does so in every run."""
    played = call(folder, "operate/remove_host.yml", "-ehost=local-voice", "--skip-tags", "molecule-notest,notest")
    assert played.ran("shred") == ["local-voice"] * 3


#: Name → playbook, words, answers, the host that is acted on, what the refusal says. Each holds whatever flags come with it.
REFUSALS: dict[str, tuple[str, tuple[str, ...], Answers, str, str]] = {
    "a gateway goes": ("operate/remove_host.yml", ("-ehost=helsinki-gw",), WHOLE, "helsinki-gw", "is a gateway"),
    "the authority goes": ("operate/remove_host.yml", ("-ehost=monitoring",), WHOLE, "monitoring", "certificate authority"),
    "who leads goes": ("operate/remove_host.yml", (f"-ehost={LEADER}",), WHOLE, LEADER, "is the only writable member"),
    "who may lead goes, and nobody answers": (
        "operate/remove_host.yml", (f"-ehost={STANDBY}",), [("patronictl", {"unreachable": True}), *WHOLE], STANDBY, "may hold the only copy"),
    "a vote goes while another is ill": (
        "operate/remove_host.yml", ("-ehost=etcd-3",), [("endpoint health", votes("etcd-2")), *WHOLE], "etcd-3", "1 healthy of 2 votes, which is no majority"),
    "a vote goes while nobody answers": (
        "operate/remove_host.yml", ("-ehost=etcd-3",), [("^etcd-2", {"unreachable": True}), ("^local-etcd-1", {"unreachable": True}), *WHOLE], "etcd-3",
        "0 healthy of 2 votes"),
    "nobody goes": ("operate/remove_host.yml", (), WHOLE, "push", "Say which: -e host=<name>"),
    "a group goes": ("operate/remove_host.yml", ("-ehost=role_gateway",), WHOLE, "helsinki-gw", "Say which: -e host=<name>"),
    "no yes": ("operate/adopt.yml", ("-eadopt_host=push",), WHOLE, "push", "Nothing was done. First look"),
    "a no": ("operate/adopt.yml", ("-eadopt_host=push", "-eadopt=false"), WHOLE, "push", "Nothing was done. First look"),
    "no change": ("operate/gateway_maintenance.yml", (), WHOLE, "helsinki-gw", "Say which: -e change=<tasks file>"),
    "a change that is none": (
        "operate/gateway_maintenance.yml", ("-echange=gateway_maintenance",), WHOLE, "helsinki-gw",
        "none of those that come with it: gateway_apply, gateway_reboot."),
    "nobody leads": ("operate/switchover.yml", (), WHOLE, STANDBY, "Say which: -e member=<host>. Nothing is no member of a shard"),
    "no standby": ("operate/reinitialize.yml", ("-emember=push",), WHOLE, STANDBY, "Say which: -e member=<host>. push is no member of a shard"),
    "no member": ("operate/replace_etcd_member.yml", (), WHOLE, "etcd-3", "Say which: -e member=<host>"),
    "no service": ("operate/rollback_service.yml", (), WHOLE, "local-mood", "Say which: -e service=<name>"),
    "no new value": (
        "operate/rotate_secret.yml", ("-esecret=vault_redis_passwords/cache-mood", "-evault_former="), WHOLE, "local-redis", "there is nothing to rotate"),
    "no tunnel": ("operate/rotate_tunnel_keys.yml", (), WHOLE, "local-app", "Say which: -e tunnel=<interface>"),
    "no drill": ("drills/lose_primary.yml", (), WHOLE, LEADER, "Say that you mean it, by the name of what is broken"),
    "a drill, no": ("drills/lose_primary.yml", ("-edrill=no",), WHOLE, LEADER, "Say that you mean it, by the name of what is broken"),
    "no such fault": ("drills/drill.yml", ("-edrill=yes", "-efault=rain"), WHOLE, LEADER, "fault=rain: there is no such fault. There are host-lost,"),
    "no such shard": ("drills/lose_primary.yml", ("-edrill=true", "-eshard=7"), WHOLE, LEADER, "The members of shard 7: the layout has none"),
    "PostHog without a yes": (
        "operate/restore_posthog.yml", ("-eposthog_restore=monday", "-eunde_may_initialize=false"), WHOLE, "posthog", "a restore overwrites"),
}
#: Those of them that are tried with every flag; the others have the same shape (tests/structure/test_guards.py).
THOROUGHLY = ("a gateway goes", "no yes", "no drill")


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_guard_refuses_whatever_the_limit(folder: Path, refusal: str) -> None:
    playbook, words, answers, host, says = REFUSALS[refusal]
    overlay = CALLS[playbook].overlay
    played = call(folder, playbook, *words, "-l", host, answers=answers, overlay=overlay)
    assert played.code != 0
    assert says in played.text, played.text[-3000:]
    assert played.changing == []


@pytest.mark.parametrize("refusal", THOROUGHLY)
def test_a_guard_refuses_where_the_run_starts_at_the_act(folder: Path, refusal: str) -> None:
    playbook, words, answers, host, says = REFUSALS[refusal]
    played = call(folder, playbook, *words, "-l", host, "--start-at-task", acts(playbook), answers=answers, overlay=CALLS[playbook].overlay)
    assert played.code != 0
    assert says in played.text, played.text[-3000:]
    assert played.changing == []


@pytest.mark.parametrize("refusal", ["a gateway goes", "no new value", "no drill"])
def test_a_guard_refuses_in_a_rehearsal_too(folder: Path, refusal: str) -> None:
    playbook, words, answers, host, says = REFUSALS[refusal]
    played = call(folder, playbook, *words, "-l", host, "--check", answers=answers)
    assert played.code != 0
    assert says in played.text, played.text[-3000:]


@pytest.mark.parametrize(("refusal", "task"), [
    ("a gateway goes", "Destroy the host's private keys"), ("who leads goes", "Stop Patroni, PostgreSQL and etcd"), ("no yes", "Apply the role"),
    ("no drill", "Drill"),
    ("no new value", "Destroy the former value"), ("PostHog without a yes", "Restore*"),
])
def test_no_run_starts_behind_a_guard(folder: Path, refusal: str, task: str) -> None:
    """What is included is not known before it is reached: Ansible finds no such task."""
    playbook, words, answers, host, _ = REFUSALS[refusal]
    played = call(folder, playbook, *words, "-l", host, "--start-at-task", task, answers=answers, overlay=CALLS[playbook].overlay)
    assert played.changing == []


@pytest.mark.parametrize(
    "ill", [
        more((f"^{STANDBY} .*gates_info .*failover", {"msg": "failover: not one leader", "failed": True}), id="standby"),
        more(("^local-voice .*gates_info .*tunnels", {"msg": "tunnels: wg-voice to helsinki-gw", "failed": True}), id="tunnel"),
    ],
)  # fmt: skip
def test_maintenance_does_not_begin_where_one_thing_is_not_whole(folder: Path, ill: tuple[str, Mapping[str, Any]]) -> None:
    """A no that is written as text is a no; and one host that is not well holds all of them."""
    played = call(folder, "operate/gateway_maintenance.yml", "-echange={folder}/change.yml", "-egate_retries=1", "-eanyway=false", answers=[ill, *WHOLE])
    assert played.code != 0
    assert f"Measure the gates: {ill[1]['msg']}. Nothing was begun" in played.text
    assert played.ran("change-the-gateway|pause.*true") == []


@pytest.mark.prove
def test_maintenance_pauses_changes_and_resumes(folder: Path) -> None:
    """The whole, with nobody left out; and a change that fails ends with failover on."""
    words = ("operate/gateway_maintenance.yml", "-echange={folder}/change.yml", "-egate_retries=1")
    well = call(folder, *words)
    assert well.code == 0, well.text[-3000:]
    told = [module.said for module in well.changing]
    order = [next(number for number, said in enumerate(told) if what in said) for what in ('"pause": true', "change-the-gateway", '"pause": null')]
    assert order == sorted(order)
    failed = call(folder, *words, answers=[("change-the-gateway", {"rc": 1, "failed": True}), *WHOLE])
    assert failed.code != 0
    assert set(failed.ran('"pause": null')) == {LEADER, STANDBY}


@pytest.mark.prove
def test_a_change_that_comes_with_it_is_found(folder: Path) -> None:
    """By its name alone; the roles of the gateway begin there, between a pause and its end."""
    played = call(folder, "operate/gateway_maintenance.yml", "-echange=gateway_apply", "-egate_retries=1")
    assert "[unde.infra.mikrotik_chr :" in played.text, played.text[-3000:]
    assert set(played.ran('"pause": null')) == {LEADER, STANDBY}


@pytest.mark.parametrize("host", [LEADER, more(STANDBY)])
def test_a_drill_does_not_begin_on_a_shard_that_is_not_whole(folder: Path, host: str) -> None:
    ill: Answers = [(f"^{host} .*gates_info .*master_key", {"msg": "master_key: it cannot open user knowledge", "failed": True}), *WHOLE]
    played = call(folder, "drills/lose_primary.yml", "-edrill=yes", answers=ill)
    assert played.code != 0
    assert f"is not whole, {host} said so last: Measure the gates: master_key: it cannot open user knowledge." in played.text
    assert played.changing == []


def test_a_drill_does_not_begin_where_what_it_breaks_is_not_named(folder: Path) -> None:
    played = call(folder, "drills/lose_primary.yml", f"-edrill={STANDBY}", answers=WHOLE)
    assert played.code != 0
    assert f"host-lost breaks {LEADER}. " in played.text
    assert f"What is broken is named by -e drill={LEADER}; this said {STANDBY}" in played.text
    assert played.changing == []


def test_a_member_that_leads_is_not_copied_anew(folder: Path) -> None:
    played = call(folder, "operate/reinitialize.yml", f"-emember={LEADER}", answers=WHOLE)
    assert played.code != 0
    assert f"is led by {LEADER}. Nothing was deleted" in played.text
    assert played.ran("reinit") == []
    assert call(folder, "operate/reinitialize.yml", f"-emember={STANDBY}", "--check", answers=WHOLE).ran("reinit") == []


def test_a_standby_is_copied_anew(folder: Path) -> None:
    played = call(folder, "operate/reinitialize.yml", f"-emember={STANDBY}", answers=WHOLE)
    assert played.ran(f"reinit shard0 {STANDBY} --force") == [STANDBY], played.text[-3000:]


def test_a_switchover_does_not_begin_on_a_shard_that_is_not_whole(folder: Path) -> None:
    ill: Answers = [(f"^{STANDBY} .*gates_info .*master_key", {"msg": "master_key: it cannot open user knowledge", "failed": True}), *WHOLE]
    played = call(folder, "operate/switchover.yml", f"-emember={STANDBY}", answers=ill)
    assert played.code != 0
    assert played.ran("switchover") == []


def test_a_switchover_is_asked_of_the_member_that_shall_lead(folder: Path) -> None:
    """And of nobody where it leads already."""
    done: Answers = [("patronictl .* switchover ", {"stdout": "Successfully switched over to it"}), *WHOLE]
    played = call(folder, "operate/switchover.yml", f"-emember={STANDBY}", "-eswitchover_retries=1", answers=done)
    assert played.ran(f"switchover --leader {LEADER} --candidate {STANDBY} --force") == [STANDBY], played.text[-3000:]
    assert call(folder, "operate/switchover.yml", f"-emember={LEADER}", answers=done).ran("switchover --leader") == []


def test_the_other_votes_are_asked_by_whoever_goes(folder: Path) -> None:
    """And the first that answers takes the member out."""
    answers: Answers = [("^local-etcd-1", {"unreachable": True}), ("endpoint health", votes()), *WHOLE]
    played = call(folder, "operate/remove_host.yml", "-ehost=etcd-3", "-l", "etcd-3", answers=answers)
    assert played.ran('"state": "removed"') == ["etcd-2"], played.text[-3000:]
    assert set(played.ran("shred")) == {"etcd-3"}


def test_who_does_not_answer_is_taken_out_all_the_same(folder: Path) -> None:
    answers: Answers = [("^etcd-3", {"unreachable": True}), *WHOLE]
    played = call(folder, "operate/remove_host.yml", "-ehost=etcd-3", answers=answers)
    assert played.code == 0, played.text[-3000:]
    assert len(played.ran('"state": "removed"')) == 1
    assert played.ran("shred") == []
    assert "its keys could not be destroyed" in played.text


@pytest.mark.prove
def test_a_rotation_ends_only_where_every_host_that_needs_it_took_part(folder: Path) -> None:
    """With a step that asks nobody in place of a role; the vault is a real one, in the folder."""
    name, password = "vault_postgres_shard_pgbouncer_password", folder / "password"
    password.write_text("open")
    vault = VaultLib([("default", VaultSecret(b"open"))])
    (folder / "vault.yml").write_bytes(vault.encrypt(yaml.safe_dump({name: "new", "vault_former": {name: "old"}})))
    rotation = asdict(Rotation("tunnels", "none", (Step("wireguard_keys", "publish.yml"),), unasked="it is a test"))
    taken_up = f"{{{{ {{'wireguard_keys': ['{name}']}} if 'managed_wireguard_keys' in group_names else {{}} }}}}"
    given = {
        "unde_rotations": {name: rotation}, "unde_secrets": taken_up, name: "new", "vault_former": {name: "old"}, "wireguard_keys_told": {},
        "rotate_vault_password_file": str(password),
    }
    words = ("operate/rotate_secret.yml", f"-esecret={name}", "-e", json.dumps(given).replace("{", "{{").replace("}", "}}"))

    def former() -> Any:
        return yaml.safe_load(vault.decrypt((folder / "vault.yml").read_bytes())).get("vault_former")

    part = call(folder, *words, "-l", "local-app")
    assert part.code != 0
    assert "leaves out" in part.text
    assert former() == {name: "old"}
    needed = call(folder, *words, "-l", "managed_wireguard_keys,monitoring")
    assert needed.code == 0, needed.text[-3000:]
    assert not former()


def test_local_tasks_call_no_sudo(folder: Path) -> None:
    """Although all hosts are said to need it; every other task has it."""
    (folder / "bin").mkdir()
    sudo = folder / "bin" / "sudo"
    sudo.write_text(f"#!/bin/sh\ntouch {folder}/called\nexit 1\n")
    sudo.chmod(0o755)
    overlay = {**OVERLAY, "vars": {**OVERLAY["vars"], "ansible_become": True}}
    played = call(
        folder, "operate/matrix.yml", "-ematrix_file={folder}/seen.json", "-l", "push,etcd-2", overlay=overlay, ANSIBLE_BECOME_EXE=str(sudo)
    )
    assert played.code == 0, played.text[-3000:]
    assert json.loads((folder / "seen.json").read_text()).keys() == {"push", "etcd-2"}
    assert not (folder / "called").exists()
    assert {module.user for module in played.modules} == {"root"}
