# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who takes part in a drill."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def one_per_site(names: Iterable[str], groups: Mapping[str, Iterable[str]]) -> list[dict[str, str]]:
    """Return the first of some hosts at each site, as ``{"name", "site"}``; names that are no hosts of the layout are passed over."""
    sites = {host: group.removeprefix("site_") for group, hosts in groups.items() if group.startswith("site_") for host in hosts}
    found: dict[str, str] = {}
    for name in names:
        if name in sites:
            found.setdefault(sites[name], name)
    return [{"name": name, "site": site} for site, name in found.items()]


class FilterModule:
    """What Ansible finds here."""

    def filters(self) -> dict[str, Any]:
        """Return name → filter."""
        return {"one_per_site": one_per_site}
