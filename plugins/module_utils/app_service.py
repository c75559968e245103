# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service of our own on a host: its releases side by side, what it is started with, its secrets, its health, and the way back.

What survives a run that is killed between any two acts: a release appears as a whole or not at all, the link is switched in one step, and a mark beside what
the service was last healthy with (``pending``) says that a change was begun, so that the next run makes it again.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import pwd
import shutil
import tarfile
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.unde.infra.plugins.module_utils import systemd

#: Releases, and the link that says which one runs.
PROGRAMS = Path("/opt/unde")
#: Environments, and the secrets that may lie on a disk.
SETTINGS = Path("/etc/unde/app")
#: What each service was last healthy with, and with the version before.
STATE = Path("/var/lib/unde/app_service")
UNITS = Path("/etc/systemd/system")
#: Memory: what must never reach a disk waits here for its service to start.
MEMORY = Path("/run/unde/app-keys")
#: What a service that runs has been given.
GIVEN = Path("/run/unde/app")
#: Gives a service its secrets: before each start, and when one changes under a service that reads it anew.
HAND_SECRETS = "/usr/local/lib/unde/app_service/hand-secrets"
#: Releases of a service that are kept.
KEPT = 3
#: A program that ended so often will not do better by waiting.
MOST_ENDS = 3
#: Healthy is what is so twice in a row, so long apart.
PAUSE_S = 0.2


class Refused(Exception):
    """Nothing was done, or what was begun was undone; the text is one readable sentence."""


@dataclass(frozen=True)
class Start:
    """What a release is started with: this comes back with it."""

    version: str
    environment: str
    unit: str
    run: str
    address: str
    port: int
    health: str
    start_s: int


@dataclass(frozen=True)
class Wanted:
    """A service as it is to be."""

    start: Start
    #: The archive that the release is unpacked from, its SHA-256 where it is known, and what it must have; none for an image.
    archive: Path | None = None
    checksum: str | None = None
    program: str = ""
    rereads_secrets: bool = False
    #: File name → value: what may lie on a disk, and what is kept in memory alone.
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    memory_secrets: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, found: dict[str, Any], secrets: dict[str, Any], memory_secrets: dict[str, Any]) -> Wanted:
        """Take a service as a module's parameters have it."""
        start = Start(**{key: found[key] for key in Start.__dataclass_fields__})
        archive = Path(found["archive"]) if found["archive"] else None
        texts = [{file: str(value) for file, value in each.items()} for each in (secrets, memory_secrets)]
        return cls(start, archive, found["checksum"], found["program"], found["rereads_secrets"], *texts)


def text_of(path: Path) -> str | None:
    """Return what a file holds, or None where there is none."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def write(path: Path, content: str, mode: int = 0o644) -> None:
    """Write a file as a whole; for no moment can anybody read it who may not later."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=".unde-")
    try:
        with os.fdopen(handle, "w") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.chmod(beside, mode)
        os.rename(beside, path)
    except OSError:
        os.unlink(beside)
        raise


def hold(folder: Path, secrets: dict[str, str]) -> None:
    """Let a folder of secrets hold exactly these; only root reads them there."""
    if not secrets and not folder.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for each in folder.iterdir():
        if each.name not in secrets:
            each.unlink()
    for file, value in secrets.items():
        if text_of(folder / file) != value:
            write(folder / file, value, 0o600)


def ask(address: str, port: int, path: str) -> str:
    """Ask for the health; return nothing, or what was answered in its place. The body is nobody's business."""
    asked = f"http://{address}:{port}{path}"
    connection = http.client.HTTPConnection(address, port, timeout=2)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{asked}: {error or type(error).__name__}"
    finally:
        connection.close()
    return "" if status == 200 else f"{asked} answers {status}"


def known() -> list[str]:
    """Return the services that were brought here."""
    return sorted(each.name for each in STATE.iterdir()) if STATE.is_dir() else []


