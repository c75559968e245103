#!/usr/bin/env python3
"""Bring up containers that behave like servers: systemd first, real addresses, no way out.

Reads from stdin what a scenario needs, ``{"scenario": NAME, "hosts": [{"container", "hostname", "networks": [{"name", "address"}], "engine", "cpu_shares"}]}``
(an address may be left out, as may engine: whether a container engine runs inside, and cpu_shares: its weight against 1024 of each other host, where all
want the processors at once), and returns when every host has booted. What runs is left as it is, what
is stopped is started. Prints the containers that it made or started, one on a line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

IMAGE = os.environ.get("UNDE_IMAGE", "unde/debian:trixie")
#: Containers made at a time; the engine is slower with more.
TOGETHER = 8
BOOT_SECONDS = 180

#: By the version of control groups of the engine's host: how systemd gets a tree of its own.
INIT = {
    "1": (
        # The engine's own namespace: in a private one systemd takes the mounted root for its own, so that all hosts share their
        # services' groups, and the first that shuts down removes the others' empty ones (then `docker exec` fails there).
        ["--cgroupns", "host", "--volume", "/sys/fs/cgroup/systemd:/sys/fs/cgroup/systemd:rw"],
        ["/sbin/init", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1", "systemd.unified_cgroup_hierarchy=0"],
    ),
    "2": (["--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"], ["/sbin/init"]),
}
#: Not privileged: what systemd and WireGuard need and no more.
OPTIONS = [
    "--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--security-opt", "apparmor=unconfined", "--device", "/dev/net/tun",
    "--tmpfs", "/run", "--tmpfs", "/run/lock", "--dns", "127.0.0.1", "--stop-signal", "SIGRTMIN+3", "--stop-timeout", "20",
    "--pull", "never",
]  # fmt: skip
#: What an engine inside needs further: system calls that the outer one keeps from its containers, storage that is not layered twice.
ENGINE = ["--security-opt", "seccomp=unconfined", "--volume", "/var/lib/docker", "--volume", "/var/lib/containerd"]
#: And, by the version of control groups, the groups of its containers; systemd's own tree is there already.
ENGINE_GROUPS = {
    # Each once, below a folder of the container's own: where the outer engine's are mounted underneath, the inner one looks for its groups in those.
    "1": [
        "--tmpfs", "/sys/fs/cgroup:mode=755",
        *(f"--volume=/sys/fs/cgroup/{name}:/sys/fs/cgroup/{name}:rw" for name in ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids")),
    ],
    "2": [],
}


class Failed(Exception):
    """The engine refused; the text is what it said."""


@dataclass(frozen=True)
class Host:
    """One container: the first network carries its default route."""

    container: str
    hostname: str
    networks: list[dict[str, str]]
    engine: bool = False
    cpu_shares: int = 1024


def docker(*words: str, check: bool = True) -> str:
    """Run a docker command and return what it prints.

    Raises:
        Failed: it ended badly and ``check`` is set.

    """
    done = subprocess.run(["docker", *words], text=True, capture_output=True, check=False)
    if check and done.returncode != 0:
        raise Failed(f"docker {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.strip()


def attached(network: dict[str, str]) -> list[str]:
    """Return the options that give a container its address in a network."""
    return ["--ip", network["address"]] if network.get("address") else []


def make(host: Host, scenario: str, cgroups: str) -> None:
    """Create a container; it is not started before it stands in all its networks."""
    options, init = INIT[cgroups]
    first, *others = host.networks
    inside = [*ENGINE, *ENGINE_GROUPS[cgroups]] if host.engine else []
    docker(
        "create", "--name", host.container, "--hostname", host.hostname, "--label", f"unde.scenario={scenario}",
        "--cpu-shares", str(host.cpu_shares),
        "--network", first["name"], *attached(first), *OPTIONS, *inside, *options, IMAGE, *init,
    )  # fmt: skip
    for other in others:
        docker("network", "connect", *attached(other), other["name"], host.container)


def up(host: Host, scenario: str, cgroups: str) -> bool:
    """Make and start a host as far as needed; return whether anything was done."""
    state = docker("inspect", "--format", "{{.State.Status}}", host.container, check=False)
    if state == "running":
        return False
    try:
        if state == "created":  # interrupted between its creation and its last network
            docker("rm", host.container)
            state = ""
        if not state:
            make(host, scenario, cgroups)
        docker("start", host.container)
    except Failed as error:
        raise Failed(f"{host.container}: {error}") from error
    return True


def booted(host: Host) -> None:
    """Wait until systemd has started everything, well or not: what a role needs, it asks for itself.

    Raises:
        Failed: it has not within the time.

    """
    end, state = time.monotonic() + BOOT_SECONDS, ""
    while time.monotonic() < end:
        state = docker("exec", host.container, "systemctl", "is-system-running", "--wait", check=False)
        if state in ("running", "degraded"):
            return
        time.sleep(0.5)
    raise Failed(f"{host.container} has not booted within {BOOT_SECONDS} s: {state or 'systemd does not answer'}")


def main() -> int:
    """Read, make, wait."""
    wanted = json.load(sys.stdin)
    hosts = [Host(**each) for each in wanted["hosts"]]
    try:
        if not docker("images", "--quiet", IMAGE):
            raise Failed(f"There is no image {IMAGE}; make it with: make image")
        cgroups = docker("info", "--format", "{{.CgroupVersion}}")
        with ThreadPoolExecutor(TOGETHER) as pool:
            done = list(pool.map(lambda host: up(host, wanted["scenario"], cgroups), hosts))
        with ThreadPoolExecutor(max(1, len(hosts))) as pool:
            list(pool.map(booted, hosts))
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    for host, acted in zip(hosts, done, strict=True):
        if acted:
            print(host.container)
    return 0


if __name__ == "__main__":
    sys.exit(main())
