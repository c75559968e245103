"""Where a host is not what the layout says of it, or what a run of ours had better know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..model.roles import RELEASES, ROLES
from .rehearsal import Rehearsal
from .survey import Survey

GIB, GB = 1024**3, 1000**3
#: A size that is off by less is the same machine: systems keep some memory, file systems some disk.
TOLERANCE = 0.15
#: The kernel drops packets when its table of connections is full; rules of ours have it keep one.
TRACKED_SHARE = 0.5
#: Which role's variable says the version of PostgreSQL.
DATABASES = {"core_database": "core_database_version", "postgres_shard": "postgres_shard_version"}
#: Major version that the roles make where the layout says none.
POSTGRES = "17"


@dataclass(frozen=True)
class Contradiction:
    """One thing that is not as it should be.

    Attributes:
        refused: whether nothing may be done before it is mended.
        says: it in words, with the way out where there is one.

    """

    refused: bool
    says: str


def contradictions(survey: Survey, variables: dict[str, Any], acting: list[str], rehearsal: Rehearsal) -> list[Contradiction]:
    """Return all of them, those that are refused first."""
    found = [
        *_release(survey, variables, acting), *_machine(survey, variables), *_sizes(survey, variables), *_databases(survey, variables),
        *_exporters(survey, variables, acting), *_packages(survey), *_rules(survey, acting),
    ]
    return sorted(found, key=lambda each: not each.refused)


def _release(survey: Survey, variables: dict[str, Any], acting: list[str]) -> Iterator[Contradiction]:
    """Yield another system, roles that do not work on its release, and another release than the layout's."""
    names = {number: name for name, number in RELEASES.items()}
    found = names.get(survey.version.split(".")[0]) if survey.system == "debian" else None
    if found is None:
        yield Contradiction(True, f"it runs {survey.system} {survey.version}; the roles are made for Debian {' and '.join(RELEASES.values())}")
        return
    for role in acting:
        if role in ROLES and found not in ROLES[role].releases:
            yield Contradiction(
                True, f"it runs Debian {RELEASES[found]} ({found}), on which the role {role} does not work — leave it out of hosts.<name>.adopt, and what runs "
                f"there stays, or upgrade the host to Debian {RELEASES[ROLES[role].releases[-1]]}",
            )
    if variables.get("unde_release", found) != found:
        yield Contradiction(False, f"the layout says release: {variables['unde_release']}, it runs {found}: correct hosts.<name>.release")


def _machine(survey: Survey, variables: dict[str, Any]) -> Iterator[Contradiction]:
    """Yield what makes it another machine than the layout means."""
    address, public = variables.get("unde_address"), variables.get("unde_public_address")
    if address and address not in survey.addresses:
        yield Contradiction(
            True, f"the layout gives it {address}, and it has {', '.join(each for each in survey.addresses if not each.startswith('127.')) or 'none'}: "
            "another machine, or a private network that is not attached — correct hosts.<name>.address, or attach it",
        )
    if public and public not in survey.addresses:
        yield Contradiction(False, f"its public address {public} is on none of its interfaces: the provider translates it, or the layout is wrong")
    if survey.hostname != variables.get("unde_name"):
        yield Contradiction(False, f"it calls itself {survey.hostname}; that stays (the layout's name is {variables.get('unde_name')})")
    if survey.encrypted and not variables.get("luks_device"):
        opened = ", ".join(survey.encrypted)
        yield Contradiction(False, f"/etc/crypttab opens {opened}; the layout knows of no encrypted disk here: it stays yours to open")
    if survey.reboot_required:
        yield Contradiction(False, "a package asked for a reboot (/run/reboot-required); nothing of ours does it")


