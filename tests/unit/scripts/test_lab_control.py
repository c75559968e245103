"""How the lab's hosts are reached: which playbook runs where, by what strategy, with what of the environment; and what ends with its caller."""

from __future__ import annotations

import configparser
import ipaddress
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from support import ROOT

sys.path.insert(0, str(ROOT / "molecule/estate"))
from relay.rule import Spec

#: In place of the engine's client: a process of the container is none of the client's; it gets what the client reads, and ends the client.
CLIENT = """#!{python}
import json, os, pathlib, subprocess, sys, threading
words, environment, folder = sys.argv[2:], dict(os.environ), None
while words[0].startswith("--"):
    option, *words = words
    if option != "--interactive":
        value, *words = words
    if option == "--env":
        name, _, text = value.partition("=")
        environment |= {{name: text}} if name != "PATH" else {{}}
    elif option == "--workdir":
        folder = value
pathlib.Path("{here}/container").write_text(words[0])
inside = subprocess.Popen(words[1:], stdin=subprocess.PIPE, env=environment, cwd=folder, start_new_session=True)
def carry():
    while data := os.read(0, 4096):
        inside.stdin.write(data)
threading.Thread(target=carry, daemon=True).start()
os._exit(inside.wait())
"""
#: Says what a program was called with.
ANSIBLE = """#!{python}
import json, os, pathlib, sys
pathlib.Path("{here}/called").write_text(json.dumps({{"words": sys.argv[1:], "environment": dict(os.environ)}}))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the scripts, and programs that say what they were called with."""
    for name in ("scripts", "bin", ".lab"):
        (tmp_path / name).mkdir()
    (tmp_path / "molecule").symlink_to(ROOT / "molecule")
    for name in ("environment", "lab-playbook"):
        shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts")
    programs = {"bin/docker": CLIENT, "bin/ansible-playbook": ANSIBLE, "scripts/alone": '#!/bin/sh\nexec "$@"\n'}
    for name, text in programs.items():
        (tmp_path / name).write_text(text.format(python=sys.executable, here=tmp_path))
        (tmp_path / name).chmod(0o755)
    return tmp_path


def surroundings(checkout: Path, **more: str) -> dict[str, str]:
    """Return an environment in which those programs are found first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("UNDE_", "ANSIBLE_"))}
    return {**kept, "PATH": f"{checkout / 'bin'}:{os.environ['PATH']}", **more}


def called(checkout: Path, *words: str, **more: str) -> dict[str, Any]:
    """Run a playbook on the lab and return how ansible-playbook was called, and in which container."""
    subprocess.run([str(checkout / "scripts/lab-playbook"), *words], env=surroundings(checkout, **more), check=True, timeout=60)
    container = checkout / "container"
    return json.loads((checkout / "called").read_text()) | {"container": container.read_text() if container.exists() else None}


def test_without_a_choice_the_hosts_are_reached_by_the_engine(checkout: Path) -> None:
    done = called(checkout, "site.yml", "--diff")
    assert done["container"] is None
    assert done["words"] == ["--vault-password-file", ".lab/vault-password", "--extra-vars", "@.lab/vault.yml", "site.yml", "--diff"]
    environment = done["environment"]
    assert (environment["ANSIBLE_STRATEGY"], environment["ANSIBLE_TIMEOUT"], environment["UNDE_SET"]) == ("quick", "60", "")


@pytest.mark.parametrize("chosen", ["file", "environment"])
def test_over_ssh_it_runs_on_the_control_node_as_everybody_s_ansible(chosen: str, checkout: Path) -> None:
    (checkout / ".lab/set").write_text("shards.count=2")
    # As left by a caller whose own commands reach the hosts by the engine.
    more = {"ANSIBLE_STRATEGY": "quick", "ANSIBLE_STRATEGY_PLUGINS": "/x", "ANSIBLE_TIMEOUT": "60", "ANSIBLE_CALLBACKS_ENABLED": "a b", "SECRET": "no"}
    if chosen == "file":
        (checkout / ".lab/connection").write_text("ssh")
    else:
        more["UNDE_CONNECTION"] = "ssh"
    done = called(checkout, "site.yml", **more)
    assert done["container"] == "unde-lab-control"
    assert done["words"][-1] == "site.yml"
    environment = done["environment"]
    assert environment["ANSIBLE_STRATEGY"] == "linear"
    assert {"ANSIBLE_TIMEOUT", "ANSIBLE_STRATEGY_PLUGINS"} & set(environment) == set(), "ansible.cfg is what is shown"
    assert environment["ANSIBLE_CALLBACKS_ENABLED"] == "a b"
    assert environment["PWD"] == str(checkout)
    assert environment["UNDE_OVERLAY"] == str(checkout / "molecule/estate/lab.yml")
    assert environment["UNDE_SET"] == "shards.count=2,vars.ansible_connection=ssh,vars.ansible_host=<host>,vars.ansible_user=deploy"


@pytest.mark.parametrize("playbook", ["molecule/estate/create.yml", "molecule/estate/control.yml"])
def test_what_builds_the_lab_runs_on_this_machine(playbook: str, checkout: Path) -> None:
    done = called(checkout, playbook, UNDE_CONNECTION="ssh")
    assert (done["container"], done["environment"]["ANSIBLE_STRATEGY"], done["environment"]["UNDE_SET"]) == (None, "quick", "")


def test_another_way_than_the_two_is_refused(checkout: Path) -> None:
    done = subprocess.run(
        [str(checkout / "scripts/lab-playbook"), "site.yml"], env=surroundings(checkout, UNDE_CONNECTION="telnet"), text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, "lab-playbook: UNDE_CONNECTION is telnet; the lab is reached by docker or ssh\n")
    assert not (checkout / "called").exists()


def run(checkout: Path, *words: str) -> subprocess.Popen[str]:
    """Begin a command on the control node."""
    control = str(ROOT / "molecule/estate/control/run")
    return subprocess.Popen([control, *words], env=surroundings(checkout), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True)


def test_the_command_s_words_and_end_are_those_of_the_control_node(checkout: Path) -> None:
    process = run(checkout, "sh", "-c", 'echo "$1"; exit 7', "_", "two  words")
    assert process.communicate(timeout=60)[0] == "two  words\n"
    assert process.returncode == 7


def test_who_is_killed_takes_the_command_on_the_control_node_along(checkout: Path) -> None:
    """The engine's client says nothing to the container when it is killed: what ran there would go on."""
    process = run(checkout, "sh", "-c", "sleep 600 & echo $! $$; wait")
    assert process.stdout is not None
    pids = process.stdout.readline().split()
    assert all(Path(f"/proc/{pid}").exists() for pid in pids)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    end = time.monotonic() + 600  # against waiting for ever
    while time.monotonic() < end and any(alive(pid) for pid in pids):
        time.sleep(0.05)
    assert [pid for pid in pids if alive(pid)] == []


