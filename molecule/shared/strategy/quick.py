"""Mitogen's linear strategy on hosts, Ansible's own on this machine.

Mitogen keeps one interpreter for each host; a module of community.docker in the background (``async``) never ends in it. Molecule's docker driver makes its
containers by such tasks, on localhost.

Two things that Mitogen does anew for each host of each task by a collection's module are done once here, or not at all; they cost more than most tasks:

- It lists all collections that are installed, and reads the metadata of each, a tenth of a second of a processor. Here they are listed before the first
  task, in the process that those of all tasks are forked from.
- It forks an interpreter, and compiles the module's ``module_utils`` in it, since those of one collection may leave something behind that harms another.
  This collection's leave nothing behind (tests/structure/test_modules.py): its modules run in the host's interpreter, as Ansible's own do.
"""

from __future__ import annotations

import functools
from typing import Any

import ansible.collections.list
import ansible_mitogen.loaders
import ansible_mitogen.planner
import ansible_mitogen.strategy

Linear = ansible_mitogen.loaders.strategy_loader.get("linear", class_only=True)
Planner = ansible_mitogen.planner.NewStylePlanner
#: Modules with this prefix run in the host's interpreter.
OURS = "unde.infra."

list_collections, should_fork = ansible.collections.list.list_collection_dirs, Planner.should_fork


@functools.cache
def collections() -> list[bytes]:
    """Return the folders of all collections that are installed."""
    return list(list_collections())


def forks(planner: Any) -> bool:
    """Return whether a module runs in an interpreter of its own."""
    if planner._inv.module_name.startswith(OURS):
        return bool(ansible_mitogen.planner.ScriptPlanner.should_fork(planner))  # in the background, for one
    return bool(should_fork(planner))


ansible.collections.list.list_collection_dirs = collections
Planner.should_fork = forks


class StrategyModule(ansible_mitogen.strategy.StrategyMixin, Linear):  # type: ignore[misc, valid-type]
    """The strategy, by the play."""

    def run(self, iterator: Any, play_context: Any, result: int = 0) -> Any:
        """Run a play."""
        if list(iterator._play.hosts) == ["localhost"]:
            return Linear.run(self, iterator, play_context)
        collections()
        return super().run(iterator, play_context)
