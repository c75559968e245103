"""What a change of the layout does to one host."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..model import Estate, HostView
from ..plan.inventory import Inventory
from .effects import PLACEHOLDER, Effect, Effects
from .refusals import Refused, refusals

Variables = dict[str, Any]
Change = tuple[Any, Any]


@dataclass(frozen=True)
class Consequence:
    """One thing that happens on a host.

    Attributes:
        action: ``restart``, ``reload``, ``start``, ``stop`` or ``none`` of the service; ``restart waits`` where it needs an explicit yes.
        because: the variables that changed.
        leader: done by the member that leads at that time, for the whole cluster.

    """

    role: str
    file: str | None
    service: str | None
    action: str
    because: tuple[str, ...]
    leader: bool = False


@dataclass(frozen=True)
class HostChange:
    """What happens to a host.

    Attributes:
        change: ``added``, ``removed``, ``changed``; or ``told``: it is told something else, and nothing on it changes.
        variables: what it is told: name → (old, new); None where there is none.
        facts: what the plan says of it besides: groups, day, state.
        held_back: roles that would act but may not touch this host.
        refused: what a run cannot do; the role that refuses has no consequences.

    """

    name: str
    change: str
    variables: dict[str, Change] = field(default_factory=dict)
    facts: dict[str, Change] = field(default_factory=dict)
    consequences: tuple[Consequence, ...] = ()
    held_back: tuple[str, ...] = ()
    refused: tuple[Refused, ...] = ()

    @property
    def touched(self) -> bool:
        """Whether anything on the host changes for certain."""
        return any(not consequence.leader for consequence in self.consequences)


#: What only gates, refusals and rotations read, which touch no host by themselves.
UNTOUCHING = frozenset({"unde_gates", "unde_gates_of_days", "unde_rotations", "unde_secrets", "unde_vault_entries"})


def host_variables(inventory: Inventory, host: str) -> Variables:
    """Return everything that a host's roles are told, the nearer winning: all hosts, groups, the host, an overlay."""
    variables = dict(inventory.shared)
    for group in inventory.members[host]:
        variables |= inventory.groups[group]
    variables |= inventory.hosts[host] | {key: value for key, value in inventory.from_overlay.items() if key not in inventory.hosts[host]}
    return {key: value for key, value in variables.items() if key not in UNTOUCHING}


def compare(old: tuple[Estate, Inventory], new: tuple[Estate, Inventory], effects: Effects) -> list[HostChange]:
    """Return every host that is added, removed or told something else, in the order of the new layout; removed ones last."""
    changes = [change for name in new[0].hosts if (change := _host(name, old, new, effects))]
    return changes + [HostChange(name, "removed") for name in old[0].hosts if name not in new[0].hosts]


def _host(name: str, old: tuple[Estate, Inventory], new: tuple[Estate, Inventory], effects: Effects) -> HostChange | None:
    """Return what happens to one host of the new layout; None: nothing."""
    host, now = new[0].hosts[name], host_variables(new[1], name)
    if name not in old[0].hosts:
        acting = tuple(Consequence(role, None, None, "start", ()) for role in host.roles if host.may(role) and role in effects)
        return HostChange(name, "added", {key: (None, value) for key, value in now.items()}, {}, acting)
    before = host_variables(old[1], name)
    variables = {key: (before.get(key), now.get(key)) for key in {**before, **now} if before.get(key) != now.get(key)}
    facts = _facts(old, new, name)
    if not variables and not facts:
        return None
    refused = refusals(old[0].hosts[name], host, variables, now, effects)
    consequences, held_back = _consequences(old[0].hosts[name], host, variables, now, effects)
    done = tuple(each for each in consequences if each.role not in {refusal.role for refusal in refused})
    return HostChange(name, "changed" if done else "told", variables, facts, done, tuple(held_back), tuple(refused))


def _facts(old: tuple[Estate, Inventory], new: tuple[Estate, Inventory], name: str) -> dict[str, Change]:
    """Return what the plan says of a host besides its variables, where it differs."""
    def said(estate: Estate, inventory: Inventory) -> dict[str, Any]:
        kind = estate.hosts[name].kind
        return {"groups": sorted(inventory.members[name]), **{key: getattr(kind, key) for key in ("state", "type", "vcpu", "ram_gb", "disk_gb", "price_eur")}}

    before, now = said(*old), said(*new)
    return {key: (before[key], now[key]) for key in now if before[key] != now[key]}


