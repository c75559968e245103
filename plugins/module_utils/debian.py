# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What dpkg says of packages."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.unde.infra.plugins.module_utils.systemd import Run

#: One line for each package, without its architecture.
FORMAT = "${Package}\t${db:Status-Status}\t${Version}\n"


def installed(run: Run, names: Iterable[str]) -> dict[str, str]:
    """Return name → version of those packages that are installed in full; one that was removed but for its configuration is not."""
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return {}
    # It complains, and ends with 1, about those that it does not know.
    said = run(["dpkg-query", "--show", f"--showformat={FORMAT}", *wanted])[1]
    lines = (line.split("\t") for line in said.splitlines())
    return {name: version for name, status, version in lines if status == "installed"}


def satisfies(wanted: str, found: dict[str, str]) -> bool:
    """Return whether a package, ``name`` or ``name=version``, is among those that were found."""
    name, _sign, version = wanted.partition("=")
    return name in found and version in ("", found[name])
