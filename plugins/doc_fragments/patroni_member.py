# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the documentation of the modules for a member of a shard shares; as arguments it is ``MEMBER`` in plugins/module_utils/patroni.py."""

from __future__ import annotations


class ModuleDocFragment:
    """A member, its PostgreSQL, and where its files are."""

    DOCUMENTATION = r"""
options:
  scope:
    description: Name of the shard in the coordination store.
    type: str
    required: true
  name:
    description: Name of this host's member.
    type: str
    required: true
  address:
    description: Address that the member's REST API and PostgreSQL are reached at.
    type: str
    required: true
  members:
    description: All members of the shard, this one included.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the member.
        type: str
        required: true
      address:
        description: Its address.
        type: str
        required: true
  dynamic_configuration:
    description: What the store is to hold for the whole shard, C(loop_wait) among it. PostgreSQL parameters that it does not name are not wanted.
    type: dict
    required: true
  postgresql_version:
    description: Major version of PostgreSQL, whose programs are in C(/usr/lib/postgresql/VERSION/bin) and whose own unit is C(postgresql@VERSION-main).
    type: str
    required: true
  data_directory:
    description: Where PostgreSQL keeps its data.
    type: path
    required: true
  postgresql_port:
    description: Port of PostgreSQL on this host.
    type: int
    default: 5432
  api_port:
    description: Port of the REST API, of every member.
    type: int
    default: 8008
  maximum_lag:
    description: Bytes that a standby may be behind a primary that is handed over to Patroni.
    type: int
    default: 1048576
  configuration_file:
    description: Patroni's configuration.
    type: path
    default: /etc/patroni/config.yml
  adoption_file:
    description: File without which the unit of Patroni does not start; written when the member is handed over.
    type: path
    default: /etc/patroni/adopted
  tls_directory:
    description: Where C(ca.crt), C(host.crt) and C(host.key) are, shown to the REST API.
    type: path
    default: /etc/unde/tls
"""
