# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the documentation of the modules for a member of etcd shares; as arguments it is ``MEMBER`` in plugins/module_utils/etcd.py."""

from __future__ import annotations


class ModuleDocFragment:
    """A member, and where it keeps what it has."""

    DOCUMENTATION = r"""
options:
  name:
    description: Name of this host's member.
    type: str
    required: true
  address:
    description: Address at which clients and the other members reach it.
    type: str
    required: true
  members:
    description: All members that the cluster is to have, this one included.
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
  cluster_token:
    description: Name of the cluster. Data that was made under another one is never touched.
    type: str
    required: true
  client_port:
    description: Port for clients, of every member.
    type: int
    default: 2379
  peer_port:
    description: Port for the other members, of every member.
    type: int
    default: 2380
  data_directory:
    description: Where the member keeps its data.
    type: path
    default: /var/lib/etcd/default
  identity_file:
    description:
      - Environment file beside the data, written before the member's first start. C(UNDE_MEMBER_NAME) and C(ETCD_INITIAL_CLUSTER_TOKEN) say whose data it is,
        C(UNDE_MEMBER_JOINED) whether the member has ever been healthy.
    type: path
    default: /var/lib/etcd/unde-member.env
  configuration_file:
    description: Environment file that etcd is configured by.
    type: path
    default: /etc/default/etcd
  tls_directory:
    description: Where C(ca.crt), C(host.crt) and C(host.key) are, shown to clients and members alike.
    type: path
    default: /etc/unde/tls
"""
