"""The estate as one HTML page that needs nothing else: no network, no other file.

The sources stand beside this module: ``page.html``, ``style.css``, ``script/*.js`` (run in the order of their names) and,
in ``vendor``, the libraries of ``vendor.json``. The page's policy names the checksum of each script and of the style sheet,
so that nothing else runs, whatever a layout's texts hold.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from string import Template
from typing import Any

from ...model import Estate
from ...survive import Outcome
from ..policy import checksums
from .facts import gathered

SOURCES = files(__name__)


def page(estate: Estate, outcomes: Sequence[Outcome]) -> str:
    """Return the page of an estate; the same estate gives the same text.

    Args:
        estate: what is drawn.
        outcomes: what each loss does, as :func:`unde.survive.every` says it.

    """
    style = _source("style.css")
    scripts = [*_libraries(), _program()]
    return Template(_source("page.html")).substitute(
        title=html.escape(estate.layout.document.title),
        policy=f"default-src 'none'; script-src {checksums(scripts)}; style-src {checksums([style])}; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        style=style.removesuffix("\n"),
        facts=embedded(gathered(estate, outcomes)),
        scripts="\n".join(f"<script>\n{script}</script>" for script in scripts),
    )


def embedded(data: Any) -> str:
    """Return data as JSON that may stand in a ``script`` element: no ``<``, so that no text in it can end the element.

    See "Restrictions for contents of script elements" in the HTML standard (html.spec.whatwg.org).
    """
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _source(name: str) -> str:
    return SOURCES.joinpath(name).read_text(encoding="utf-8")


def _libraries() -> Iterator[str]:
    """Yield each library with its licence, which every copy must carry."""
    for library in json.loads(_source("vendor/vendor.json")):
        name = library["name"]
        yield f"/*! {name} {library['version']}\n\n{_source(f'vendor/{name}.LICENSE')}*/\n{_source(f'vendor/{name}.min.js')}"


def _program() -> str:
    """Return the page's own scripts as one, so that their names are nobody else's."""
    names = sorted(file.name for file in SOURCES.joinpath("script").iterdir() if file.name.endswith(".js"))
    return "(() => {\n\"use strict\";\n\n" + "\n".join(_source(f"script/{name}") for name in names) + "})();\n"
