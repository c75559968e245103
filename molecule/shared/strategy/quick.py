"""Mitogen's linear strategy on hosts, Ansible's own on this machine.

Mitogen keeps one interpreter for each host; a module of community.docker in the background (``async``) never ends in it. Molecule's docker driver makes its
containers by such tasks, on localhost.
"""

from __future__ import annotations

from typing import Any

import ansible_mitogen.loaders
import ansible_mitogen.strategy

Linear = ansible_mitogen.loaders.strategy_loader.get("linear", class_only=True)


class StrategyModule(ansible_mitogen.strategy.StrategyMixin, Linear):  # type: ignore[misc, valid-type]
    """The strategy, by the play."""

    def run(self, iterator: Any, play_context: Any, result: int = 0) -> Any:
        """Run a play."""
        if list(iterator._play.hosts) == ["localhost"]:
            return Linear.run(self, iterator, play_context)
        return super().run(iterator, play_context)
