# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What dpkg says of packages, and which release a host runs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ansible_collections.unde.infra.plugins.module_utils.systemd import Run

#: One line for each package, without its architecture.
FORMAT = "${Package}\t${db:Status-Status}\t${Version}\n"
#: By os-release(5) the first that is there.
OS_RELEASE = (Path("/etc/os-release"), Path("/usr/lib/os-release"))


class Release(NamedTuple):
    """What a system is."""

    system: str
    release: str
    version: str
    pretty_name: str


def read(text: str) -> Release:
    """Return what the text of an os-release file says."""
    said: dict[str, str] = dict(re.findall(r"""^([A-Z_]+)=["']?([^"'\n]*)""", text, re.MULTILINE))
    system = said.get("ID", "linux")
    return Release(system, said.get("VERSION_CODENAME", ""), said.get("VERSION_ID", ""), said.get("PRETTY_NAME", system))


def own_release() -> Release:
    """Return what the host says of itself."""
    return read(next((file.read_text(encoding="utf-8") for file in OS_RELEASE if file.is_file()), ""))


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
