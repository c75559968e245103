"""Layouts that nobody wrote: the examples with other names, days, openings, engines, numbers of shards, hosts in use and encrypted disks.

Seeded: the same layouts in every run. What `unde check` refuses is not a layout, and is left out.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import support
import unde
from unde.errors import UndeError
from unde.model import Estate
from unde.plan import disks

BASES = ("layout.yml", *(f"examples/{name}.yml" for name in ("single-site", "game-studio", "clinic", "newsroom")))
TOWNS = ("zagreb", "atlanta", "helsinki", "quito", "lagos", "osaka", "perth", "turin", "malmo")
#: The phases and the order of the days stay; so many layouts of each base are tried.
EACH = 9


def estates() -> dict[str, Estate]:
    """Return the layouts that pass, by the base and the number that they come from."""
    return {f"{Path(base).stem}-{seed}": estate for base in BASES for seed in range(EACH) for estate in _sound(base, seed)}


def _sound(base: str, seed: int) -> Iterator[Estate]:
    """Yield the layout of a seed, if it passes."""
    dice = random.Random(f"{base} {seed}")
    data = copy.deepcopy(unde.load(support.ROOT / "inventory" / base).data)
    for change in (_rename, _renumber, _move, _open, _engine, _count, _in_use, _encrypt):
        data = change(data, dice)
    try:
        estate = support.estate_of(data)
    except UndeError:
        return
    if not [each for each in unde.check(estate) if each.level == "error"]:
        yield estate


def _rename(data: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Give every site the name of a town, another one's former name perhaps."""
    data["document"] = {key: data["document"][key] for key in ("title", "version")}  # what is claimed of the sites by their names
    names = dict(zip(data["sites"], dice.sample(TOWNS, len(data["sites"])), strict=True))

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: renamed(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [renamed(inner) for inner in value]
        if isinstance(value, str) and value.partition(":")[0] in ("site", "link"):
            return ":".join(names.get(part, part) for part in value.split(":"))
        return names.get(value, value) if isinstance(value, str) else value

    return {key: renamed(value) for key, value in data.items()} | {"sites": {names[name]: renamed(site) for name, site in data["sites"].items()}}


def _renumber(data: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Give the days other numbers, in the same order."""
    days = data["rollout"]["days"]
    number = dict(zip(sorted(days), sorted(dice.sample(range(1, 100), len(days))), strict=True))
    data["rollout"]["days"] = {number[day]: told | {"needs": [number[needed] for needed in told.get("needs", [])]} for day, told in days.items()}
    for host in _hosts(data):
        host["day"] = number[host["day"]]
    return data


def _move(data: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Move some hosts to other days, later ones mostly."""
    days = sorted(data["rollout"]["days"])
    for host in _hosts(data):
        if dice.random() < 0.2:
            host["day"] = dice.choice([day for day in days if day >= host["day"]] if dice.random() < 0.8 else days)
    return data


def _open(data: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Open some sites on a day before their first host's, others on none that is said."""
    days = data["rollout"]["days"]
    for told in days.values():
        told.pop("opens", None)
    for site in data["sites"]:
        first = min((host["day"] for host in _hosts(data) if host["site"] == site), default=0)
        earlier = [day for day in days if day <= first]
        if earlier and dice.random() < 0.7:
            days[dice.choice(earlier)].setdefault("opens", []).append(site)
    return data


def _engine(data: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Give gateways another engine; on a server that is itself the router nothing else is."""
    for site in data["sites"].values():
        if site.get("gateway"):
            engine = dice.choice([{"engine": "linux"}, {"engine": "routeros", "placement": "guest"}, {"engine": "routeros", "placement": "bare"}])
            site["gateway"] = {"host": site["gateway"]["host"], "routeros_version": "7.21.4", **engine}
            host = data["hosts"][site["gateway"]["host"]]
            if engine.get("placement") == "bare":
                host["adopt"] = [role for role in host.get("adopt", []) if role == "gateway"]
    return data


def _count(data: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Give the estate another number of shards, and their disks a name that each host may have."""
    data["shards"]["count"] = dice.randint(1, 4)
    for member in ("primary", "replica"):
        if "encrypted_disk" in data["shards"][member]:
            data["shards"][member]["encrypted_disk"]["device"] = "/dev/disk/by-path/pci-0000:00:1f.2-ata-2"
    return data


def _in_use(data: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Let some hosts be in use, with some of their roles adopted; let others be ours."""
    bare = {site["gateway"]["host"] for site in data["sites"].values() if site.get("gateway") and site["gateway"].get("placement") == "bare"}
    for name, host in data["hosts"].items():
        if dice.random() < 0.25:
            everywhere = [] if name in bare else ["base", "firewall", "exporters"]
            whole = dice.random() < 0.5
            host |= {"state": dice.choice(["deployed", "running"]), "adopt": everywhere + (list(host["roles"]) if whole else [])}
            host.pop("firewall", None)
        elif dice.random() < 0.3:
            host |= {"state": "create", "adopt": []}
            host.pop("firewall", None)
    return data


def _encrypt(data: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Give some hosts an encrypted disk where one of their roles keeps data."""
    for name, host in data["hosts"].items():
        places = [disks.KEEPERS[role][0] for role in host["roles"] if role in disks.KEEPERS]
        if places and dice.random() < 0.4:
            host["encrypted_disk"] = {"device": f"/dev/disk/by-id/{name}", "mount": dice.choice(places)}
            if host["state"] != "create" and dice.random() < 0.5:
                host["adopt"] = [*host["adopt"], "luks"]
    return data


def _hosts(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield everything that has a site and a day: hosts, and the shards' templates."""
    yield from data["hosts"].values()
    yield from (data["shards"][member] for member in ("primary", "replica"))