class Service:
    """A service as this host has it."""

    def __init__(self, name: str, run: systemd.Run) -> None:
        """Take its name, and what runs programs."""
        self.name = name
        self.run = run
        #: The unit that runs it, and its system user.
        self.unit = f"unde-{name}.service"
        self.user = f"unde-{name}"

    def call(self, *words: str) -> str:
        """Run a program and return what it prints.

        Raises:
            Refused: it ended badly; the text is what it said.

        """
        code, said, complaint = self.run(list(words))
        if code != 0:
            raise Refused(f"{words[0]} ended with status {code}: {(complaint or said).strip()}")
        return said.strip()

    # ── Releases ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def folder(self, version: str) -> Path:
        """Return where a release is: ``files`` as the archive has them, and ``run``, which starts it."""
        return PROGRAMS / self.name / "releases" / version

    def current(self) -> str | None:
        """Return the version that the link names."""
        link = PROGRAMS / self.name / "current"
        return os.path.basename(os.readlink(link)) if link.is_symlink() else None

    def switch_link(self, version: str) -> None:
        """Let the link name another release, in one step."""
        link, beside = PROGRAMS / self.name / "current", PROGRAMS / self.name / ".current"
        beside.unlink(missing_ok=True)
        beside.symlink_to(Path("releases") / version)
        os.rename(beside, link)

    def misses(self, version: str, checksum: str | None) -> bool:
        """Tell whether a release has still to be unpacked.

        Raises:
            Refused: it is there with another content: a version is one content, for ever.

        """
        place = self.folder(version)
        if not place.is_dir():
            return True
        there = text_of(place / "checksum")
        if checksum and there != checksum:
            raise Refused(f"{self.name} {version} is here with another content (SHA-256 {there}): give what is new a new version")
        return False

    def unpack(self, wanted: Wanted) -> None:
        """Put the wanted release beside the others; it appears there as a whole or not at all. The archive is gone afterwards.

        Raises:
            Refused: the archive is not what it should be, or lacks the program.

        """
        place = self.folder(wanted.start.version)
        beside = place.with_name(f".{place.name}.new")
        shutil.rmtree(beside, ignore_errors=True)
        (beside / "files").mkdir(parents=True)
        if wanted.archive:
            try:
                self._extract(wanted, wanted.archive, beside)
            except Refused:
                shutil.rmtree(beside)
                raise
            finally:
                wanted.archive.unlink(missing_ok=True)
        os.rename(beside, place)

    def _extract(self, wanted: Wanted, archive: Path, place: Path) -> None:
        """Compare an archive's checksum, and unpack it where nothing can be written outside."""
        what = f"{self.name} {wanted.start.version}"
        try:
            with archive.open("rb") as content:
                checksum = hashlib.file_digest(content, "sha256").hexdigest()
        except FileNotFoundError as error:
            raise Refused(f"{what}: there is no archive at {archive}: name one at services.{self.name}.app.artifact of the layout") from error
        if wanted.checksum not in (None, checksum):
            raise Refused(f"{what}: the archive's SHA-256 is {checksum}, not {wanted.checksum}")
        try:
            with tarfile.open(archive) as packed:
                packed.extractall(place / "files", filter="data")
        except tarfile.TarError as error:
            raise Refused(f"{what}: the archive cannot be unpacked: {error}") from error
        if not (place / "files" / wanted.program).is_file():
            raise Refused(f"{what}: the archive has no {wanted.program}")
        write(place / "checksum", checksum)

    def spare(self, version: str) -> list[str]:
        """Return the releases that go once this version is healthy: the oldest, but neither it nor the one before, nor the last few."""
        folder = PROGRAMS / self.name / "releases"
        good, former = self.remembered("good.json"), self.remembered("former.json")
        before = good if good and good.version != version else former
        keep = {version, *([before.version] if before else [])}
        there = sorted(folder.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True) if folder.is_dir() else []
        return [each.name for each in there if each.name not in keep][max(0, KEPT - len(keep)) :]

    # ── Health ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def is_active(self) -> bool:
        """Tell whether the unit runs."""
        return systemd.properties(self.run, self.unit, "ActiveState").get("ActiveState") == "active"

    def wait_until_healthy(self, start: Start) -> str:
        """Wait until it is healthy; return nothing, or what was wrong with it in the end."""
        deadline, well, why = time.monotonic() + start.start_s, 0, ""
        while time.monotonic() < deadline:
            unit = systemd.properties(self.run, self.unit, "ActiveState", "NRestarts")
            if int(unit.get("NRestarts") or 0) >= MOST_ENDS:
                return f"it ended {MOST_ENDS} times"
            why = "it does not run" if unit.get("ActiveState") != "active" else ask(start.address, start.port, start.health)
            well = 0 if why else well + 1
            if well == 2:
                return ""
            time.sleep(PAUSE_S)
        return f"not healthy within {start.start_s} s: {why}"

    # ── What differs ──────────────────────────────────────────────────────────────────────────────────────────────────
    def places(self) -> dict[str, Path]:
        """Return where the texts of a start are."""
        return {"environment": SETTINGS / self.name / "environment", "unit": UNITS / self.unit}

    def differences(self, wanted: Wanted) -> list[str]:
        """Return what is not as wanted: the words are for people.

        Raises:
            Refused: the release is there with another content.

        """
        start, active = wanted.start, self.is_active()
        found = ["release"] if self.misses(start.version, wanted.checksum) else []
        found += ["version"] if self.current() != start.version else []
        found += [what for what, place in self.places().items() if text_of(place) != getattr(start, what)]
        found += ["run"] if text_of(self.folder(start.version) / "run") != start.run else []
        lies = [(SETTINGS / self.name / "secrets", wanted.secrets), (MEMORY / self.name, wanted.memory_secrets)]
        # A run that was killed while it gave them has left some behind.
        lies += [(GIVEN / self.name, wanted.secrets | wanted.memory_secrets)] if active and wanted.rereads_secrets else []
        for folder, secrets in lies:
            found += [f"secret {file}" for file, value in secrets.items() if text_of(folder / file) != value]
            found += [f"secret {each.name}" for each in sorted(folder.glob("*")) if each.name not in secrets]
        found += ["interrupted"] if (STATE / self.name / "pending").exists() else []
        return list(dict.fromkeys(found)) + ([] if active else ["stopped"])

    def needs_no_restart(self, wanted: Wanted, differences: list[str]) -> bool:
        """Tell whether all that differs is secrets, of a service that runs and reads them anew."""
        return bool(differences) and wanted.rereads_secrets and all(each.startswith("secret ") for each in differences)

    def actions(self, wanted: Wanted, differences: list[str]) -> list[str]:
        """Return what brings it to what is wanted, one act each."""
        version = wanted.start.version
        if not differences:
            return []
        if self.needs_no_restart(wanted, differences):
            return [f"replace {', '.join(differences)} of {self.name} without a restart"]
        acts = [] if self.has_user() else [f"create user {self.user}"]
        acts += [f"unpack release {version} of {self.name}"] if "release" in differences else []
        rest = [each for each in differences if each not in ("release", "stopped")]
        acts.append(f"{'start' if 'stopped' in differences else 'restart'} {self.unit} with release {version}{': ' if rest else ''}{', '.join(rest)}")
        return acts + [f"remove release {each} of {self.name}" for each in self.spare(version)]

    # ── Acts ──────────────────────────────────────────────────────────────────────────────────────────────────────────
    def has_user(self) -> bool:
        """Tell whether its system user is there."""
        try:
            pwd.getpwnam(self.user)
        except KeyError:
            return False
        return True

    def place_secrets(self, wanted: Wanted) -> None:
        """Let its two folders of secrets hold what is wanted, where its next start finds it."""
        hold(SETTINGS / self.name / "secrets", wanted.secrets)
        hold(MEMORY / self.name, wanted.memory_secrets)

    def replace_secrets(self, wanted: Wanted) -> None:
        """Give it its secrets while it runs, each file replaced in one step.

        Raises:
            Refused: the program that does it says why not.

        """
        self.place_secrets(wanted)
        self.call(HAND_SECRETS, self.name, self.user)

    def apply(self, wanted: Wanted) -> None:
        """Bring it to what is wanted.

        Raises:
            Refused: the release does not come up; the text says whether the one before runs again.

        """
        if not self.has_user():
            home = ("--no-create-home", "--home-dir", f"/var/lib/{self.user}")
            self.call("useradd", "--system", "--user-group", *home, "--shell", "/usr/sbin/nologin", self.user)
        if self.misses(wanted.start.version, wanted.checksum):
            self.unpack(wanted)
        write(STATE / self.name / "pending", "")
        self.place_secrets(wanted)
        self.start(wanted.start)
        for each in self.spare(wanted.start.version):
            shutil.rmtree(self.folder(each))

    def start(self, start: Start) -> None:
        """Start a release that is here, in place of what runs.

        Raises:
            Refused: it does not come up; the text says whether the one before runs again.

        """
        good = self.remembered("good.json")
        why = self._switch(start)
        if not why:
            if good and good.version != start.version:
                self._remember("former.json", good)
            self._remember("good.json", start)
            (STATE / self.name / "pending").unlink(missing_ok=True)
            return
        saying = f"{self.name} {start.version}: {why}; see journalctl -u {self.unit}."
        if good is None or good == start:
            raise Refused(f"{saying} There is nothing before it to go back to.")
        again = self._switch(good)
        if again:
            raise Refused(f"{saying} Back to {good.version}, which does not come up either: {again}.")
        (STATE / self.name / "pending").unlink(missing_ok=True)
        raise Refused(f"{saying} Rolled back: {good.version} runs again.")

    def _switch(self, start: Start) -> str:
        """Write the texts of a start, let the link name its release and restart; return nothing, or why it is not healthy."""
        for key, place in self.places().items():
            write(place, getattr(start, key))
        write(self.folder(start.version) / "run", start.run, 0o755)
        self.switch_link(start.version)
        self.call("systemctl", "daemon-reload")
        self.call("systemctl", "enable", "--quiet", self.unit)
        self.run(["systemctl", "reset-failed", self.unit])
        self.run(["systemctl", "restart", self.unit])
        return self.wait_until_healthy(start)

    def before(self) -> tuple[Start, Start]:
        """Return what it was healthy with before, and what it runs with.

        Raises:
            Refused: no other release ran here, or it is gone.

        """
        former, good = self.remembered("former.json"), self.remembered("good.json")
        if former is None or good is None or not self.folder(former.version).is_dir():
            raise Refused(f"{self.name}: no release ran here before this one; here are: {', '.join(known()) or 'no services'}")
        return former, good

    def remembered(self, file: str) -> Start | None:
        """Return what it was last healthy with (``good.json``), or with the version before (``former.json``)."""
        text = text_of(STATE / self.name / file)
        return None if text is None else Start(**json.loads(text))

    def _remember(self, file: str, start: Start) -> None:
        """Keep what it is started with."""
        write(STATE / self.name / file, json.dumps(asdict(start)), 0o600)

    def remove(self) -> None:
        """Stop it and remove all of it but its user and what it has kept in its own /var/lib.

        Raises:
            Refused: systemd does not read its units anew.

        """
        self.run(["systemctl", "disable", "--now", self.unit])
        (UNITS / self.unit).unlink(missing_ok=True)
        self.call("systemctl", "daemon-reload")
        for folder in (PROGRAMS / self.name, SETTINGS / self.name, MEMORY / self.name, STATE / self.name):
            shutil.rmtree(folder, ignore_errors=True)