def _consequences(before: HostView, host: HostView, variables: dict[str, Change], now: Variables, effects: Effects) -> tuple[list[Consequence], list[str]]:
    """Return what happens on a host that stays, and the roles that may not act there."""
    found: list[Consequence] = []
    held_back = []
    for role in host.roles:
        if role not in effects:
            continue
        begins = host.may(role) and not before.may(role)
        caused = [Consequence(role, None, None, "start", ())] if begins else [
            consequence for effect in effects[role] for consequence in _of_effect(role, effect, variables, now)
        ]
        if caused and not host.may(role):
            held_back.append(role)
        else:
            found += caused
    return _once_each(found), held_back


def _of_effect(role: str, effect: Effect, variables: dict[str, Change], now: Variables) -> list[Consequence]:
    """Return what one effect of a role comes to."""
    changed = {name: fields for name, fields in effect.names().items() if name in variables}
    if not changed or (effect.file is None and effect.action == "none"):
        return []
    if effect.part is not None and effect.part not in now.get(f"{role}_manage", [effect.part]):
        return []
    keys = effect.placeholders() - now.keys()
    if len(keys) == 1:
        return _of_objects(role, effect, next(iter(keys)), changed, variables, now)
    because = tuple(name for name, fields in changed.items() if _differs(*variables[name], fields))
    if not because or effect.once:
        return []
    action = _action(effect, [variables[name] for name in because], now)
    return [Consequence(role, _filled(effect.file, now), _filled(effect.service, now), action, because, effect.leader)]


def _of_objects(role: str, effect: Effect, key: str, changed: dict[str, set[str]], variables: dict[str, Change], now: Variables) -> list[Consequence]:
    """Return what an effect comes to for each object of the lists that are its variables."""
    found = []
    for name, fields in changed.items():
        before, after = ({each[key] if isinstance(each, dict) else each: each for each in value or []} for value in variables[name])
        for one in {**before, **after}:
            names = now | {key: one}
            file, service = _filled(effect.file, names), _filled(effect.service, names)
            if one not in before:
                found.append(Consequence(role, file, service, "start" if service else "none", (name,)))
            elif effect.once:
                continue
            elif one not in after:
                found.append(Consequence(role, file, service, "stop" if service else "none", (name,)))
            elif _differs(before[one], after[one], fields):
                found.append(Consequence(role, file, service, _action(effect, [(before[one], after[one])], now), (name,)))
    return found


def _differs(old: Any, new: Any, fields: set[str]) -> bool:
    """Return whether two values differ, in some fields only if any are given."""
    return bool(_projected(old, fields) != _projected(new, fields))


def _projected(value: Any, fields: set[str]) -> Any:
    """Return some fields of an object or of each object of a list; all of it if none are given."""
    if fields and isinstance(value, list):
        return [_projected(each, fields) for each in value]
    return {name: value.get(name) for name in fields} if fields and isinstance(value, dict) else value


def _action(effect: Effect, changes: list[Change], now: Variables) -> str:
    """Return what the service does; a restart only where the host allows it."""
    action: str = effect.action
    for old, new in changes:
        if isinstance(old, dict) and isinstance(new, dict) and any(old.get(key) != new.get(key) for key in effect.restart_keys):
            action = "restart"
    return "restart waits" if action == "restart" and not now.get("unde_may_restart", True) else action


def _filled(text: str | None, names: Variables) -> str | None:
    """Return a file or service with its placeholders filled in."""
    return None if text is None else PLACEHOLDER.sub(lambda found: str(names.get(found[1], found[0])), text)


def _once_each(consequences: list[Consequence]) -> list[Consequence]:
    """Return consequences with those of the same file and service as one; a restart says more than a reload."""
    strength = {"none": 0, "reload": 1, "restart waits": 2, "restart": 3, "start": 4, "stop": 4}
    merged: dict[tuple[str, str | None, str | None], Consequence] = {}
    for each in consequences:
        place = (each.role, each.file, each.service)
        first = merged.get(place, each)
        because = tuple(dict.fromkeys(first.because + each.because))
        action = max(first.action, each.action, key=lambda action: strength[action])
        merged[place] = Consequence(each.role, each.file, each.service, action, because, first.leader and each.leader)
    return list(merged.values())
