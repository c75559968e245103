# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A secret of the vault, or one refusal that names every secret which it lacks."""

from __future__ import annotations

DOCUMENTATION = r"""
name: vault
author: UNDE (@unde)
short_description: A secret of the vault, or a refusal that names all that is missing
version_added: "0.1.0"
description:
  - Returns the value of a variable that the encrypted file holds.
  - Where it is missing, the refusal names it and all others which the roles of the play ask for and which are missing too, with the command that makes them.
  - Roles ask by this in their defaults, so that they refuse before their first task, when Ansible validates their arguments.
options:
  _terms:
    description: Names of secrets; of one entry where the variable is a mapping, as C(vault_redis_passwords/cache-mood).
    required: true
"""

EXAMPLES = r"""
postgres_shard_app_password: "{{ lookup('unde.infra.vault', 'vault_postgres_shard_app_password') }}"
luks_passphrase: "{{ lookup('unde.infra.vault', 'vault_luks_passphrases/' ~ inventory_hostname) }}"
"""

RETURN = r"""
_raw:
  description: The secrets.
  type: list
  elements: raw
"""

import re

from ansible.errors import AnsibleLookupError
from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase

#: How roles ask: another variable's text says which secrets it needs.
ASKS = re.compile(r"lookup\('unde\.infra\.vault', '(vault_\w+(?:/[\w-]+)?)'\)")
#: Published by the inventory plugin: variable → the entries that the layout needs in it.
ENTRIES = "unde_vault_entries"


class LookupModule(LookupBase):
    """Take it, or say what is missing."""

    def run(self, terms, variables=None, **kwargs):
        """Return the secrets."""
        lacking = [term for term in terms if not self._has(term, variables)]
        lacking += [f"{term}/{entry}" for term in terms if term not in lacking for entry in self._entries(term, variables)]
        if lacking:
            asked = {name for text in list(variables.values()) if isinstance(text, str) for name in ASKS.findall(text)}
            lacking += [name for name in asked if not self._has(name, variables)]
            lacking += [f"{name}/{entry}" for name in asked if self._has(name, variables) for entry in self._entries(name, variables)]
            raise AnsibleLookupError(
                f"the vault lacks {', '.join(sorted(set(lacking)))}. `make secrets` (scripts/secrets) makes those that are missing; what is there stays"
            )
        return [self._value(term, variables) for term in terms]

    def _value(self, term, variables):
        """Return a secret that is there."""
        name, _slash, entry = term.partition("/")
        [value] = lookup_loader.get("ansible.builtin.vars", loader=self._loader, templar=self._templar).run([name], variables)
        return value[entry] if entry else value

    def _has(self, term, variables):
        """Tell whether the vault has a secret."""
        name, _slash, entry = term.partition("/")
        return name in variables and (not entry or entry in self._value(name, variables))

    def _entries(self, term, variables):
        """Return the entries that the layout needs in a mapping and that it lacks."""
        needed = variables.get(ENTRIES, {}).get(term, [])
        return [entry for entry in needed if not self._has(f"{term}/{entry}", variables)]
