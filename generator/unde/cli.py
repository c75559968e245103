"""The command ``unde``.

Exit codes, for every command: 0 fine, 1 the layout has errors, 2 it cannot be read (or the call is wrong).
Only what a command needs is imported, so that ``--help`` answers at once.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from .model import Estate

DEFAULT_LAYOUT = "inventory/layout.yml"
OK, REFUSED, UNREADABLE = 0, 1, 2

app = typer.Typer(
    name="unde", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="One file says what the estate is; this command shows what follows from it and what cannot stand.",
)


class Format(StrEnum):
    """How a listing is written."""

    table = "table"
    json = "json"


class Section(StrEnum):
    """The listings of a plan."""

    hosts = "hosts"
    tunnels = "tunnels"
    clusters = "clusters"
    flows = "flows"
    scrape = "scrape"
    cost = "cost"
    rollout = "rollout"


LayoutFile = Annotated[str, typer.Argument(metavar="LAYOUT", help="The layout file.")]
OutputFormat = Annotated[Format, typer.Option("--format", help="table for people, json for programs (alone on stdout).")]
Overlay = Annotated[str | None, typer.Option(envvar="UNDE_OVERLAY", help="A second file that holds only what differs.")]
Assignments = Annotated[str, typer.Option("--set", envvar="UNDE_SET", help="path=value[,path=value…], as shards.count=2.")]


def _load(layout: str, overlay: str | None, assignments: str) -> Estate:
    """Read and expand a layout."""
    from .model import expand, read

    return expand(*read(layout, overlay, assignments))


def _counted(number: int, what: str) -> str:
    """Return ``1 error``, ``2 errors``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


@app.command()
def check(layout: LayoutFile = DEFAULT_LAYOUT, output: OutputFormat = Format.table, overlay: Overlay = None,
          assignments: Assignments = "") -> None:
    """Prove the layout: all findings at once, each with its file, line and fix.

    Example: unde check inventory/examples/as-written.yml
    """
    from . import checks
    from .errors import InvalidLayout
    from .reports import render

    try:
        findings = checks.run(_load(layout, overlay, assignments))
    except InvalidLayout as error:
        findings = list(error.findings)
    errors = sum(finding.level == "error" for finding in findings)
    if output is Format.json:
        render.show(render.as_json(render.findings_as_rows(findings)))
    else:
        if findings:
            render.show("\n".join(map(str, findings)))
        print(f"{layout}: {_counted(errors, 'error')}, {_counted(len(findings) - errors, 'warning')}", file=sys.stderr)
    raise typer.Exit(REFUSED if errors else OK)


@app.command()
def plan(section: Annotated[Section, typer.Argument(help="What to list.")] = Section.hosts, layout: LayoutFile = DEFAULT_LAYOUT,
         output: OutputFormat = Format.table, overlay: Overlay = None, assignments: Assignments = "") -> None:
    """List what follows from the layout.

    Example: unde plan tunnels --format json
    """
    from . import checks
    from .reports import listings, render

    estate = _load(layout, overlay, assignments)
    checks.refuse_errors(estate)
    rows = listings.LISTINGS[section.value](estate)
    render.show(render.as_json(rows) if output is Format.json else render.as_table(section.value, rows))


@app.command()
def secrets(layout: LayoutFile = DEFAULT_LAYOUT,
            keep: Annotated[str | None, typer.Option(help="YAML of secrets to keep; - is stdin. Only missing ones are made.")] = None,
            overlay: Overlay = None, assignments: Assignments = "") -> None:
    """Print the estate's secrets, strong and random, as YAML; pipe them into ansible-vault, never into a file.

    Example: unde secrets | ansible-vault encrypt --output inventory/group_vars/all/vault.yml
    """
    import yaml

    from .errors import UnreadableLayout
    from .plan import secrets as plan_secrets

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
    print(yaml.safe_dump(plan_secrets.fresh(_load(layout, overlay, assignments), kept), sort_keys=True), end="")


def main() -> None:
    """Run the command; every error of ours is one readable line, never a traceback."""
    from .errors import InvalidLayout, UnreadableLayout

    try:
        app()
    except InvalidLayout as error:
        print(error, file=sys.stderr)
        sys.exit(REFUSED)
    except UnreadableLayout as error:
        print(f"ERROR {error}", file=sys.stderr)
        sys.exit(UNREADABLE)
