# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which hosts a play of a role selects: patterns made of the plan's groups, without those that must not be touched in this run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError

#: A pattern that matches nobody, and warns of nothing.
NOBODY = "all:!all"
NO_ESTATE = "There is no host to act on: no layout was read. Name it by -i, or by `inventory` in ansible.cfg; `unde check` says what it lacks."
#: Group that playbooks/gates/first_contact.yml puts a host in use into, once a person has met it.
MET = "contact_met"
#: Group of the hosts on which a role has failed in this run (playbooks/tasks/exclude_host.yml).
LEFT_OUT = "left_out"
#: What every host is given first; a host in use is met before any of it acts there.
EVERYWHERE = frozenset({"base", "firewall", "exporters"})
ROLES = tuple(sorted(path.name for path in (Path(__file__).resolve().parents[2] / "roles").iterdir() if path.is_dir()))


def due(groups: Mapping[str, Iterable[str]], part: str, running: bool) -> dict[str, str]:
    """Return role → pattern of the hosts that it acts on.

    ``part`` is how the plan's groups begin: ``managed`` for the whole rollout, ``day_09`` for a day, ``phase_1`` for a phase. A host in use that was
    not met in this run is in no pattern: whoever walks around the first contact (by ``--start-at-task``, ``--skip-tags``) reaches none of them.
    Before a run, as in ``--list-hosts``, nobody can have been met, and all are listed.

    Raises:
        AnsibleFilterError: there is no estate; whoever walks around playbooks/gates/estate.yml (by ``--skip-tags``) is told so, too.

    """
    if running and not any(group.startswith("managed_") for group in groups):
        raise AnsibleFilterError(NO_ESTATE)
    but = "".join(f":!{host}" for host in sorted(_barred(groups, running)))
    return {role: f"{part}_{role}{but}" if groups.get(f"{part}_{role}") else NOBODY for role in ROLES}


def roles_due(groups: Mapping[str, Iterable[str]], part: str, hosts: Iterable[str]) -> dict[str, list[str]]:
    """Return host → the roles that act on it in this run."""
    barred = _barred(groups, True)
    return {host: [role for role in ROLES if host not in barred and host in groups.get(f"{part}_{role}", ())] for host in hosts}


def _barred(groups: Mapping[str, Iterable[str]], running: bool) -> set[str]:
    """Return the hosts that no role may act on: those left out, and once the run has begun those in use that nobody has met in it."""
    strangers = set(in_use(groups)) - set(groups.get(MET, ())) if running else set()
    return {*groups.get(LEFT_OUT, ()), *strangers}


def acting(groups: Mapping[str, Iterable[str]], part: str) -> str:
    """Return the pattern of all hosts that roles act on in this run."""
    return ",".join(sorted(_acting(groups, part))) or NOBODY


def _acting(groups: Mapping[str, Iterable[str]], part: str) -> set[str]:
    """Return the hosts that roles act on in this run."""
    return {host for role in ROLES for host in groups.get(f"{part}_{role}", ())}


def to_meet(groups: Mapping[str, Iterable[str]], part: str) -> str:
    """Return the pattern of the hosts in use that roles act on in this run."""
    return ",".join(sorted(_acting(groups, part) & set(in_use(groups)))) or NOBODY


def skipped_in_use(groups: Mapping[str, Iterable[str]], part: str) -> str:
    """Return the pattern of the hosts in use that roles were to act on in this run, and did not: nobody has met them in it."""
    return ",".join(sorted((_acting(groups, part) & set(in_use(groups))) - set(groups.get(MET, ())))) or NOBODY


def in_use(groups: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the hosts that serve customers already: every state of the layout but ``create``."""
    return [host for group, hosts in groups.items() if group.startswith("state_") and group != "state_create" for host in hosts]


def unmet(hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the hosts in use that a role may act on and that bear no mark of a first contact, or one of other roles.

    ``debian_release_seen`` of a host is what it said when asked (playbooks/gates/first_contact.yml).
    """
    strange = []
    for host in hosts:
        told = hostvars[host]
        if "base" not in told["unde_roles"]:
            continue  # a server that is itself the router has no system of ours that could bear a mark
        mark = told["debian_release_seen"].get("mark")
        if mark is None or (EVERYWHERE & set(told["unde_adopt"])) - set(mark.get("roles", ())):
            strange.append(host)
    return strange


def first_allowed(hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]], role: str) -> str:
    """Return the first of some hosts that the layout lets a role act on: one that is ours to build, or whose owner handed it the role; none is empty."""
    for host in hosts:
        told = hostvars[host]
        if told.get("unde_state", "create") == "create" or role in told.get("unde_adopt", ()):
            return host
    return ""


def first_result(hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """Return what the first of some hosts registered by a task that it did not skip; a skipped result where none of them ran it."""
    results = (hostvars[host].get(name) for host in hosts)
    return next((found for found in results if found and not found.get("skipped")), {"skipped": True})


class FilterModule:
    """What Ansible finds here."""

    def filters(self) -> dict[str, Any]:
        """Return name → filter."""
        return {
            "acting": acting,
            "due": due,
            "first_allowed": first_allowed,
            "first_result": first_result,
            "skipped_in_use": skipped_in_use,
            "roles_due": roles_due,
            "to_meet": to_meet,
            "unmet": unmet,
        }
