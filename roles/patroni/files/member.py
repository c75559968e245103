"""Look at one member of a shard, or wait until it is what it should be. Prints one JSON object; changes nothing.

Called as `python3 - ORDER` with the program on standard input; ORDER is one JSON object and holds no secret:
what Patroni answers is read over TLS with the host's own certificate, what PostgreSQL answers over the socket as postgres.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

TLS = Path("/etc/unde/tls")
CONFIG = Path("/etc/patroni/config.yml")
SOCKET = "/var/run/postgresql"
TIMEOUT_S = 4

SERVER = """
SELECT json_build_object(
  'in_recovery', pg_is_in_recovery(),
  'receiver', (SELECT json_build_object('status', status, 'sender', sender_host) FROM pg_stat_wal_receiver),
  'standbys', coalesce((SELECT json_agg(json_build_object('address', host(client_addr), 'state', state,
      'lag', CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) END)) FROM pg_stat_replication), '[]'))
"""


def run(argv: list[str], **more: object) -> subprocess.CompletedProcess:
    """Run a command in a small, known environment; the caller judges the status."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "PGCONNECT_TIMEOUT": str(TIMEOUT_S), "PGAPPNAME": "unde-patroni"}
    return subprocess.run(argv, text=True, capture_output=True, check=False, env=environment, cwd="/", timeout=60, **more)


def unit(name: str) -> dict:
    """Return what systemd knows of a unit."""
    wanted = "LoadState,ActiveState,SubState,UnitFileState,StateChangeTimestamp"
    done = run(["systemctl", "show", "--timestamp=unix", f"--property={wanted}", name])
    shown = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    since = shown.get("StateChangeTimestamp", "").removeprefix("@")
    return {
        "known": shown.get("LoadState") not in (None, "", "not-found"),
        "active": shown.get("ActiveState") in ("active", "reloading"),
        "enabled": shown.get("UnitFileState", "").startswith("enabled"),
        "masked": shown.get("UnitFileState") == "masked",
        "since": float(since) if since else 0.0,
    }


def ask(address: str, port: int, path: str) -> dict | None:
    """Return the answer of a member's REST API (whatever its status), or None when none comes."""
    try:
        context = ssl.create_default_context(cafile=str(TLS / "ca.crt"))
        context.load_cert_chain(TLS / "host.crt", TLS / "host.key")
        with urllib.request.urlopen(f"https://{address}:{port}{path}", context=context, timeout=TIMEOUT_S) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        # A Patroni that has just begun answers some questions with a page of text.
        try:
            return json.loads(error.read())
        except ValueError:
            return {}
    except (OSError, ValueError):
        return None


def server(order: dict) -> dict | None:
    """Return what the local PostgreSQL says about itself, or None when it does not answer."""
    try:
        account = pwd.getpwnam("postgres")
    except KeyError:
        return None
    argv = [str(Path(order["bin_directory"]) / "psql"), "-XqAt", "-h", SOCKET, "-p", str(order["port"]), "-d", "postgres", "-c", SERVER]
    try:
        done = run(argv, user="postgres", group=account.pw_gid, extra_groups=os.getgrouplist("postgres", account.pw_gid))
    except FileNotFoundError:
        return None
    return json.loads(done.stdout) if done.returncode == 0 else None


def identifier(order: dict) -> str:
    """Return the system identifier, read from the files: the server need not run."""
    tool = Path(order["bin_directory"]) / "pg_controldata"
    if not tool.exists():
        return ""
    lines = run([str(tool), "-D", order["data_directory"]]).stdout.splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("Database system identifier")), "")


def difference(wanted: dict, present: dict) -> dict:
    """Return the patch that makes `present` hold what is wanted; keys that are not ours (pause, standby_cluster) stay."""
    patch: dict = {}
    for key, value in wanted.items():
        if isinstance(value, dict):
            inner = difference(value, present.get(key) or {})
            if key == "parameters":
                inner |= {name: None for name in present.get(key) or {} if name not in value}
            if inner:
                patch[key] = inner
        elif present.get(key) != value:
            patch[key] = value
    return patch


def stored(order: dict) -> dict:
    """Return the shard's configuration in the store; empty when there is none (yet), or nobody says."""
    present = ask(order["address"], order["api_port"], "/config")
    return present if isinstance(present, dict) else {}


def runs_as(order: dict) -> dict:
    """Return as whom, on which data and where a running Patroni was told to run; empty where none runs."""
    if not unit("patroni.service")["active"] or not CONFIG.exists() or not Path(order["mark"]).exists():
        return {}
    text = CONFIG.read_text()
    lines = {
        "scope": r"^scope: (.+)$", "name": r"^name: (.+)$", "data_directory": r"^  data_dir: (.+)$",
        "address": r"^postgresql:\n(?:  .*\n)*?  connect_address: (.+):\d+\"?$",
    }
    return {key: found[1].strip('"') for key, line in lines.items() if (found := re.search(line, text, re.MULTILINE))}


def others(order: dict) -> list[dict]:
    """Return the other members of the shard."""
    return [member for member in order["members"] if member["name"] != order["name"]]


def leader(order: dict) -> str:
    """Return the name of the member that leads, asked of every member; empty when none says so."""
    for member in order["members"]:
        answer = ask(member["address"], order["api_port"], "/patroni")
        if answer and answer.get("role") in ("primary", "master") and answer.get("state") == "running":
            return member["name"]
    return ""


