# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which gates a run asks for, what they are measured with, and what those that were measured say: lines for people, and what is red."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleError
from jinja2.exceptions import UndefinedError

#: What a host says that does not answer.
SILENT = {"green": False, "says": "it did not answer, or failed earlier in this run"}
#: So many different answers are told one by one; of more, the first and the last in order.
TOLD = 4
#: The gate of what hurts on purpose: only a run that names its day asks for it.
DRILLS = "drills"


def key(gate: Mapping[str, Any]) -> str:
    """Return the name under which a host keeps what it measured for a gate."""
    return f"{gate['day']} {gate['name']}"


def gates_given(
    gates: Iterable[Mapping[str, Any]], parameters: Mapping[str, Any], secrets: Mapping[str, Any],
) -> list[dict[str, Any]]:  # fmt: skip
    """Return gates as the module ``unde.infra.gates_info`` takes them: each with its parameters and secrets, or with why they are not known.

    Both are gate → name → template. What one host's gates need is evaluated, and nothing else; what is not known of one, as where no vault was given, leaves
    the others as they are. A gate without a day is told under its name alone.
    """
    given = []
    for gate in gates:
        name = gate["name"]
        each: dict[str, Any] = {"name": name, "key": key(gate) if "day" in gate else name}
        try:
            each |= {"parameters": _plain(parameters[name]) if name in parameters else {}, "secrets": _plain(secrets[name]) if name in secrets else {}}
        except (AnsibleError, UndefinedError) as error:
            each["problem"] = f"what it is measured with is not known: {error}"
        given.append(each)
    return given


def _plain(value: Any) -> Any:
    """Return a value with all that is in it evaluated."""
    if isinstance(value, Mapping):
        return {name: _plain(value[name]) for name in value}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def gates_asked(
    gates: Iterable[Mapping[str, Any]], rollout: Iterable[Mapping[str, Any]], days: Iterable[int] = (), begins: int = 0, phase: int = 0, until: int = 0,
    names: Iterable[str] = (),
) -> list[dict[str, Any]]:  # fmt: skip
    """Return the gates that a run asks for, each as ``{name, day}``, day by day.

    ``gates`` is the plan's ``unde_gates_of_days``, ``rollout`` its ``unde_rollout``. Asked are the gates of ``days``; or of the days that the day
    ``begins`` needs; or of a ``phase``; or of all days, up to ``until``. ``names`` narrows them. Drills are asked for by their day alone.
    """
    every = list(rollout)
    named = {int(day) for day in days} or {day for each in every if each["day"] == begins for day in each["needs"]}
    wanted = {
        each["day"] for each in every
        if (each["day"] in named if named or begins else each["phase"] == phase if phase else not until or each["day"] <= until)
    }  # fmt: skip
    only, hurts = set(names), bool(named or until)
    return [
        {"name": gate["name"], "day": gate["day"]}
        for gate in gates if gate["day"] in wanted and (not only or gate["name"] in only) and (hurts or gate["name"] != DRILLS)
    ]  # fmt: skip


def gates_found(
    asked: Iterable[Mapping[str, Any]], gates: Iterable[Mapping[str, Any]], hosts: Iterable[str], answering: Iterable[str],
    hostvars: Mapping[str, Mapping[str, Any]],
) -> list[dict[str, Any]]:  # fmt: skip
    """Return each gate that is asked for as ``{name, day, says, found}``; ``found`` is host → what it measured, of the ``hosts`` that are concerned.

    Which those are says each host's ``unde_gates``, what they measured ``gate_measured``, as the module ``unde.infra.gates_info`` returns it; a host that
    is not among the ``answering`` did not answer.
    """
    there = set(answering)
    concerned = {host: [key(gate) for gate in hostvars[host].get("unde_gates", ())] for host in hosts}
    told = {host: hostvars[host].get("gate_measured", {}) if host in there else {} for host in concerned}
    says = {key(gate): gate["says"] for gate in gates}
    return [
        {**gate, "says": says[key(gate)], "found": {host: _result(told[host], key(gate)) for host, mine in concerned.items() if key(gate) in mine}}
        for gate in asked
    ]


def _result(told: Mapping[str, Any], which: str) -> Mapping[str, Any]:
    """Return what a host measured for a gate; where the module itself failed, which then has no gates, why it did."""
    silent = {**SILENT, "says": f"it could not be asked: {told['msg']}"} if told.get("failed") and "msg" in told else SILENT
    found: Mapping[str, Any] = told.get("gates", {}).get(which, silent)
    return found


def gates_report(found: Iterable[Mapping[str, Any]]) -> list[str]:
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


def gates_left_out(hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return who was left out of the rest of a run, and at which task (playbooks/tasks/exclude_host.yml)."""
    return [f"{host}: left out of the rest of the run, since '{hostvars[host]['left_out_because']}' failed" for host in hosts]


def gates_progress(found: Iterable[Mapping[str, Any]], rollout: Iterable[Mapping[str, Any]]) -> str:
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
        return {
            "gates_given": gates_given, "gates_asked": gates_asked, "gates_found": gates_found, "gates_report": gates_report, "gates_red": gates_red,
            "gates_left_out": gates_left_out, "gates_progress": gates_progress,
        }  # fmt: skip
