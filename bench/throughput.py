#!/usr/bin/env python3
"""How much goes through the running lab's tunnels, and what that costs the processor.

One stream between two hosts of a site, one tunnel, and the nine tunnels of the local site at once; through the WAN as the layout has it,
and without its delay. Each host sends to the monitoring's host, from the port and by the flow of the scrapes: what is measured passes the
same rules as anything else. The rate is that of the last seconds, when TCP has found it; the processor's time is that of the same seconds.
What else this machine does at the time counts against the rate: it is told beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "molecule/estate/tests"))
import lab  # noqa: E402

PORT, UNIT = 9100, "prometheus-node-exporter"
#: Seconds in which only the others work, seconds for TCP to find its rate at 120 ms, and seconds that are measured.
QUIET_S, WARM_S, MEASURED_S = 1, 4, 5
TICKS = os.sysconf("SC_CLK_TCK")
#: Sends to the one who asks for it, as fast as it goes, and ends with the connection. Prometheus, which asks at this port too, is shown out.
SEND = """
import socket, sys
listener = socket.create_server(("", int(sys.argv[1])))
listener.settimeout(20)
chunk = bytes(1 << 18)
asked = b""
while asked != b"send":
    taken, _ = listener.accept()
    asked = taken.recv(4)
try:
    while True:
        taken.sendall(chunk)
except OSError:
    pass
"""
#: Takes from many at once; prints a mark when the measured seconds begin, and then what came from each.
TAKE = """
import json, selectors, socket, sys, time
port, warm, measured, *addresses = int(sys.argv[1]), *map(float, sys.argv[2:4]), *sys.argv[4:]
open_ = selectors.DefaultSelector()
give_up = time.monotonic() + 10
def connected(address):
    while True:
        try:
            return socket.create_connection((address, port), 10)
        except ConnectionRefusedError:  # it may still be starting
            if time.monotonic() > give_up:
                raise
            time.sleep(0.1)
for address in addresses:
    taken = connected(address)
    taken.sendall(b"send")
    taken.setblocking(False)
    open_.register(taken, selectors.EVENT_READ, address)
buffer = bytearray(1 << 18)
def take(seconds):
    came, began = dict.fromkeys(addresses, 0), time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        for key, _ in open_.select(seconds - now):
            came[key.data] += key.fileobj.recv_into(buffer)
    return came, now
take(warm)
print("begin", flush=True)
came, seconds = take(measured)
print(json.dumps({"bytes": came, "seconds": seconds}), flush=True)
"""


@dataclass(frozen=True)
class Way:
    """What is measured: who sends to the monitoring's host, through the WAN's delay or without."""

    name: str
    senders: tuple[str, ...]
    delay: bool = True


@dataclass(frozen=True)
class Result:
    """What a way carried, and what it took. Shares are of all processors of this machine."""

    name: str
    streams: int
    mbit_s: float
    slowest_mbit_s: float
    wireguard_s_per_gb: float
    relay_s_per_gb: float
    wireguard_share: float
    relay_share: float
    busy_share: float
    busy_before_share: float
    command: str


def ways() -> list[Way]:
    """Return what there is to measure."""
    local = {host["name"] for host in lab.plan("hosts") if host["site"] == "local"}
    gateway = lab.hosts("gateway")[0]
    near = tuple(tunnel["near"] for tunnel in lab.plan("tunnels") if tunnel["near"] in local and tunnel["far"] == gateway)
    one = (lab.shards()[0]["members"][0],)
    nine = f"{len(near)} tunnels"
    return [
        Way("veth", ("etcd-2",)),
        Way("one tunnel", one), Way("one tunnel, no delay", one, delay=False),
        Way(nine, near), Way(f"{nine}, no delay", near, delay=False),
    ]  # fmt: skip


def seconds_of(pids: list[int]) -> float:
    """Return the processor time that processes have used so far, their own and the kernel's for them."""
    used = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used += int(fields[11]) + int(fields[12])
    return used / TICKS


def busy() -> float:
    """Return the seconds that this machine's processors have been busy so far."""
    user, nice, system, _, _, irq, softirq, *_ = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:])
    return (user + nice + system + irq + softirq) / TICKS


def wireguard() -> list[int]:
    """Return the processes of WireGuard in all hosts; none where the kernel does it."""
    return [int(entry.parent.name) for entry in Path("/proc").glob("[0-9]*/comm") if entry.read_text().strip() == "wireguard-go"]


