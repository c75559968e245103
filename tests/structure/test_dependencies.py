"""The collections that are declared are those that are used, at the version that everything here was proved with.

What roles, playbooks and plugins call is declared in galaxy.yml: who installs the collection gets it. What the lab, the scenarios and the benches
call beside that is in requirements.yml alone, with the others.
"""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

import support
import unde

OWN = "unde.infra"
#: Rooms that an installed collection runs, and those of a checkout alone.
SHIPPED = ("roles", "playbooks", "plugins")
LAB = ("molecule", "bench", "scripts")
NAME = re.compile(r"(?<![\w./-])([a-z_]\w*\.[a-z_]\w*)\.([a-z_]\w*)\b")
IMPORT = re.compile(r"\bansible_collections\.([a-z_]\w*\.[a-z_]\w*)\.")


@cache
def bundled() -> dict[str, Path]:
    """Return the folder of each collection that the package `ansible` brings."""
    spec = importlib.util.find_spec("ansible_collections")
    homes = [Path(home) for home in (spec.submodule_search_locations if spec else None) or []]
    found = {f"{each.parent.name}.{each.name}": each for home in homes for each in home.glob("*/*") if (each / "MANIFEST.json").is_file()}
    return {name: folder for name, folder in found.items() if name != OWN}


@cache
def has(collection: str, name: str) -> bool:
    """Tell whether a collection has a module, plugin, filter, test or role of that name; ``ansible.utils.unsafe_proxy`` is Python, and no such thing."""
    folder = bundled()[collection]
    redirected = yaml.safe_load((folder / "meta/runtime.yml").read_text(encoding="utf-8")).get("plugin_routing") or {}
    if any(name in names for names in redirected.values()) or (folder / "roles" / name).is_dir():
        return True
    if any(path.suffix in (".py", ".yml") for path in (folder / "plugins").glob(f"*/{name}.*")):
        return True
    # Several filters in one file.
    return any(
        re.search(rf"""["']{name}["']""", path.read_text(encoding="utf-8")) for kind in ("filter", "test") for path in (folder / "plugins").glob(f"{kind}/*.py")
    )


def named(text: str) -> set[str]:
    """Return the collections of which a text calls something by its full name, or imports it; comments say nothing."""
    code = re.sub(r"(^|\s)#.*$", "", text, flags=re.MULTILINE)
    called = {collection for collection, name in NAME.findall(code) if collection in bundled() and has(collection, name)}
    return called | ({*IMPORT.findall(code)} & bundled().keys())


def used(rooms: tuple[str, ...]) -> set[str]:
    """Return the collections that the files of these rooms use."""
    listed = support.run("git", "ls-files", "--cached", "--others", "--exclude-standard", *rooms).stdout.splitlines()
    paths = [support.ROOT / name for name in listed if not name.endswith(".md")]
    contents = [path.read_bytes() for path in paths if path.is_file() and not path.is_symlink()]
    return set().union(*(named(content.decode("utf-8")) for content in contents if b"\0" not in content[:1000]))


def declared() -> dict[str, dict[str, str]]:
    """Return what each of the two files declares: collection → bound on its version."""
    galaxy, requirements = (yaml.safe_load((support.ROOT / name).read_text(encoding="utf-8")) for name in ("galaxy.yml", "requirements.yml"))
    return {"galaxy.yml": galaxy["dependencies"], "requirements.yml": {each["name"]: each["version"] for each in requirements["collections"]}}


def proved(collection: str) -> str:
    """Return the version with which everything was proved: that of the pinned package `ansible`."""
    return str(json.loads((bundled()[collection] / "MANIFEST.json").read_text(encoding="utf-8"))["collection_info"]["version"])


@pytest.mark.parametrize(("file", "rooms"), [("galaxy.yml", SHIPPED), ("requirements.yml", (*SHIPPED, *LAB))])
def test_what_is_declared_is_what_is_used(file: str, rooms: tuple[str, ...]) -> None:
    should = {collection: f">={proved(collection)}" for collection in sorted(used(rooms))}
    assert declared()[file] == should, f"{file} should declare {should}"


def test_the_package_that_is_installed_is_the_one_that_is_pinned() -> None:
    """Otherwise the bounds would be those of another one."""
    project = tomllib.loads((support.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"ansible=={version('ansible')}" in project["optional-dependencies"]["test"]


def test_the_release_has_one_number() -> None:
    """The collection and the package `unde`, in each place that says it."""
    galaxy = yaml.safe_load((support.ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    project = tomllib.loads((support.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert galaxy == project == unde.__version__


def test_every_way_to_use_one_is_found() -> None:
    for text, collection in {
        "- community.routeros.api_info:\n    path: system": "community.routeros",
        "{{ addresses | ansible.utils.ipaddr('address') }}": "ansible.utils",
        "{{ uptime | community.general.to_seconds }}": "community.general",
        "{{ lookup('community.general.dig', name) }}": "community.general",
        "from ansible_collections.community.docker.plugins.module_utils.common import X": "community.docker",
        'environment = {"ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.profile_roles"}': "ansible.posix",
    }.items():
        assert named(text) == {collection}, text
    for text in (
        "from ansible.utils.unsafe_proxy import wrap_var",
        "  # as community.general.ini_file would",
        "ansible.builtin.copy:",
        "unde.infra.files:",
        "https://example.org/ansible.posix.synchronize",
    ):
        assert named(text) == set(), text


def test_one_version_of_ansible_core_is_required() -> None:
    """By the collection and by each of its roles: the release that everything was proved with, or newer."""
    release = ".".join(version("ansible-core").split(".")[:2])
    runtime = yaml.safe_load((support.ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))
    assert runtime["requires_ansible"] == f">={release}.0"
    for file in sorted((support.ROOT / "roles").glob("*/meta/main.yml")):
        assert yaml.safe_load(file.read_text(encoding="utf-8"))["galaxy_info"]["min_ansible_version"] == release, file