def need(order: dict, seen: dict) -> str:
    """Name what the member still needs to be under Patroni."""
    ours = seen["patroni"]["active"] and seen["patroni"]["enabled"] and seen["old_unit"]["masked"]
    if ours and not seen["old_unit"]["active"] and Path(order["mark"]).exists():
        return "nothing"
    if seen["server"]:
        return "adopt-standby" if seen["server"]["in_recovery"] else "adopt-primary"
    if not seen["data"]:
        return "clone"
    # Nobody runs: who carries the standby's mark waits, so that it cannot overtake the former primary.
    return "start-standby" if (Path(order["data_directory"]) / "standby.signal").exists() else "start-primary"


def problem(order: dict, seen: dict) -> str:
    """Say why the member must not be touched; empty when it may be."""
    name, data, old = order["name"], order["data_directory"], order["old_unit"]
    if seen["patroni"]["active"]:
        return ""
    if seen["need"].startswith("start") and not seen["begun"]:
        return (
            f"{data} holds system {seen['identifier'] or '(unreadable)'}, but PostgreSQL does not run, so its role and its lag are unknown. "
            f"Start it (systemctl start {old}), see that it streams, and run again."
        )
    if seen["need"] in ("clone", "adopt-primary") or seen["begun"]:
        seen["leader"] = leader(order)
    if seen["need"] == "adopt-primary" and seen["leader"] not in ("", name):
        return (
            f"PostgreSQL runs here as a primary of its own while {seen['leader']} leads {order['scope']}: two primaries. "
            f"Nothing was touched. Decide which one holds the truth; stop the other and empty its {data}."
        )
    if seen["need"] == "adopt-standby" and not seen["begun"]:
        receiver = seen["server"]["receiver"] or {"status": "absent", "sender": "nobody"}
        if receiver["status"] != "streaming":
            return f"PostgreSQL runs here as a standby but does not stream (receiver {receiver['status']}). Mend the replication first, then run again."
        if receiver["sender"] not in [member["address"] for member in others(order)]:
            return f"PostgreSQL streams here from {receiver['sender']}, which is no member of {order['scope']}. Correct the layout or primary_conninfo."
    return ""


def not_ready(order: dict, seen: dict) -> dict:
    """Name the members that do not stream from this primary, each with what is seen of it."""
    if seen["need"] != "adopt-primary" or seen["begun"]:
        return {}
    found = {standby["address"]: standby for standby in seen["server"]["standbys"]}
    missing = {}
    for member in others(order):
        standby = found.get(member["address"])
        if not standby:
            missing[member["name"]] = "does not stream from here"
        elif standby["state"] != "streaming" or standby["lag"] is None or int(standby["lag"]) > order["lag_bytes"]:
            missing[member["name"]] = f"is {standby['state']}, {standby['lag']} bytes behind"
    return missing


def look(order: dict) -> dict:
    """Return all that the role decides upon."""
    data = Path(order["data_directory"])
    seen = {
        "patroni": unit("patroni.service"),
        "old_unit": unit(order["old_unit"]),
        "data": data.is_dir() and any(data.iterdir()),
        "identifier": identifier(order),
        "server": server(order),
        "api": ask(order["address"], order["api_port"], "/patroni"),
        "leader": "",
        "runs_as": runs_as(order),
        "patch": {},
    }
    # The same rule by which the role postgres_shard lets go of the unit.
    seen["begun"] = CONFIG.exists() or seen["patroni"]["enabled"]
    seen["need"] = need(order, seen)
    seen["problem"] = problem(order, seen)
    seen["not_ready"] = not_ready(order, seen)
    # A file that is younger than the last reload: a run was killed between the two.
    seen["stale"] = seen["patroni"]["active"] and any(
        path.exists() and path.stat().st_ctime > seen["patroni"]["since"] + 1 for path in (CONFIG, TLS / "host.crt", TLS / "ca.crt")
    )
    if seen["patroni"]["active"] and seen["api"] is not None:
        present = stored(order)
        seen["patch"] = difference(order["wanted"], present) if present else {}
    return seen


def arrived(order: dict, goal: str) -> bool:
    """Tell whether the member is what it should be."""
    if goal == "leader-exists":
        return leader(order) != ""
    if goal == "informed":
        present = stored(order)
        if not present or difference(order["wanted"], present):
            return False
        # Patroni wakes at once when the store changes; then PostgreSQL has to be asked what it could not take up.
        time.sleep(order["wanted"]["loop_wait"] + 1)
        return True
    answer = ask(order["address"], order["api_port"], "/patroni") or {}
    running = answer.get("state") in ("running", "streaming")
    primary = running and answer.get("role") in ("primary", "master")
    replica = running and answer.get("role") == "replica" and answer.get("replication_state") == "streaming"
    if goal == "copying":
        return replica or answer.get("state") == "creating replica"
    if goal == "led":
        # Patroni takes the lock first and writes the shard's configuration in its next cycle; until then there is nothing to change.
        return primary and bool(stored(order))
    if goal == "settled":
        return (primary or replica) and not unit(order["old_unit"])["active"]
    return primary or replica


def main() -> None:
    """Run the program."""
    order = json.loads(sys.argv[1])
    goal = order.get("goal", "")
    deadline = time.monotonic() + order.get("wait_s", 0)
    while goal and not arrived(order, goal):
        if time.monotonic() > deadline:
            journal = run(["journalctl", "--unit=patroni.service", "--lines=12", "--no-pager", "--output=cat"]).stdout
            state = json.dumps(ask(order["address"], order["api_port"], "/patroni"))
            sys.exit(f"{order['name']}: not {goal} after {order['wait_s']} s. Patroni answers: {state}. The end of its journal:\n{journal}")
        time.sleep(0.5)
    print(json.dumps(look(order)))


if __name__ == "__main__":
    main()
