"""Backups in the order PostgreSQL, ClickHouse, objects, and the way back in the same order.

What PostgreSQL says of events and objects is older than these, never newer: a restored dashboard names nothing that is not there yet.
A backup counts when all its parts stand and its manifest names their checksums; one that broke off never does.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from .compose import Failed, Stack

MANIFEST = "manifest.json"
#: Services that hold the objects, by folder below the data directory.
OBJECTS = {"objectstorage": "objectstorage", "seaweedfs": "seaweedfs"}
DATA_SERVICES = ("db", "clickhouse", "zookeeper", "redis7", "kafka")


class Backups:
    """A folder of backups, each a folder named after its time."""

    def __init__(self, stack: Stack, home: Path, kept: int) -> None:
        """Take where backups are, and how many are kept."""
        self._stack, self._home, self._kept = stack, home, kept
        #: ClickHouse writes its own part, and sees the folder as this.
        self._clickhouse = "/backups"

    def finished(self) -> list[Path]:
        """Return the backups that count, oldest first."""
        return sorted(manifest.parent for manifest in self._home.glob(f"*/{MANIFEST}") if not manifest.parent.name.endswith(".partial"))

    def newest_age_s(self) -> float:
        """Return the age of the newest backup in seconds; infinite where there is none."""
        finished = self.finished()
        if not finished:
            return float("inf")
        return time.time() - float(json.loads((finished[-1] / MANIFEST).read_text(encoding="utf-8"))["finished"])

    def make(self, say: Callable[[str], None]) -> Path:
        """Make a backup and return its folder; the first part that fails ends it.

        Raises:
            Failed: with the part; what stands of it is taken away by the next backup.

        """
        name = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        for broken in self._home.glob("*.partial"):
            shutil.rmtree(broken)
        folder = self._home / f"{name}.partial"
        folder.mkdir(mode=0o700)
        # ClickHouse runs as a user of its own.
        written = self._home / "clickhouse" / f"{name}.zip"
        for part, write in (("postgres", self._postgres), ("clickhouse", self._from_clickhouse), ("objects", self._objects)):
            say(part)
            try:
                write(folder, written)
            except (Failed, OSError) as error:
                written.unlink(missing_ok=True)
                raise Failed(f"{part}: {error}") from error
        checksums = {path.name: _checksum(path) for path in sorted(folder.iterdir())}
        if set(checksums) != {"postgres.sql.gz", "clickhouse.zip", "objects.tar.gz"} or not all((folder / each).stat().st_size for each in checksums):
            raise Failed(f"a part is missing or empty: {', '.join(sorted(checksums))}")
        (folder / MANIFEST).write_text(json.dumps({"finished": time.time(), "sha256": checksums}, indent=1) + "\n", encoding="utf-8")
        finished = folder.rename(self._home / name)
        for old in self.finished()[: -self._kept]:
            shutil.rmtree(old)
        return finished

    def restore(self, name: str, say: Callable[[str], None]) -> None:
        """Put a backup in the place of what is there.

        Raises:
            Failed: there is no such backup, or it is not what was written; nothing was touched then. Or a part failed: with its name.

        """
        folder = self._home / name
        if folder not in self.finished():
            raise Failed(f"there is no backup {name}; there are: {', '.join(path.name for path in self.finished()) or 'none'}")
        for file, checksum in json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["sha256"].items():
            if _checksum(folder / file) != checksum:
                raise Failed(f"{folder / file} is not what was written: its checksum differs")
        self._stack.run("stop")
        self._stack.run("up", "--detach", "--pull", "never", "--wait", *(service for service in DATA_SERVICES if service in self._stack.services()))
        for part, bring_back in (("postgres", self._restore_postgres), ("clickhouse", self._restore_clickhouse), ("objects", self._restore_objects)):
            say(part)
            try:
                bring_back(folder)
            except (Failed, OSError) as error:
                raise Failed(f"{part}: {error}") from error
        self._stack.run("up", "--detach", "--pull", "never")

    def _postgres(self, folder: Path, written: Path) -> None:
        with (folder / "postgres.sql").open("wb") as out:
            self._stack.inside("db", "pg_dumpall", "--clean", "--if-exists", "--username=posthog", stdout=out)
        with (folder / "postgres.sql").open("rb") as plain, gzip.open(folder / "postgres.sql.gz", "wb", 6) as packed:
            shutil.copyfileobj(plain, packed)
        (folder / "postgres.sql").unlink()

    def _from_clickhouse(self, folder: Path, written: Path) -> None:
        self._stack.inside("clickhouse", "clickhouse-client", "--query", f"BACKUP DATABASE posthog TO File('{self._clickhouse}/{written.name}')")
        shutil.move(written, folder / "clickhouse.zip")

    def _objects(self, folder: Path, written: Path) -> None:
        """Pack the objects while their stores stand still: a store that goes on writing is not one moment."""
        stores = [service for service in OBJECTS if service in self._stack.services()]
        self._stack.run("pause", *stores)
        try:
            _tar("--create", folder / "objects.tar.gz", self._stack.data, *(OBJECTS[service] for service in stores))
        finally:
            self._stack.run("unpause", *stores)

    def _restore_postgres(self, folder: Path) -> None:
        with gzip.open(folder / "postgres.sql.gz", "rb") as packed, (self._home / "restore.sql").open("w+b") as plain:
            shutil.copyfileobj(packed, plain)
            plain.seek(0)
            self._stack.inside("db", "psql", "--quiet", "--username=posthog", "--dbname=template1", stdin=plain)
        (self._home / "restore.sql").unlink()

    def _restore_clickhouse(self, folder: Path) -> None:
        shared = self._home / "clickhouse" / "restore.zip"
        shutil.copyfile(folder / "clickhouse.zip", shared)
        shared.chmod(0o644)
        try:
            for query in ("DROP DATABASE IF EXISTS posthog SYNC", f"RESTORE DATABASE posthog FROM File('{self._clickhouse}/{shared.name}')"):
                self._stack.inside("clickhouse", "clickhouse-client", "--query", query)
        finally:
            shared.unlink()

    def _restore_objects(self, folder: Path) -> None:
        """Unpack beside, then exchange: what was there stays until the new stands."""
        fresh = self._stack.data / ".restore"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        _tar("--extract", folder / "objects.tar.gz", fresh)
        for name in sorted(path.name for path in fresh.iterdir()):
            old = self._stack.data / name
            for each in old.iterdir():
                shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
            for each in (fresh / name).iterdir():
                shutil.move(each, old / each.name)
        shutil.rmtree(fresh)


def _tar(action: str, archive: Path, home: Path, *names: str) -> None:
    done = subprocess.run(
        ["tar", action, "--gzip", "--file", str(archive), "--directory", str(home), "--numeric-owner", *names], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Failed(f"tar: {done.stderr.strip()[-300:]}")


def _checksum(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
