# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which gates a host is asked for, and what those that were measured say: lines for people, and what is red."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

#: What a host says that does not answer.
SILENT = {"green": False, "says": "it did not answer"}
#: So many different answers are told one by one; of more, the first and the last in order.
TOLD = 4


def key(gate: Mapping[str, Any]) -> str:
    """Return the name under which a host keeps what it measured for a gate."""
    return f"{gate['day']} {gate['name']}"


def concerns(gate: Mapping[str, Any], group_names: Iterable[str]) -> bool:
    """Return whether a gate is measured on a host: it is in all of the gate's groups, and in none that the gate leaves out."""
    there = set(group_names)
    return set(gate["groups"]) <= there and not set(gate.get("but", ())) & there


def gates_of_host(gates: Iterable[Mapping[str, Any]], group_names: Iterable[str]) -> list[Mapping[str, Any]]:
    """Return the gates that are measured on a host which is in these groups."""
    there = list(group_names)
    return [gate for gate in gates if concerns(gate, there)]


def gates_found(
    gates: Iterable[Mapping[str, Any]], groups: Mapping[str, Iterable[str]], hosts: Iterable[str], results: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return each gate with ``found``: host → what it measured, of the ``hosts`` that are concerned.

    ``results`` has the results of each host by a gate's key; a host that is not in it did not answer.
    """
    of_host: dict[str, list[str]] = {host: [] for host in hosts}
    for group, members in groups.items():
        for host in of_host.keys() & set(members):
            of_host[host].append(group)
    return [
        {**gate, "found": {host: results.get(host, {}).get(key(gate), SILENT) for host, mine in of_host.items() if concerns(gate, mine)}}
        for gate in gates
    ]


def gates_told(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a line for each gate that was measured anywhere: whether it is green, on how many hosts, and the figures or the first reason."""
    lines = []
    for gate in found:
        hosts: Mapping[str, Any] = gate["found"]
        if not hosts:
            continue
        reasons = [f"{host}: {result['says']}" for host, result in hosts.items() if not result["green"]]
        figures = sorted({result["says"] for result in hosts.values() if result["says"]})
        figures = [f"{figures[0]} to {figures[-1]}"] if len(figures) > TOLD else figures
        said = reasons[0] if reasons else "; ".join(figures)
        where = f"{len(hosts)} host{'s' if len(hosts) > 1 else ''}"
        lines.append(f"{'✗' if reasons else '✓'} day {gate['day']:2}  {gate['says']} ({where}{': ' if said else ''}{said})")
    return lines


def gates_red(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return who says that a gate is red, and why."""
    return [
        f"day {gate['day']}, {gate['says']}: {host}: {result['says']}"
        for gate in found for host, result in gate["found"].items() if not result["green"]
    ]  # fmt: skip


def gates_stand(found: Iterable[Mapping[str, Any]], rollout: Iterable[Mapping[str, Any]]) -> str:
    """Return where the estate stands: at the last day that was asked for, or before the first that is red."""
    asked = list(found)
    red = [gate["day"] for gate in asked if any(not result["green"] for result in gate["found"].values())]
    day = min(red) if red else max(gate["day"] for gate in asked)
    title = next(each["title"] for each in rollout if each["day"] == day)
    return f"The estate stands {'before' if red else 'at'} day {day}: {title}"


class FilterModule:
    """What Ansible finds here."""

    def filters(self) -> dict[str, Any]:
        """Return name → filter."""
        return {"gates_of_host": gates_of_host, "gates_found": gates_found, "gates_told": gates_told, "gates_red": gates_red, "gates_stand": gates_stand}
