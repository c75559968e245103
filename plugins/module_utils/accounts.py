# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Users and groups of a host."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Iterable


def exists(user: str) -> bool:
    """Return whether there is a user of that name."""
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def missing_members(name: str, users: Iterable[str]) -> list[str]:
    """Return the users that are not in a group, neither as their primary group nor as another; all of them where there is no such group."""
    try:
        group = grp.getgrnam(name)
    except KeyError:
        return list(users)
    primary = {user.pw_name for user in pwd.getpwall() if user.pw_gid == group.gr_gid}
    return [user for user in users if user not in {*group.gr_mem, *primary}]