def _sizes(survey: Survey, variables: dict[str, Any]) -> Iterator[Contradiction]:
    """Yield sizes that the layout has otherwise: settings are computed from them."""
    size = variables.get("unde_size") or {}
    largest = max((disk.bytes for disk in survey.disks), default=0)
    for key, unit, here in (("vcpu", "vCPU", survey.vcpu), ("ram_gb", "GB memory", survey.ram_bytes / GIB), ("disk_gb", "GB disk", largest / GB)):
        wanted = size.get(key)
        if wanted and abs(here - wanted) > TOLERANCE * wanted:
            most = "its largest file system has" if key == "disk_gb" else "it has"
            yield Contradiction(
                False, f"the layout says {wanted} {unit}, {most} {here:.0f}: settings are computed from the layout's figure — correct hosts.<name>.{key}",
            )
    for disk in survey.disks:
        if disk.bytes and disk.free < 0.1 * disk.bytes:
            yield Contradiction(False, f"{disk.mount} has {disk.free / GB:.1f} of {disk.bytes / GB:.1f} GB left")


def _databases(survey: Survey, variables: dict[str, Any]) -> Iterator[Contradiction]:
    """Yield servers of PostgreSQL that are not those that the layout means."""
    for role, variable in DATABASES.items():
        if role in variables.get("unde_roles", []):
            wanted = str(variables.get(variable, POSTGRES))
            for cluster in survey.postgres:
                if cluster.version != wanted:
                    seen = f"PostgreSQL {cluster.version} '{cluster.name}' is {cluster.status} in {cluster.data}"
                    yield Contradiction(False, f"{seen}; the layout has version {wanted}")
            if not survey.postgres:
                yield Contradiction(False, f"no server of PostgreSQL that Debian's tools know is here; the layout has {role}")


def _exporters(survey: Survey, variables: dict[str, Any], acting: list[str]) -> Iterator[Contradiction]:
    """Yield ports of our exporters that somebody else has."""
    for exporter in variables.get("exporters_wanted", []) if "exporters" in acting else []:
        ours = f"prometheus-{exporter['name']}-exporter.service"
        for listener in survey.listens:
            if listener.protocol == "tcp" and listener.port == exporter["port"] and not listener.near and listener.unit != ours:
                yield Contradiction(
                    True, f"tcp {listener.port} is taken by {listener.program or '?'} ({listener.unit or 'no unit'}): our {exporter['name']} exporter could "
                    f"not listen — stop that one when you are ready, or give services.{exporter['name']}-exporter another port",
                )


def _packages(survey: Survey) -> Iterator[Contradiction]:
    """Yield what stands in the way of an installation, or acts by itself."""
    if survey.apt.broken:
        broken = ", ".join(row.split()[0] for row in survey.apt.broken)
        yield Contradiction(True, f"packages are half installed: {broken} — dpkg --configure -a, when you are ready")
    if survey.apt.lists_age_s is None:
        yield Contradiction(False, "its lists of packages were never fetched: what an installation pulls in cannot be told")
    elif survey.apt.lists_age_s > 86400:
        days = survey.apt.lists_age_s // 86400
        yield Contradiction(False, f"its lists of packages are {days} days old; the run fetches them first, and may find newer packages")
    if survey.apt.unattended:
        yield Contradiction(False, "it upgrades packages by itself (unattended-upgrades); that stays as it is, restarts of its own included")
    if survey.apt.held:
        yield Contradiction(False, f"packages are held back: {', '.join(survey.apt.held)}")
    if survey.needrestart:
        yield Contradiction(False, "needrestart is installed, which restarts services after installations; it is told to keep still during ours")


def _rules(survey: Survey, acting: list[str]) -> Iterator[Contradiction]:
    """Yield what another firewall, or the kernel's table of connections, has to do with ours."""
    if survey.firewalls:
        yield Contradiction(False, f"it has a firewall already, which stays: {', '.join(survey.firewalls)}; what either of the two drops is dropped")
    followed = max(survey.tracked, sum(connection.count for connection in survey.connections))
    if "firewall" in acting and survey.tracked_most and followed > TRACKED_SHARE * survey.tracked_most:
        yield Contradiction(
            True, f"{followed} connections, and the kernel can follow {survey.tracked_most}: rules of ours have it follow them all, and it drops packets when "
            "that is full — raise net.netfilter.nf_conntrack_max first",
        )
