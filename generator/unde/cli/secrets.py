"""``unde secrets``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .options import DEFAULT_LAYOUT, Assignments, LayoutFile, Overlay, load


def secrets(layout: LayoutFile = DEFAULT_LAYOUT,
            keep: Annotated[str | None, typer.Option(help="YAML of secrets to keep; - is stdin. Only missing ones are made.")] = None,
            overlay: Overlay = None, assignments: Assignments = "") -> None:
    """Print the estate's secrets, strong and random, as YAML; pipe them into ansible-vault, never into a file.

    Example: unde secrets | ansible-vault encrypt --output inventory/group_vars/all/vault.yml
    """
    import yaml

    from ..errors import UnreadableLayout
    from ..plan import secrets as plan_secrets

    if sys.stdout.isatty():
        raise UnreadableLayout("secrets are not shown on a terminal: pipe them into `ansible-vault encrypt`")
    kept: object = {}
    if keep:
        try:
            with sys.stdin if keep == "-" else open(keep, encoding="utf-8") as handle:
                kept = yaml.safe_load(handle) or {}
        except (OSError, ValueError, yaml.YAMLError) as error:  # the text of the error may quote a secret
            raise UnreadableLayout(f"{keep}: cannot be read as YAML: {type(error).__name__}") from None
    if not (isinstance(kept, dict) and isinstance(kept.get(plan_secrets.REDIS) or {}, dict)):
        raise UnreadableLayout(f"{keep}: is not a mapping of names to secrets, as this command prints it")
    print("---")
    print(yaml.safe_dump(plan_secrets.fresh(load(layout, overlay, assignments), kept), sort_keys=True), end="")
