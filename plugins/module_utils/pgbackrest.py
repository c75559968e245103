# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The configuration of pgBackRest that a host works with, and what of it no run of the role changes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any


class Configuration:
    """The file, as the archiver and the timers read it now."""

    def __init__(self, file: Path) -> None:
        """Read it; one that is not there is empty."""
        self.file = file
        text = file.read_text() if file.exists() else ""
        #: Settings of all sections; those of the repository and of the server have names of their own.
        self.settings: dict[str, str] = dict(re.findall(r"(?m)^([a-z0-9-]+)=(.*)$", text))
        sections = re.findall(r"(?m)^\[(?!global)(.+)\]$", text)
        #: Name of the cluster in the repository.
        self.stanza: str | None = sections[0] if sections else None

    @property
    def place(self) -> tuple[str, ...]:
        """Return where the repository is: its type, then the store's host and the bucket, and the path."""
        kind = self.settings.get("repo1-type", "")
        of_bucket = ("repo1-s3-endpoint", "repo1-s3-bucket") if kind == "s3" else ()
        return (kind, *(self.settings.get(key, "") for key in (*of_bucket, "repo1-path")))


def place(repository: dict[str, Any]) -> tuple[str, ...]:
    """Return where a wanted repository is, as ``Configuration.place`` has it."""
    of_bucket = ("endpoint", "bucket") if repository["type"] == "s3" else ()
    return (repository["type"], *(repository[key] or "" for key in (*of_bucket, "path")))


def words(where: tuple[str, ...]) -> str:
    """Return a place as people read it."""
    return " ".join(where[1:]) if where[0] == "s3" else f"the directory {where[-1]}"


def left_behind(used: Configuration, stanza: str, known: list[str]) -> str:
    """Return the directory that the repository is moved away from while it holds backups, or nothing; ``known``: directories that are still wanted."""
    path = used.place[-1]
    if used.place[0] != "posix" or path in known or not (Path(path) / "backup" / stanza / "backup.info").exists():
        return ""
    return path


def refused_changes(used: Configuration, stanza: str, data_directory: str, repository: dict[str, Any], former_path: str, cipher_pass: str) -> list[str]:
    """Return what is wanted otherwise than it is and no run changes, each with the way to do it. No value is told that could be a secret."""
    former, there, wanted = used.stanza or stanza, used.settings.get("pg1-path", data_directory), place(repository)
    left = left_behind(used, stanza, [*([repository["path"]] if repository["type"] == "posix" else []), former_path])
    refusals = [
        (
            left != "",
            f"{left} holds the backups of {stanza}. Until the new repository has one, nothing could be restored to a moment in between (pgbackrest_repo is "
            "another): name it in pgbackrest_former_path (the layout: clusters.pgbackrest.former_path), so that WAL goes there too",
        ),
        (
            former != stanza,
            f"the backups and the WAL are under {former}, pgbackrest_stanza is {stanza}, under which there are none: keep the name; another database begins "
            "with backups of its own on a host of its own",
        ),
        (
            there != data_directory,
            f"the server that archives runs in {there}, pgbackrest_data_directory is {data_directory} (docs/operate.md, Another major version of PostgreSQL)",
        ),
        (
            used.settings.get("repo1-cipher-pass", cipher_pass) != cipher_pass,
            "the vault has another key than the one that the repository is encrypted with, and none of its backups could be read. Put the former one back into "
            "the vault; another key needs another repository (docs/operate.md, Backups: the bucket)",
        ),
        (
            used.place[0] == "s3" and used.place != wanted,
            f"the repository is in a bucket ({words(used.place)}), pgbackrest_repo names another place ({words(wanted)}), where no moment until its first "
            f"backup could be restored. Copy all objects there, then remove {used.file} on each member and run again (docs/operate.md, Backups: the bucket)",
        ),
    ]
    return [text for holds, text in refusals if holds]
