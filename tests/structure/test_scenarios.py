"""The scenario of every role: containers by Molecule's docker driver, in its own form, that meet nobody else's."""

from __future__ import annotations

import ipaddress
import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from molecule.interpolation import Interpolator, TemplateWithDefaults

import support
from support import ROOT

SCENARIOS = ROOT / "molecule"
#: The whole estate, and a router that is given by its address: they make what they need themselves.
OWN = {"estate", "mikrotik_chr_real"}
ROLES = sorted(path.parent.name for path in SCENARIOS.glob("*/molecule.yml") if path.parent.name not in OWN)
#: What every container is, on a machine with the first version of control groups.
SERVER = {
    "image": "unde/debian:trixie",
    "pre_build_image": True,
    "pull": False,
    "groups": [],
    "dns_servers": ["127.0.0.1"],
    "command": "/sbin/init SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1 systemd.unified_cgroup_hierarchy=0",
    "stop_signal": "SIGRTMIN+3",
    "cgroupns_mode": "host",
    "volumes": ["/sys/fs/cgroup/systemd:/sys/fs/cgroup/systemd:rw"],
    "tmpfs": ["/run", "/run/lock"],
    "capabilities": ["SYS_ADMIN", "NET_ADMIN"],
    "security_opts": ["apparmor=unconfined"],
    "devices": ["/dev/net/tun"],
}
#: What those differ in that a container engine runs in.
ENGINE = {
    "security_opts": ["apparmor=unconfined", "seccomp=unconfined"],
    "keep_volumes": False,
    "tmpfs": ["/run", "/run/lock", "/sys/fs/cgroup:mode=755"],
    "volumes": [
        *(f"/sys/fs/cgroup/{name}:/sys/fs/cgroup/{name}:rw"
          for name in ("systemd", "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids")),
        "/var/lib/docker",
        "/var/lib/containerd",
    ],
}  # fmt: skip
WITH_ENGINE = {"unde-docker-engine", "unde-posthog-analytics"}
#: What each has for itself.
ITS_OWN = {"name", "hostname", "networks", "docker_networks", "labels"}


def molecule(name: str, **environment: str) -> dict[str, Any]:
    """Return a scenario as Molecule reads it."""
    text = (SCENARIOS / name / "molecule.yml").read_text()
    return yaml.safe_load(Interpolator(TemplateWithDefaults, environment).interpolate(text))


def networks(scenario: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the networks that a scenario makes."""
    return [network for platform in scenario["platforms"] for network in platform.get("docker_networks", [])]


@pytest.mark.parametrize("name", ROLES)
def test_the_docker_driver_makes_the_containers_by_its_own_playbooks(name: str) -> None:
    scenario = molecule(name)
    assert scenario["driver"] == {"name": "docker"}
    assert not {"create", "destroy"} & set(scenario["provisioner"].get("playbooks", {}))
    assert not {"create.yml", "destroy.yml"} & {path.name for path in (SCENARIOS / name).iterdir()}
    assert "prepare" in scenario["scenario"].get("test_sequence", ["prepare"])
    assert "../shared/boot.yml" in (SCENARIOS / name / "prepare.yml").read_text(), "nothing waits until its hosts have booted"


@pytest.mark.parametrize("name", ROLES)
def test_every_container_is_such_a_server(name: str) -> None:
    for platform in molecule(name)["platforms"]:
        wanted = SERVER | (ENGINE if platform["name"] in WITH_ENGINE else {})
        assert {key: value for key, value in platform.items() if key not in ITS_OWN} == wanted | {"image": platform["image"]}
        assert platform["image"].startswith("unde/debian:")
        assert platform["labels"] == {"unde.scenario": name}, "scripts/lab-remove does not find it"


@pytest.mark.parametrize("name", ROLES)
def test_the_inventory_has_the_hosts_by_their_short_names(name: str) -> None:
    scenario = molecule(name)
    containers = {platform["name"]: platform["hostname"] for platform in scenario["platforms"]}
    assert containers == {f"unde-{name}-{host}": host for host in containers.values()}
    if name == "mikrotik_chr":  # its inventory is a layout
        return
    found: dict[str, str] = {}
    inventory = scenario["provisioner"]["inventory"]
    if "links" in inventory:  # of a scenario with links, Molecule takes nothing else
        assert set(inventory) == {"links"}
        inventory = {"hosts": yaml.safe_load((SCENARIOS / name / inventory["links"]["hosts"]).read_text())}
        assert inventory["hosts"]["all"]["vars"] == {"ansible_connection": "docker"}
    everything = inventory["hosts"]["all"]
    for group in [everything, *everything.get("children", {}).values()]:
        found |= {host: values["ansible_host"] for host, values in group.get("hosts", {}).items() if values}
    assert found == {host: container for container, host in containers.items()}


@pytest.mark.parametrize("name", ROLES)
def test_no_network_has_a_way_out(name: str) -> None:
    scenario = molecule(name)
    made = networks(scenario)
    assert all(network["internal"] is True and network["labels"] == {"unde.scenario": name} for network in made)
    subnets = {network["name"]: ipaddress.ip_network(network["ipam_config"][0]["subnet"]) for network in made}
    for network in made:  # out of the way of the hosts
        assert ipaddress.ip_address(network["ipam_config"][0]["gateway"]) == subnets[network["name"]][-2]
    for platform in scenario["platforms"]:
        assert platform["networks"], platform["name"]
        for network in platform["networks"]:
            assert ipaddress.ip_address(network["ipv4_address"]) in subnets[network["name"]]


def test_scenarios_do_not_meet_side_by_side() -> None:
    names, subnets = [], {}
    for scenario in ROLES:
        for network in networks(molecule(scenario)):
            names.append(network["name"])
            subnets[scenario, network["name"]] = ipaddress.ip_network(network["ipam_config"][0]["subnet"])
    assert len(names) == len(set(names))
    assert [pair for pair in itertools.combinations(subnets, 2) if subnets[pair[0]].overlaps(subnets[pair[1]])] == []


def test_another_image_and_the_second_version_of_control_groups() -> None:
    """What scripts/environment says on such a machine is what the containers get."""
    environment = (ROOT / "scripts/environment").read_text()
    said = dict(re.findall(r"export (UNDE_CGROUP|UNDE_ENGINE_\w+)=(?:'([^']*)'|\S+)", environment))
    assert set(said) == {"UNDE_CGROUP", "UNDE_ENGINE_TMPFS", "UNDE_ENGINE_VOLUMES"}
    said["UNDE_CGROUP"] = "/sys/fs/cgroup"
    etcd, docker = (molecule(name, UNDE_IMAGE="unde/debian:bookworm", **said)["platforms"] for name in ("etcd", "docker"))
    assert {platform["image"] for platform in [*etcd, *docker]} == {"unde/debian:bookworm"}
    assert etcd[0]["volumes"] == ["/sys/fs/cgroup:/sys/fs/cgroup:rw"]
    assert docker[0]["volumes"] == ["/sys/fs/cgroup:/sys/fs/cgroup:rw", "/var/lib/docker", "/var/lib/containerd"]
    assert docker[0]["tmpfs"] == ["/run", "/run/lock"]


def test_the_driver_is_pinned() -> None:
    assert '"molecule-plugins[docker]==26.10.12"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("file", sorted((ROOT / "molecule").glob("*/layout.yml")), ids=lambda path: path.parent.name)
def test_a_scenario_s_layout_stands(file: Path) -> None:
    """The layouts that scenarios run on are held to the same rules as any other."""
    support.estate(file=file)
