"""What roles would do to a host, from the record of their run in check mode."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from ..diff.effects import PLACEHOLDER, Effect

#: apt-get --simulate: `Inst name [old] (new …)`, without the brackets where it is new; `Remv name [old]`.
SIMULATED = re.compile(r"^(Inst|Remv) (\S+)(?: \[([^\]]+)\])?(?: \((\S+))?", re.MULTILINE)
UNIT = re.compile(r"/(?:etc|usr/lib|lib)/systemd/system/([^/]+\.(?:service|timer|socket|mount))$")
SERVICE_ACTIONS = ("systemd_service", "systemd", "service")
#: What a module lists of a unit that it would act on.
ACTION = re.compile(r"^(start|restart|reload|stop) (\S+\.(?:service|timer|socket|mount))(?:: (.+))?$")
#: What a module lists and that changes nothing that runs.
UNSEEN = re.compile(r"^(daemon-reload|(enable|disable) \S+)$")
#: What a module says of a command that a rehearsal cannot run, and the condition of tasks that a role leaves to the real run.
UNRUN = ("would have run", "not ansible_check_mode")


@dataclass(frozen=True)
class FileChange:
    """A file that would be written.

    Attributes:
        kind: ``new``, ``changed``, ``removed``; ``made`` where there is no content to show: a directory, a mode, a secret.
        lines: the difference.

    """

    role: str
    kind: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rehearsal:
    """What would be done, each thing with the role that does it in words where that helps.

    Attributes:
        upgraded: packages that are there and would be replaced: ``name old → new``.
        files: path → change.
        restarted: running services that would be restarted, each with why.
        reloaded: the same for reloads.
        started: units that do not run and would.
        others: changes of another kind, in the words of the module that would make them; a task that does not say what it would change is named.
        hidden: tasks whose results are secret.
        unforeseen: what only the real run can do.
        failed: tasks that failed, and with them the rest of their role.

    """

    installed: list[str] = field(default_factory=list)
    upgraded: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    files: dict[str, FileChange] = field(default_factory=dict)
    restarted: dict[str, str] = field(default_factory=dict)
    reloaded: dict[str, str] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    unforeseen: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, record: str, effects: dict[str, list[Effect]], running: set[str]) -> Rehearsal:
        """Return what a record says, with the effects of the roles that act, on a host where these units run."""
        done = cls()
        for line in record.splitlines():
            done._take(json.loads(line), running)
        for path, change in done.files.items():
            done._follow(path, change, effects.get(change.role, []), running)
        return done

    def _take(self, entry: dict[str, Any], running: set[str]) -> None:
        """Add one result."""
        where = f"{entry['role']}: {entry['task']}"
        if entry["outcome"] == "failed":
            self.failed.append(f"{where}: {entry['says']}")
        elif entry["outcome"] == "skipped" and any(each in entry["says"] for each in UNRUN):
            if where not in self.unforeseen:
                self.unforeseen.append(where)
        elif entry["changed"] and entry["hidden"]:
            self.hidden.append(where)
        elif entry["changed"]:
            self._packages(entry["simulated"])
            self._files(entry)
            if entry["actions"]:
                self._actions(entry, where, running)
            elif entry["action"] in SERVICE_ACTIONS:
                self._service(entry, where, running)
            elif not entry["simulated"] and not entry["paths"] and not entry["arguments"].keys() & {"path", "dest"}:
                self.others.append(where)

    def _packages(self, simulated: str) -> None:
        """Add what apt would do."""
        for verb, name, old, new in SIMULATED.findall(simulated):
            if verb == "Remv":
                self.removed.append(name)
            elif old:
                self.upgraded.append(f"{name} {old} → {new}")
            else:
                self.installed.append(name)

    def _files(self, entry: dict[str, Any]) -> None:
        """Add the files that a task writes."""
        shown = {_header(each): each for each in entry["diff"] if "after" in each}
        typed = entry["arguments"].get("path") or entry["arguments"].get("dest")
        for path in dict.fromkeys([*entry["paths"], *([typed] if typed and not entry["paths"] else [])]):
            each = shown.get(path, {})
            before, after = (text if isinstance(text := each.get(key), str) else "" for key in ("before", "after"))
            kind = "made" if path not in shown or not before + after else "new" if not before else "removed" if not after else "changed"
            lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
            self.files[path] = FileChange(entry["role"], kind, tuple(lines)[2:])

    def _actions(self, entry: dict[str, Any], where: str, running: set[str]) -> None:
        """Add what a module lists."""
        for action in entry["actions"]:
            found = ACTION.match(action)
            if found is None:
                if not UNSEEN.match(action):
                    self.others.append(f"{where}: {action}")
            elif found[1] in ("restart", "stop") and found[2] in running:
                self.restarted[found[2]] = found[3] or where
            elif found[1] == "reload" and found[2] in running:
                self.reloaded[found[2]] = found[3] or where
            elif found[1] in ("start", "restart"):
                self._begin(found[2], running)

    def _service(self, entry: dict[str, Any], where: str, running: set[str]) -> None:
        """Add what a task does to a service."""
        name, state = _unit(str(entry["arguments"].get("name", ""))), entry["arguments"].get("state")
        if name in running and state in ("restarted", "stopped"):
            self.restarted[name] = where
        elif name in running and state == "reloaded":
            self.reloaded[name] = where
        elif state in ("restarted", "started") and name not in self.started:
            self.started.append(name)

    def _follow(self, path: str, change: FileChange, effects: list[Effect], running: set[str]) -> None:
        """Add what follows from a file that is written: a rehearsal skips the handlers of services that are not there yet."""
        own = UNIT.search(path)
        if own and "@." not in path:
            self._begin(own[1], running)
        for effect in effects:
            if effect.file is None or effect.service is None or (found := _pattern(effect.file).fullmatch(path)) is None:
                continue
            service = _unit(PLACEHOLDER.sub(lambda part, of=found: of.groupdict().get(part[1], part[0]), effect.service))  # type: ignore[misc]
            if service not in running:
                self._begin(service, running)
            elif effect.action == "restart":
                self.restarted.setdefault(service, f"{change.role} writes {path}")
            elif effect.action == "reload":
                self.reloaded.setdefault(service, f"{change.role} writes {path}")

    def _begin(self, unit: str, running: set[str]) -> None:
        """Add a unit that would start, unless it runs."""
        if unit not in running and unit not in self.started and not PLACEHOLDER.search(unit):
            self.started.append(unit)


def _header(difference: dict[str, Any]) -> str:
    """Return the path that a difference is of."""
    return str(difference.get("after_header") or difference.get("before_header") or "").removesuffix(" (content)")


def _unit(name: str) -> str:
    """Return a unit's whole name."""
    return name if "." in name or not name else f"{name}.service"


def _pattern(file: str) -> re.Pattern[str]:
    """Return a file of an effect as an expression; each placeholder is one part of a name."""
    parts, seen = [], set[str]()
    for text, name in re.findall(r"([^<]+)|<([a-z_]+)>", file):
        parts.append(re.escape(text) if text else f"(?P={name})" if name in seen else f"(?P<{name}>[^/]+)")
        seen.add(name)
    return re.compile("".join(parts))