def alive(pid: str) -> bool:
    """Return whether a process runs; a dead one may wait for somebody who asks for its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_three_attempts_at_a_host_that_is_away_end_before_its_firewall_gives_up() -> None:
    """A proof by a new connection would come when the former rules are back; and who else waits for that host waits no longer."""
    ours, shipped = configparser.ConfigParser(), configparser.ConfigParser()
    ours.read(ROOT / "ansible.cfg")
    shipped.read(ROOT / "docs/ansible.cfg")
    assert ours["ssh_connection"] == shipped["ssh_connection"]
    retries, timeout = (ours["ssh_connection"].getint(name) for name in ("retries", "timeout"))
    pauses = sum(2**attempt - 1 for attempt in range(retries))
    rollback = yaml.safe_load((ROOT / "roles/firewall/defaults/main.yml").read_text())["firewall_rollback_s"]
    assert (retries + 1) * timeout + pauses == 46, "what the comment says"
    assert rollback > 46


def test_the_wan_carries_the_way_in_beside_the_tunnels() -> None:
    variables = yaml.safe_load((ROOT / "molecule/estate/lab.yml").read_text())["vars"]
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["from_json"] = json.loads
    template = environment.from_string((ROOT / "molecule/estate/templates/wan-rules.json.j2").read_text())
    tunnels = [{"name": f"wg-{each}", "near": "a", "far": "helsinki-gw", "port": port, "rtt_ms": 120.0} for each, port in (("a", 51820), ("b", 51821))]
    hosts = {"a": {"unde_public_address": None}, "helsinki-gw": {"unde_public_address": "198.18.0.2"}}
    for there in ([], tunnels):
        rules = [Spec(**rule) for rule in json.loads(template.render(variables, __lab_tunnels={"stdout": json.dumps(there)}, hostvars=hosts))]
        assert [rule.name for rule in rules] == [*(tunnel["name"] for tunnel in there), "operators"]
        assert len({(rule.listen, rule.port) for rule in rules}) == len(rules)
        assert {rule.delay_ms for rule in rules} == {60.0}


def test_the_way_in_has_the_delay_of_a_site_far_away_and_its_address_is_nobody_s() -> None:
    variables = yaml.safe_load((ROOT / "molecule/estate/lab.yml").read_text())["vars"]
    vpn, wan = variables["lab_vpn"], variables["lab_wan"]
    layout = (ROOT / "inventory/layout.yml").read_text()
    assert {vpn["rtt_ms"]} == {float(rtt) for rtt in re.findall(r"rtt_ms: (\d+)\}", layout)}
    assert ipaddress.ip_address(vpn["called"]) in ipaddress.ip_network(wan["subnet"])
    assert ipaddress.ip_address(vpn["called"]) not in ipaddress.ip_network(wan["range"])
    assert vpn["called"] not in {wan["relay"], *wan["called"].values()}
    inner = ipaddress.ip_network(f"{vpn['server']}/{vpn['prefix']}", strict=False)
    assert ipaddress.ip_address(vpn["client"]) in inner
    assert not inner.overlaps(ipaddress.ip_network(wan["subnet"]))
