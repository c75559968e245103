"""The report of a first contact, for a person who answers for the host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .verdict import Contact, refusals

#: Of a difference, lines; a longer one is cut.
LINES_AT_MOST = 60
KINDS = {"new": "new", "changed": "CHANGED, it is there already", "removed": "REMOVED", "made": "made (a directory, a right, or a secret: not shown)"}


def text(contact: Contact) -> str:
    """Return the report in Markdown."""
    return "\n".join(_lines(contact)) + "\n"


def _lines(contact: Contact) -> Iterator[str]:
    variables, survey, done = contact.variables, contact.survey, contact.rehearsal
    yield f"# First contact with {variables.get('unde_name')} ({variables.get('unde_address')}, {variables.get('unde_state')})"
    yield ""
    yield f"Rehearsed in check mode: {', '.join(contact.acting)}. Nothing was changed."
    later = [role for role in variables.get("unde_adopt", []) if role not in contact.acting]
    if later:
        yield f"Later, on day {variables.get('unde_day')}, and not in this report: {', '.join(later)}."
    yield ""
    refused = refusals(contact)
    if refused:
        yield "**REFUSED.** Nothing is done to this host before this is settled:"
        yield ""
        yield from (f"- {each.says}" for each in refused)
    else:
        yield "**Nothing that runs would be restarted, nothing that is installed would be replaced.** Read on, then say `-e adopt=yes`."
    yield from _section("What would be installed", _packages(contact), "Nothing.")
    yield from _section("Which files would be written", [f"`{path}`: {KINDS[change.kind]} ({change.role})" for path, change in done.files.items()], "None.")
    yield from _section("Which services would start", [f"`{unit}`" for unit in done.started], "None.")
    yield from _section(
        "Which running services would be restarted or reloaded",
        [*(f"RESTARTED: `{unit}` ({why})" for unit, why in done.restarted.items()), *(f"reloaded: `{unit}` ({why})" for unit, why in done.reloaded.items())],
        f"None of the {len(survey.services)} that run.",
    )
    yield from _section("What else would be changed", done.others, "Nothing.")
    yield from _section(
        f"What no flow of the layout names (the firewall is to {variables.get('firewall_mode', 'enforce')})", [each.says for each in contact.undeclared],
        "Nothing: every connection that stands, and every door, has a flow.",
    )
    yield from _section("Where the host is not what the layout says", [each.says for each in contact.contradictions], "Nowhere.")
    yield from _section("What only the real run can do", [*done.unforeseen, *(f"{task} (secret: not shown)" for task in done.hidden)], "Nothing.")
    yield from _section("What runs today", [f"`{unit}`" for unit in sorted(survey.services)], "Nothing.")
    yield from _differences(contact)
    yield ""
    yield f"Fingerprint {contact.fingerprint}"


def _packages(contact: Contact) -> list[str]:
    """Return what apt would do, what matters most first."""
    done = contact.rehearsal
    return [*(f"REMOVED: {name}" for name in done.removed), *(f"REPLACED: {name}" for name in done.upgraded), *(f"`{name}`, new" for name in done.installed)]


def _section(title: str, rows: Iterable[str], nothing: str) -> Iterator[str]:
    """Yield one section."""
    yield ""
    yield f"## {title}"
    yield ""
    found = [f"- {row}" for row in rows]
    yield from found or [nothing]


def _differences(contact: Contact) -> Iterator[str]:
    """Yield the files' contents, those first that are there already."""
    shown = sorted((path for path, change in contact.rehearsal.files.items() if change.lines), key=lambda path: contact.rehearsal.files[path].kind)
    if shown:
        yield ""
        yield "## The files, line by line"
    for path in shown:
        lines = contact.rehearsal.files[path].lines
        yield ""
        yield f"`{path}`"
        yield ""
        yield "```diff"
        yield from lines[:LINES_AT_MOST]
        if len(lines) > LINES_AT_MOST:
            yield f"… {len(lines) - LINES_AT_MOST} more lines"
        yield "```"
