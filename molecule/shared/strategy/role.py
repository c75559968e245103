"""How a scenario runs its role: as everybody's Ansible does where the role acts for the first time, quickly before (a rehearsal) and after.

Quickly is what is asked for by `. scripts/environment quick`; without it everything goes as everybody's Ansible does.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml
from ansible import constants, context
from ansible.plugins.loader import strategy_loader

Linear = strategy_loader.get("linear", class_only=True)


def acted() -> bool:
    """Return whether this scenario's role has acted on its hosts: Molecule writes it down after the first run."""
    state = Path(os.environ.get("MOLECULE_STATE_FILE", ""))
    return state.is_file() and bool((yaml.safe_load(state.read_text(encoding="utf-8")) or {}).get("converged"))


def chosen() -> Any:
    """Return the strategy of this run."""
    if context.CLIARGS.get("check") or acted():
        return strategy_loader.get(constants.config.get_config_value("DEFAULT_STRATEGY"), class_only=True)
    return Linear


class StrategyModule(chosen()):  # type: ignore[misc]
    """The strategy, by what the scenario has done so far."""
