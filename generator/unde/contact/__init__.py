"""First contact with a host that somebody else set up: what it looks like, what our roles would do to it, and whether they may.

Knows no layout: it is told what the plan says of the host, what the host says of itself, and what a rehearsal in check mode recorded.
"""

from __future__ import annotations

from typing import Any

from .. import diff
from .contradictions import contradictions
from .fingerprint import fingerprint
from .openings import undeclared
from .rehearsal import Rehearsal
from .report import text
from .survey import Survey
from .verdict import Contact, refusals

__all__ = ["fingerprint", "judge"]


def judge(survey: dict[str, Any], record: str, variables: dict[str, Any], acting: list[str]) -> dict[str, Any]:
    """Return the judgement on a host: the report's text, the reasons to refuse, and what would be done.

    Args:
        survey: what the host looks like (the module ``unde.infra.host_survey_info``).
        record: the lines that the callback ``unde.infra.contact`` wrote, one object of JSON each.
        variables: what the plan publishes for the host.
        acting: roles that were rehearsed.

    Raises:
        WrongCall: the collection's roles are not found.
        pydantic.ValidationError: the survey is not of the right form.

    """
    roles = diff.find()
    host, effects = Survey.model_validate(survey), diff.load(roles)
    rehearsal = Rehearsal.of(record, {role: effects.get(role, []) for role in acting}, set(host.services))
    contact = Contact(
        variables, acting, host, rehearsal, contradictions(host, variables, acting, rehearsal), undeclared(host, variables, roles),
        fingerprint(variables, acting),
    )
    return {
        "text": text(contact),
        "fingerprint": contact.fingerprint,
        "roles": acting,
        "refusals": [{"kind": each.kind, "says": each.says} for each in refusals(contact)],
        "installed": rehearsal.installed,
        "files": {path: change.kind for path, change in rehearsal.files.items()},
        "started": rehearsal.started,
        "restarted": rehearsal.restarted,
        "undeclared": [each.says for each in contact.undeclared],
        "contradictions": [each.says for each in contact.contradictions],
    }
