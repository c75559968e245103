#!/usr/bin/env python3
"""Change the layout of the running lab and show that ``unde diff`` had named exactly what happens: hosts, files, services.

Each edit is a value of the layout. The lab goes from one to the next and back to where it was; before each step the
difference is computed, then site.yml runs in check mode, then for real, and what changed is asked of the hosts themselves:
Ansible's own count of changes, checksums of files, start times of processes, when PostgreSQL read its configuration and
systemd last reloaded a unit, what the kernel knows of each tunnel and of the gateway's rules. More or less than was named,
or than check mode told task by task, ends with exit code 1.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "tests"))
import lab

import unde
from unde import diff
from unde.model import Estate

#: Name → the assignment: a rule of the gateway, a reload, a restart, live tunnels on many hosts, a setting of the database.
EDITS: dict[str, str] = {
    "rule": "services.posthog.ports=[8000, 8001]",
    "reload": "clusters.pgbouncer.pool_size=30",
    "restart": "clusters.etcd.quota_backend_mb=640",
    "tunnels": "tunnels.mtu=1400",
    "database": "clusters.postgres.wal.slot_share=0.15",
}
SEPARATOR = ","

#: How each kind of service is asked, as a shell command that prints one word; it changes when the service was reloaded or restarted.
#: Reloads are counted in the journal (systemd's message "unit reloaded"): what `systemctl show` knows of them is forgotten by a daemon-reload.
UNIT = (
    "systemctl show {0} -p ExecMainStartTimestampMonotonic -p InvocationID; "
    "journalctl -q -o cat MESSAGE_ID=7b05ebc668384222baa8881179cfda54 UNIT=$(systemctl show -p Id --value {0}) | wc -l"
)
QUESTIONS: list[tuple[str, str]] = [
    (r"wg-quick@(.+)", "ip -o link show {1} 2>/dev/null | grep -o 'mtu [0-9]*'; ip route show dev {1} 2>/dev/null; wg showconf {1} 2>/dev/null | md5sum"),
    (r"unde-firewall", "nft -s list table inet unde_firewall 2>/dev/null | md5sum"),
    (r"the router's /(.+)", "[ ! -e /etc/unde/chr/counters.json ] || python3 -c '" + lab.MENU.replace("{", "{{").replace("}", "}}") + "' '{1}'"),
    (r"unde-chr-firewall", "nft -s list table inet unde_chr 2>/dev/null | md5sum"),
    (r"unde-gateway-firewall", "nft -s list table inet unde_gateway 2>/dev/null | md5sum"),
    (r"postgresql@.*", "runuser -u postgres -- " + lab.PSQL + " -XAt -c 'SELECT pg_conf_load_time(), pg_postmaster_start_time()' 2>/dev/null || true"),
    (r"redis-server@(.+)", f"cat /etc/redis/redis-{{1}}.conf /etc/redis/users-{{1}}.acl 2>/dev/null | md5sum; {UNIT}"),
    (r".*", UNIT),
]

Named = dict[str, set[str]]


def question(thing: str) -> str:
    """Return the command that fingerprints a file or a service."""
    if thing.startswith("/"):
        return f"md5sum {thing} 2>/dev/null || true"
    pattern, command = next((pattern, command) for pattern, command in QUESTIONS if re.fullmatch(pattern, thing))
    found = re.fullmatch(pattern, thing)
    assert found is not None
    return command.format(thing, *found.groups())


def fingerprints(things: list[str]) -> dict[str, dict[str, str]]:
    """Return host → thing → fingerprint."""
    script = "\n".join(f"echo '== {thing}'; ( {question(thing)} )" for thing in things)

    def ask(host: str) -> dict[str, str]:
        parts = re.split(r"^== (.*)$", lab.run(host, script, timeout=120), flags=re.MULTILINE)[1:]
        return {thing: said.strip() for thing, said in zip(parts[::2], parts[1::2], strict=True)}

    return lab.everywhere(lab.hosts(), ask)


def named(difference: diff.Difference) -> Named:
    """Return what a difference names, host by host: files on the host, services that restart, reload, start or stop."""
    found: Named = {}
    for change in difference.hosts:
        for each in change.consequences:
            if each.leader:  # in Patroni's store, on no host
                continue
            if each.file and each.file.startswith("/"):
                found.setdefault(change.name, set()).add(each.file)
            if each.service and each.action not in ("none", "restart waits"):
                found.setdefault(change.name, set()).add(each.service)
    return found


def site(assignments: str, *flags: str, **variables: str) -> tuple[int, set[str]]:
    """Run site.yml with assignments; return its exit code and the hosts on which something changed."""
    environment = {**os.environ, "UNDE_SET": assignments, "ANSIBLE_FORCE_COLOR": "0", **variables}
    done = subprocess.run(
        [str(lab.ROOT / "scripts/lab-playbook"), "site.yml", *flags], cwd=lab.ROOT, env=environment, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, check=False,
    )
    if done.returncode != 0:
        print(done.stdout[-6000:])
    return done.returncode, {found[1] for found in re.finditer(r"^(\S+)\s+: ok=\d+ +changed=[1-9]", done.stdout, re.MULTILINE)}


def checked(name: str, assignments: str) -> tuple[int, set[str], list[str]]:
    """Run site.yml in check mode, then for real; return as ``site`` does, and what was not told, or told in vain."""
    with tempfile.TemporaryDirectory() as folder:
        # As for a scenario: molecule/shared/callback/check_mode.py.
        compare = {
            "ANSIBLE_CALLBACK_PLUGINS": str(lab.ROOT / "molecule/shared/callback"), "ANSIBLE_CALLBACKS_ENABLED": "check_mode",
            "MOLECULE_EPHEMERAL_DIRECTORY": folder, "MOLECULE_PROJECT_DIRECTORY": folder, "MOLECULE_SCENARIO_NAME": name,
        }  # fmt: skip
        told, _ = site(assignments, "--check", **compare)
        code, changed = site(assignments, **compare)
        result = Path(folder, ".cache/test/check_mode", f"{name}.json")
        differences: dict[str, list[list[str]]] = json.loads(result.read_text()) if result.is_file() else {}
    problems = [f"site.yml --check ended with {told}"] if told else [] if differences else ["check mode was not compared"]
    return code, changed, problems + [f"{host}: {kind} in check mode: {role}: {task}" for kind, tasks in differences.items() for role, task, host in tasks]


def estate(assignments: str) -> Estate:
    """Return the lab's estate with assignments."""
    return unde.estate(unde.load(lab.ROOT / "inventory/layout.yml", os.environ["UNDE_OVERLAY"], assignments))


