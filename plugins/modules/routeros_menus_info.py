#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compare the menus of a RouterOS router with what they should be, all by one connection."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: routeros_menus_info
short_description: Compare the menus of a RouterOS router with what they should be
description:
  - One question where C(community.routeros.api_modify) would be one for each menu. Whatever is not certainly the same is listed as differing, so that a menu
    that is not listed is one that C(api_modify) would not change; for one that is listed, it has the last word.
  - Judges by the path data of C(community.routeros), of the release that is installed with it.
version_added: "0.1.0"
author: UNDE (@unde)
requirements: [librouteros]
extends_documentation_fragment: [community.routeros.api, unde.infra.read_only]
options:
  menus:
    description: What the menus should be.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: The menu, as the API has it, for example C(ip firewall filter).
        type: str
        required: true
      data:
        description: Its entries; one where the menu is one thing.
        type: list
        elements: dict
        required: true
      ours:
        description:
          - By what our entries are told from others, as O(community.routeros.api_modify#module:restrict) has it. Without it nothing is ever removed, and what
            is not given is of no concern.
        type: dict
      ordered:
        description: Whether the order matters.
        type: bool
      shared:
        description: Whether others' entries are of no concern.
        type: bool
  wiped:
    description: Menus in which entries that are not ours are to go, too; they are not listed as made by hand.
    type: list
    elements: str
    default: []
  peer_keys:
    description:
      - Public keys of the tunnels' far ends, by interface, as far as this run knows them. A peer without one keeps the key that the router has of it, and a
        tunnel of which neither knows one is to have no peer.
    type: dict
    default: {}
  private_keys_from:
    description: The router whose private keys this one is to have, a standby's; it is asked as the same user.
    type: dict
    suboptions:
      hostname:
        description: Its address.
        type: str
        required: true
      ca_path:
        description: The certificate that it is known by.
        type: path
        required: true
  first_user:
    description: Name of the user that a new router has.
    type: str
    default: admin
"""

EXAMPLES = r"""
- name: Compare the router's menus with the plan
  unde.infra.routeros_menus_info:
    hostname: 192.168.254.2
    username: unde
    password: "{{ password }}"
    tls: true
    ca_path: /etc/unde/chr/a.crt
    menus:
      - path: system identity
        data: [{name: gw}]
      - path: ip route
        data: [{dst-address: 10.2.0.10/32, gateway: wg-app, comment: "unde: app"}]
        ours: {field: comment, regex: "^unde: "}
  register: found
"""

RETURN = r"""
set_up:
  description: Whether the certificate O(ca_path) is there; where it is not, the router was not asked.
  type: bool
  returned: success
  sample: true
differing:
  description: The menus that may have to be changed.
  type: list
  elements: str
  returned: success
  sample: [ip firewall filter]
made_by_hand:
  description: The entries in our menus, and the users, that carry no comment of ours.
  type: list
  elements: str
  returned: success
  sample: ["/ip firewall filter chain=forward action=accept protocol=tcp dst-port=8081"]
peer_keys:
  description: Public keys of the tunnels' far ends, by interface, as O(peer_keys) has them, else as the router has.
  type: dict
  returned: success
  sample: {wg-app: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=}
public_keys:
  description: The router's own public keys, by interface.
  type: dict
  returned: success
  sample: {wg-app: HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=}
first_user_enabled:
  description: Whether the user that a new router has may still come in.
  type: bool
  returned: success
  sample: false
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.community.routeros.plugins.module_utils._api_data import PATHS, split_path
from ansible_collections.community.routeros.plugins.module_utils.api import api_argument_spec, check_has_library, create_api, get_api_version
from ansible_collections.unde.infra.plugins.module_utils import routeros
from ansible_collections.unde.infra.plugins.module_utils.routeros import Menu

NOTHING: dict[str, Any] = {"differing": [], "made_by_hand": [], "peer_keys": {}, "public_keys": {}, "first_user_enabled": False}


class Router:
    """A router that is asked, each menu once."""

    def __init__(self, api: Any) -> None:
        """Take a connection, and learn which release it is."""
        self.api, self.version = api, get_api_version(api)
        self.menus: dict[str, list[routeros.Entry]] = {}

    def schema(self, path: str) -> routeros.Schema:
        """Return what is known of a menu of this release.

        Raises:
            KeyError: nothing is.

        """
        data = PATHS[tuple(split_path(path))]
        if data.needs_version and not data.provide_version(self.version)[0]:
            raise KeyError(path)
        schema: routeros.Schema = data.get_data()
        return schema

    def entries(self, path: str) -> list[routeros.Entry]:
        """Return what is in a menu."""
        if path not in self.menus:
            absent = {key: field.absent_value for key, field in self.schema(path).fields.items() if field.absent_value is not None}
            self.menus[path] = [{**absent, **entry} for entry in self.api.path(*split_path(path))]
        return self.menus[path]

    def tunnels(self, field: str) -> dict[str, str]:
        """Return a field of the tunnels, by interface."""
        return {entry["name"]: entry[field] for entry in self.entries(routeros.TUNNELS) if field in entry}

    def peer_keys(self) -> dict[str, str]:
        """Return the public keys of our peers, by interface."""
        ours = [entry for entry in self.entries(routeros.PEERS) if routeros.OURS.match(str(entry.get("comment", "")))]
        return {entry["interface"]: entry["public-key"] for entry in ours if "public-key" in entry}


def look(router: Router, parameters: dict[str, Any], private_keys: dict[str, str]) -> dict[str, Any]:
    """Return what the module returns of a router that was set up."""
    peer_keys = {**router.peer_keys(), **parameters["peer_keys"]}
    menus = [Menu.read(menu) for menu in routeros.with_keys(parameters["menus"], peer_keys, private_keys)]
    wiped, first = set(parameters["wiped"]), parameters["first_user"]
    found = {
        "differing": [menu.path for menu in menus if routeros.differs(menu, router.entries(menu.path), router.schema(menu.path), menu.path in wiped)],
        "peer_keys": peer_keys,
        "public_keys": router.tunnels("public-key"),
        "first_user_enabled": any(user["name"] == first and not user.get("disabled") for user in router.entries(routeros.USERS)),
    }
    watched = {menu.path: router.entries(menu.path) for menu in menus if menu.ours and not menu.shared and menu.path not in wiped}
    watched[routeros.USERS] = [user for user in router.entries(routeros.USERS) if user["name"] != first]
    found["made_by_hand"] = [said for path, entries in watched.items() for said in routeros.made_by_hand(path, entries, router.schema(path))]
    return found


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **api_argument_spec(),
            "menus": {
                "type": "list", "elements": "dict", "required": True,
                "options": {
                    "path": {"type": "str", "required": True}, "data": {"type": "list", "elements": "dict", "required": True},
                    "ours": {"type": "dict"}, "ordered": {"type": "bool"}, "shared": {"type": "bool"},
                },
            },
            "wiped": {"type": "list", "elements": "str", "default": []},
            "peer_keys": {"type": "dict", "default": {}, "no_log": False},
            "private_keys_from": {
                "type": "dict", "no_log": False,
                "options": {"hostname": {"type": "str", "required": True}, "ca_path": {"type": "path", "required": True}},
            },
            "first_user": {"type": "str", "default": "admin"},
        },
        supports_check_mode=True,
    )  # fmt: skip
    parameters = module.params
    if parameters["ca_path"] and not Path(parameters["ca_path"]).exists():
        module.exit_json(changed=False, set_up=False, **NOTHING)
    check_has_library(module)
    from librouteros.exceptions import LibRouterosError

    try:
        private_keys: dict[str, str] = {}
        other = parameters["private_keys_from"]
        if other and Path(other["ca_path"]).exists():  # else it was not set up, and has none
            caller = SimpleNamespace(params={**parameters, **other}, fail_json=module.fail_json)
            private_keys = Router(create_api(caller)).tunnels("private-key")
        found = look(Router(create_api(module)), parameters, private_keys)
    except KeyError as menu:
        module.fail_json(msg=f"community.routeros does not know the menu /{menu.args[0]} of this release of RouterOS")
    except LibRouterosError as error:
        module.fail_json(msg=f"the router at {parameters['hostname']}: {error}")
    module.exit_json(changed=False, set_up=True, **found)


if __name__ == "__main__":
    main()
