# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The judgement on a first contact: a thin adapter around the package ``unde``."""

from __future__ import annotations

DOCUMENTATION = r"""
name: contact
short_description: Judge a first contact
version_added: "0.1.0"
author: UNDE (@unde)
description:
  - Puts together what a host looks like, what a rehearsal of roles would do to it, and what the layout says of it.
  - Needs the Python package C(unde), from the same release, beside Ansible.
options:
  _input:
    description: What the host looks like, as C(plugins/modules/host_survey_info.py) tells it.
    type: dict
    required: true
  record:
    description: The lines that the callback C(unde.infra.contact) wrote.
    type: str
    required: true
  variables:
    description: What the plan publishes for the host.
    type: dict
    required: true
  acting:
    description: The roles that were rehearsed.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
judged: "{{ survey | unde.infra.contact(record=lines, variables=variables, acting=['base', 'firewall']) }}"
"""

RETURN = r"""
_value:
  description: C(text), the report in Markdown; C(refusals); what would be installed, written, started and restarted; C(fingerprint).
  type: dict
"""

import json

from ansible.errors import AnsibleFilterError


def rooms():
    """Import what judges."""
    try:
        import unde.contact
        import unde.errors
    except ImportError as error:
        raise AnsibleFilterError(f"unde.infra.contact needs the Python package 'unde' beside Ansible: {error}") from error
    return unde


def plain(value):
    """Return Ansible's values as those of the standard library."""
    return json.loads(json.dumps(value, default=str))


def contact(survey, record, variables, acting):
    """Return the judgement as plain data."""
    unde = rooms()
    try:
        return unde.contact.judge(plain(survey), str(record), plain(variables), list(map(str, acting)))
    except unde.errors.UndeError as error:
        raise AnsibleFilterError(str(error)) from error


def fingerprint(variables, acting):
    """Return what a report is held against: other variables, or other roles, and it is of another estate."""
    return rooms().contact.fingerprint(plain(variables), list(map(str, acting)))


class FilterModule:
    """The filters of this file."""

    def filters(self):
        return {"contact": contact, "contact_fingerprint": fingerprint}