def main() -> int:
    """Edit, foretell, apply, compare; and back again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("edits", nargs="*", help=f"which edits; all unless given: {', '.join(EDITS)}")
    parser.add_argument("--json", type=Path, help="write the result here")
    arguments = parser.parse_args()
    if unknown := [edit for edit in arguments.edits if edit not in EDITS]:
        parser.error(f"unknown edit {', '.join(unknown)}; known: {', '.join(EDITS)}")
    base, effects = os.environ.get("UNDE_SET", ""), diff.load(lab.ROOT / "roles")
    steps = [(edit, SEPARATOR.join(filter(None, [base, EDITS[edit]]))) for edit in arguments.edits or EDITS] + [("back", base)]
    differences, before = [], base
    for _, assignments in steps:
        differences.append(diff.between(estate(before), estate(assignments), effects))
        before = assignments
    watched = sorted({thing for difference in differences for things in named(difference).values() for thing in things})
    print(f"{len(steps)} steps; {len(watched)} files and services watched on {len(lab.hosts())} hosts", flush=True)

    results, seen = [], fingerprints(watched)
    for (name, assignments), difference in zip(steps, differences, strict=True):
        began = time.monotonic()
        code, changed, problems = checked(name, assignments)
        now = fingerprints(watched)
        happened = {host: {thing for thing in watched if seen[host][thing] != now[host][thing]} for host in now}
        foretold = named(difference)
        problems += [f"site.yml ended with {code}"] if code else []
        touched = {change.name for change in difference.hosts if change.touched}
        problems += [f"{host}: changed, and was not named" for host in sorted(changed - touched)]
        problems += [f"{host}: was named, and did not change" for host in sorted(touched - changed)]
        for host in now:
            problems += [f"{host}: {thing} changed, and was not named" for thing in sorted(happened[host] - foretold.get(host, set()))]
            problems += [f"{host}: {thing} was named, and did not change" for thing in sorted(foretold.get(host, set()) - happened[host])]
        count = sum(map(len, foretold.values()))
        print(f"{name}: {len(touched)} hosts and {count} files and services named, {time.monotonic() - began:.0f} s: "
              f"{'exactly these changed' if not problems else f'{len(problems)} differ'}", flush=True)
        for problem in problems:
            print(f"  {problem}", flush=True)
        results.append({"name": name, "hosts": len(touched), "things": count, "problems": problems})
        seen = now
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2))
    return 1 if any(result["problems"] for result in results) or not watched else 0


if __name__ == "__main__":
    sys.exit(main())
