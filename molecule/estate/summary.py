#!/usr/bin/env python3
"""Say in one screen what the running lab is: hosts, tunnels, votes, shards, Redis, times, and what to try next."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "tests"))
import lab
from rich.console import Console
from rich.table import Table

PROBES = 10
LAG = """
SELECT application_name, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint,
  coalesce(round(extract(epoch FROM replay_lag) * 1000), 0)
FROM pg_stat_replication
"""
TRY = """\
docker exec -it unde-lab-local-shard-0 bash                       be on a host
docker exec -it -u postgres unde-lab-local-shard-0 psql unde      ask the shard
scripts/wan cut wg-shard0                                         cut a tunnel; scripts/wan heal
docker kill unde-lab-local-shard-0                                lose the primary, watch the replica take over …
docker exec unde-lab-shard-replica-0 patronictl -c /etc/patroni/config.yml list
docker start unde-lab-local-shard-0                               … and come back as a standby
make second-run                                                   nothing changes, nothing restarts
make lab SHARDS=2                                                 one more shard
make lab-down                                                     leave nothing behind"""


def table(title: str, *columns: str) -> Table:
    """Return an empty table in the style of all of them."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for column in columns:
        made.add_column(column)
    return made


def said(ask: Callable[[], Any]) -> Any:
    """Return an answer, or what went wrong: one silent service must not hide the others."""
    try:
        return ask()
    except (lab.CommandFailed, subprocess.SubprocessError, ValueError, KeyError, StopIteration) as error:
        return f"[red]{str(error)[:100]}[/red]"


def hosts() -> Table:
    """Show where the hosts are and whether their systemd is content."""
    names = {host["name"]: host for host in lab.plan("hosts")}
    states = lab.everywhere(names, lambda host: said(lambda: lab.run(host, "systemctl is-system-running", check=False) or "silent"))
    made = table(f"{len(names)} hosts", "site", "hosts", "running", "names")
    for site in dict.fromkeys(host["site"] for host in names.values()):
        own = [name for name, host in names.items() if host["site"] == site]
        well = [name for name in own if states[name] == "running"]
        shown = ", ".join(name if name in well else f"[red]{name} ({states[name]})[/red]" for name in own)
        made.add_row(site, str(len(own)), str(len(well)), shown)
    return made


def memory() -> str:
    """Return how many containers there are, and what their processes take: what several share is counted once."""
    command = ["docker", "ps", "-q", "--no-trunc", "--filter", "label=unde.scenario=estate"]
    ids = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    kilobytes = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            group = (process / "cgroup").read_text()
            if any(each in group for each in ids):
                kilobytes += int(re.findall(r"^Pss:\s+(\d+)", (process / "smaps_rollup").read_text(), re.MULTILINE)[0])
        except (OSError, IndexError):  # it has just ended
            continue
    return f"{len(ids)} containers, {kilobytes / 1024:.0f} MiB in their processes"


def tunnels() -> Table:
    """Show every tunnel with its RTT as its host sees it."""
    rows = {tunnel["name"]: tunnel for tunnel in lab.plan("tunnels")}

    def rtt(name: str) -> str:
        ends = rows[name]
        text = lab.run(ends["near"], f"ping -n -c {PROBES} -i 0.2 -W 3 {ends['far_address']}", check=False)
        times = [float(value) for value in re.findall(r"time=([\d.]+)", text)]
        if not times:
            return "[red]down[/red]"
        lost = f" [red]({PROBES - len(times)} of {PROBES} lost)[/red]" if len(times) < PROBES else ""
        return f"{statistics.median(times):.1f} ms{lost}"

    times = lab.everywhere(rows, lambda name: str(said(lambda: rtt(name))))
    made = table(f"{len(rows)} tunnels", "tunnel", "from", "to", "RTT", "for")
    for name, row in rows.items():
        made.add_row(name, row["near"], row["far"], times[name], row["purpose"])
    return made


def votes() -> Table:
    """Show etcd's members and who leads."""
    members = [host for host in lab.plan("hosts") if "etcd" in host["roles"]]

    def ask(what: str) -> list[dict[str, Any]]:
        said = lab.run(members[0]["name"], f"unde-etcdctl endpoint {what} --cluster --write-out json", check=False)
        return json.loads(said) if said.startswith("[") else []

    health, status = ask("health"), ask("status")
    made = table("etcd", "vote", "site", "healthy", "leader")
    for host in members:
        healthy = any(each["health"] for each in health if f"//{host['address']}:" in each["endpoint"])
        own = next((each["Status"] for each in status if f"//{host['address']}:" in each["Endpoint"]), None)
        leads = own is not None and own["leader"] == own["header"]["member_id"]
        made.add_row(host["name"], host["site"], "yes" if healthy else "[red]no[/red]", "leads" if leads else "")
    return made


def shards() -> Table:
    """Show the members of every shard as Patroni sees them, with the standby's lag as the primary sees it."""
    made = table("shards", "shard", "member", "role", "state", "lag")
    for shard in lab.shards():
        leader = said(lambda shard=shard: lab.leader(shard))
        if leader not in shard["members"]:
            made.add_row(shard["name"], "[red]no member takes writes[/red]")
            continue
        lags = dict(line.split("|", 1) for line in str(said(lambda leader=leader: lab.sql(leader, LAG))).splitlines() if "|" in line)
        for member in said(lambda leader=leader: lab.patroni(leader)):
            bytes_behind, _, ms = lags.get(member["Member"], "").partition("|")
            lag = f"{int(bytes_behind)} bytes, {ms} ms" if bytes_behind else ""
            made.add_row(shard["name"], member["Member"], member["Role"], member["State"], lag)
    return made


def times() -> Table | None:
    """Show how long each step of make lab took."""
    file = lab.ROOT / ".lab/times.json"
    if not file.exists():
        return None
    steps = json.loads(file.read_text())
    made = table(f"make lab: {sum(steps.values()):.0f} s", "step", "seconds")
    for title, seconds in steps.items():
        made.add_row(title, f"{seconds:.1f}")
    return made


def main() -> int:
    """Print everything."""
    console = Console(width=None if sys.stdout.isatty() else 150, highlight=False)
    for part in (hosts(), tunnels(), votes(), shards(), times()):
        if part is not None:
            console.print(part)
            console.print()
    console.print(f"[bold]{said(memory)}[/bold]\n\n[bold]What to try next[/bold]")
    console.print(TRY, markup=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
