# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the documentation of the modules for PostgreSQL shares; as arguments it is ``SERVER`` in plugins/module_utils/postgresql.py."""

from __future__ import annotations


class ModuleDocFragment:
    """The one server of a host, as Debian lays it out."""

    DOCUMENTATION = r"""
options:
  version:
    description: Major version. The cluster is C(/var/lib/postgresql/<version>/main), its unit C(postgresql@<version>-main.service), its port 5432.
    type: str
    required: true
  programs:
    description: Directory of PostgreSQL's own programs; C(/usr/lib/postgresql/<version>/bin) where it is left out.
    type: path
  state_directory:
    description:
      - Where it is written down whose data it is. C(system_identifier) names the system that lives here; C(initializing) stands as long as a cluster is
        being made, and what lies in the data directory meanwhile is nobody's; C(before) holds the configuration of a cluster that was adopted.
    type: path
    required: true
  patroni_configuration:
    description: Where this file exists, starting and stopping the server is Patroni's business.
    type: path
    default: /etc/patroni/config.yml
"""
