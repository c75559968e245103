"""The map as a file: written whole or not at all, the same for the same layout, safe whatever its texts hold."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

import support
from unde import survive
from unde.model import Estate
from unde.model.roles import ROLES
from unde.reports import map as report
from unde.reports.map import facts

Said = Callable[..., tuple[str, str, int]]


def test_the_same_layout_gives_the_same_bytes(estate: Estate, tmp_path: Path, said: Said) -> None:
    """The command writes what the report says, twice the same, with the rights of any new file, and leaves nothing beside it."""
    file = tmp_path / "map.html"
    for _ in range(2):
        assert said("map", "-o", file)[::2] == ("", 0)
        assert file.read_text(encoding="utf-8") == report.page(estate, survive.every(estate))
    assert os.listdir(tmp_path) == ["map.html"]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("example", ["single-site.yml", "sixteen-shards.yml"])
def test_other_estates(example: str, tmp_path: Path, said: Said) -> None:
    """An estate of one site has a map too, and a large one."""
    layout = support.ROOT / "inventory" / "examples" / example
    assert said("map", "-o", tmp_path / "map.html", layout)[2] == 0
    data = embedded((tmp_path / "map.html").read_text(encoding="utf-8"))
    assert {host["name"] for host in data["hosts"]} == set(support.estate(file=layout).hosts)


def embedded(page: str) -> dict[str, list[dict[str, str]]]:
    """Return the data in a page."""
    found = re.search(r'<script type="application/json" id="estate">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_what_cannot_be_written_is_one_line(tmp_path: Path, said: Said) -> None:
    """A missing folder, a folder in the file's place, a layout that is none: one line each, nothing is left behind."""
    (tmp_path / "folder").mkdir()
    for file in (tmp_path / "missing" / "map.html", tmp_path / "folder"):
        out, err, code = said("map", "-o", file)
        assert (out, code, len(err.splitlines())) == ("", 2, 1)
        assert str(file) in err
    assert said("map", "-o", tmp_path / "map.html", "nowhere.yml")[2] == 2
    assert os.listdir(tmp_path) == ["folder"]


def test_a_device_is_written_to_and_never_replaced(tmp_path: Path) -> None:
    """``-o /dev/stdout`` prints, and a link keeps pointing where it did."""
    done = support.unde("map", "-o", "/dev/stdout")
    assert done.stdout.startswith("<!doctype html>")
    (tmp_path / "real.html").write_text("old", encoding="utf-8")
    (tmp_path / "link.html").symlink_to("real.html")
    assert support.unde("map", "-o", tmp_path / "link.html").returncode == 0
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "real.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_no_text_of_a_layout_ends_the_data() -> None:
    """A text that looks like the end of a script stands in the page as data, and comes out as it went in."""
    text = "</script><!--<script>\u2028 & ' \" <"
    written = report.embedded({"text": text})
    assert "<" not in written
    assert json.loads(written) == {"text": text}


def test_the_page_names_no_other_place(estate: Estate) -> None:
    """No address that a browser would ask: nothing is linked, imported or loaded."""
    page = report.page(estate, survive.every(estate))
    page = re.sub(r"/\*!.*?\*/|^// https://d3js\.org/\S+", "", page, flags=re.DOTALL | re.MULTILINE)
    assert {url for url in re.findall(r"https?://[^\s\"'`)]+", page) if "www.w3.org" not in url} == set()
    assert re.findall(r"\b(?:src|href)=\"(?!#|data:,)|@import|url\(", page[: page.index('id="estate"')].replace("url(#", "")) == []
    assert "default-src 'none'" in page


def test_every_role_has_its_place() -> None:
    """Every role is a duty's, or one that comes along with others; none is both."""
    duties = [role for duty in facts.DUTIES for role in duty.roles]
    assert sorted([*duties, *facts.ACCOMPANYING]) == sorted(ROLES)


def test_libraries_are_what_they_say() -> None:
    """Each library has the checksum that ``vendor.json`` states, a licence beside it, and its version in the page."""
    vendor = Path(report.__file__).parent / "vendor"
    libraries = json.loads((vendor / "vendor.json").read_text(encoding="utf-8"))
    for library in libraries:
        code = (vendor / f"{library['name']}.min.js").read_bytes()
        assert hashlib.sha256(code).hexdigest() == library["sha256"]
        assert f"v{library['version']} ".encode() in code[:200]
        assert "Permission to use" in (vendor / f"{library['name']}.LICENSE").read_text(encoding="utf-8")
    assert {path.name.rpartition(".min.js")[0] for path in vendor.glob("*.js")} == {library["name"] for library in libraries}