def relay() -> list[int]:
    """Return the process of the WAN."""
    said = subprocess.run(["docker", "inspect", "--format", "{{.State.Pid}}", "unde-lab-wan"], check=True, capture_output=True, text=True).stdout
    return [int(said)]


@contextmanager
def prepared(way: Way) -> Iterator[None]:
    """Let the senders have the port, and the WAN be as it is wanted; both are put back."""
    used = [host for host in way.senders if lab.run(host, f"systemctl is-active {UNIT}", check=False) == "active"]
    wan = str(ROOT / "scripts/wan")
    try:
        lab.everywhere(used, lambda host: lab.run(host, f"systemctl stop {UNIT}"))
        if not way.delay:
            subprocess.run([wan, "delay", "all", "0"], check=True, capture_output=True)
        for host in way.senders:
            subprocess.run(["docker", "exec", "--detach", lab.PREFIX + host, "timeout", "40", "python3", "-c", SEND, str(PORT)], check=True)
        yield
    finally:
        subprocess.run([wan, "heal"], check=True, capture_output=True)
        lab.everywhere(used, lambda host: lab.run(host, f"systemctl start {UNIT}"))


def measure(way: Way) -> Result:
    """Let everybody send, and take the times."""
    addresses = {host["name"]: host["address"] for host in lab.plan("hosts")}
    words = [str(PORT), str(WARM_S), str(MEASURED_S), *(addresses[host] for host in way.senders)]
    processors = os.cpu_count() or 1
    with prepared(way):
        guards, line, idle = wireguard(), relay(), busy()
        time.sleep(QUIET_S)
        busy_before = (busy() - idle) / QUIET_S / processors
        command = ["docker", "exec", lab.PREFIX + "monitoring", "timeout", "30", "python3", "-c", TAKE, *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            if process.stdout.readline() != "begin\n":
                sys.exit(f"{way.name}: no connection to every sender")
            before = seconds_of(guards), seconds_of(line), busy(), time.monotonic()
            said = json.loads(process.stdout.readline())
            after = seconds_of(guards), seconds_of(line), busy(), time.monotonic()
    guard_s, relay_s, busy_s, wall_s = (end - begin for begin, end in zip(before, after, strict=True))
    total, slowest = sum(said["bytes"].values()), min(said["bytes"].values())
    if slowest == 0:
        sys.exit(f"{way.name}: nothing came from somebody: {said['bytes']}")
    available_s = processors * wall_s
    return Result(
        way.name, len(way.senders), total * 8e-6 / said["seconds"], slowest * 8e-6 / said["seconds"], guard_s * 1e9 / total, relay_s * 1e9 / total,
        guard_s / available_s, relay_s / available_s, busy_s / available_s, busy_before, f"bench/throughput.py --only '{way.name}'",
    )  # fmt: skip


def table(results: list[Result]) -> Table:
    """Return the result as a table."""
    shown = Table(box=None, header_style="bold", title=f"{os.cpu_count()} processors, {MEASURED_S} s each", title_justify="left")
    for title in ("way", "streams", "Mbit/s", "slowest", "WG s/GB", "relay s/GB", "WG busy", "relay busy", "all busy", "before"):
        shown.add_column(title, justify="left" if title == "way" else "right", no_wrap=True)
    for each in results:
        rates = [f"{each.mbit_s:.0f}", f"{each.slowest_mbit_s:.0f}", f"{each.wireguard_s_per_gb:.1f}", f"{each.relay_s_per_gb:.1f}"]
        shares = [f"{share:.0%}" for share in (each.wireguard_share, each.relay_share, each.busy_share, each.busy_before_share)]
        shown.add_row(each.name, str(each.streams), *rates, *shares)
    return shown


def main() -> int:
    """Measure, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="one way, by its name in the table")
    parser.add_argument("--json", type=Path, help="write the figures here, each with the command that gives it")
    arguments = parser.parse_args()
    wanted = [way for way in ways() if arguments.only in (None, way.name)]
    if not wanted:
        parser.error(f"no such way: {arguments.only}; there are {', '.join(way.name for way in ways())}")
    results = [measure(way) for way in wanted]
    Console(soft_wrap=True).print(table(results))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
