"""Bring one service to what is wanted, and back to what ran before when that does not come up."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import health
import releases
from common import HANDED, PROGRAMS, SETTINGS, STATE, TOOL, UNITS, VOLATILE, Refused, Service, exists, run, text_of, unit, user, write

#: What a release was started with: this comes back with it.
Started = dict[str, Any]


def wanted(service: Service) -> Started:
    """Return with what the wanted release is started."""
    return {key: service[key] for key in ("version", "environment", "unit", "run", "address", "port", "health", "start_s")}


def places(name: str) -> dict[str, Path]:
    """Return where the texts of a start are."""
    return {"environment": SETTINGS / name / "environment", "unit": UNITS / unit(name)}


def differs(service: Service) -> list[str]:
    """Return what of a service is not as wanted: the words tell people."""
    name, start = service["name"], wanted(service)
    found = ["release"] if releases.lacks(service) else []
    found += ["version"] if releases.current(name) != service["version"] else []
    found += [what for what, place in places(name).items() if text_of(place) != start[what]]
    found += ["run"] if text_of(releases.folder(name, service["version"]) / "run") != start["run"] else []
    runs, lies = health.active(name), [(SETTINGS / name / "secrets", service["secrets"]), (VOLATILE / name, service["volatile"])]
    # A run that was killed while it handed them has left some behind.
    lies += [(HANDED / name, service["secrets"] | service["volatile"])] if runs and service["rereads"] else []
    for folder, secrets in lies:
        found += [f"secret {file}" for file, value in secrets.items() if text_of(folder / file) != value]
        found += [f"secret {each.name}" for each in sorted(folder.glob("*")) if each.name not in secrets]
    found += ["interrupted"] if (STATE / name / "pending").exists() else []
    return list(dict.fromkeys(found)) + ([] if runs else ["stopped"])


def can_be_handed(service: Service, found: list[str]) -> bool:
    """Tell whether all that differs is secrets, of a service that runs and reads them anew: then it needs no restart."""
    return bool(found) and service["rereads"] and all(each.startswith("secret ") for each in found)


def hand(service: Service) -> None:
    """Hand a service that runs its secrets, each file replaced in one step."""
    name = service["name"]
    _place(service)
    run(str(TOOL / "hand-secrets"), name, user(name))


def bring(service: Service) -> None:
    """Bring a service to what is wanted.

    Raises:
        Refused: the release does not come up; the text says whether the one before runs again.

    """
    name, account = service["name"], user(service["name"])
    if not exists(account):
        run("useradd", "--system", "--user-group", "--no-create-home", "--home-dir", f"/var/lib/{account}", "--shell", "/usr/sbin/nologin", account)
    if releases.lacks(service):
        releases.unpack(service)
    write(STATE / name / "pending", "")
    _place(service)
    start(name, wanted(service))
    kept = (remembered(name, "good.json"), remembered(name, "former.json"))
    releases.prune(name, {each["version"] for each in kept if each})


def start(name: str, what: Started) -> None:
    """Start a release that is here, in place of what runs.

    Raises:
        Refused: it does not come up; the text says whether the one before runs again.

    """
    good = remembered(name, "good.json")
    why = _switch(name, what)
    if why is None:
        if good and good["version"] != what["version"]:
            _remember(name, "former.json", good)
        _remember(name, "good.json", what)
        (STATE / name / "pending").unlink(missing_ok=True)
        return
    saying = f"{name} {what['version']}: {why}; see journalctl -u {unit(name)}."
    if good is None or good == what:
        raise Refused(f"{saying} There is nothing before it to go back to.")
    again = _switch(name, good)
    if again is not None:
        raise Refused(f"{saying} Back to {good['version']}, which does not come up either: {again}.")
    (STATE / name / "pending").unlink(missing_ok=True)
    raise Refused(f"{saying} Rolled back: {good['version']} runs again.")


def remembered(name: str, file: str) -> Started | None:
    """Return what a service was last healthy with (`good.json`), or with the version before (`former.json`)."""
    text = text_of(STATE / name / file)
    return None if text is None else json.loads(text)


def known() -> list[str]:
    """Return the services that this role has brought here."""
    return sorted(each.name for each in STATE.iterdir()) if STATE.is_dir() else []


def remove(name: str) -> None:
    """Stop a service and remove all of it but its user and what it has kept in its own /var/lib."""
    run("systemctl", "disable", "--now", unit(name), check=False)
    (UNITS / unit(name)).unlink(missing_ok=True)
    run("systemctl", "daemon-reload")
    for folder in (PROGRAMS / name, SETTINGS / name, VOLATILE / name, STATE / name):
        shutil.rmtree(folder, ignore_errors=True)


def _switch(name: str, what: Started) -> str | None:
    """Write the texts of a start, let the link name its release and restart; return None, or why it is not healthy."""
    for key, place in places(name).items():
        write(place, what[key])
    write(releases.folder(name, what["version"]) / "run", what["run"], 0o755)
    releases.switch(name, what["version"])
    run("systemctl", "daemon-reload")
    run("systemctl", "enable", "--quiet", unit(name))
    run("systemctl", "reset-failed", unit(name), check=False)
    run("systemctl", "restart", unit(name), check=False)
    return health.healthy({"name": name, **what})


def _place(service: Service) -> None:
    """Let the service's two folders of secrets hold what is wanted, where its next start, or `hand`, finds it."""
    _hold(SETTINGS / service["name"] / "secrets", service["secrets"])
    _hold(VOLATILE / service["name"], service["volatile"])


def _hold(folder: Path, secrets: dict[str, str]) -> None:
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


def _remember(name: str, file: str, what: Started) -> None:
    """Keep what a service is started with."""
    write(STATE / name / file, json.dumps(what), 0o600)
