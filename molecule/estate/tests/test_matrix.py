"""From every host to every other: what the flows open is open, everything else is closed, and the matrix would say if it were not."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import lab
import pytest

#: A port that nothing declares on local-mood, and one that its callers need.
STRANGE, NEEDED = 23, 8011


def matrix() -> list[dict[str, Any]]:
    """Return the cells that are not as planned."""
    done = subprocess.run(["scripts/matrix"], cwd=lab.ROOT, text=True, capture_output=True, check=False, timeout=900)
    assert done.returncode in (0, 1), done.stdout[-3000:] + done.stderr[-1000:]
    words = ["unde", "matrix", "--observed", ".cache/matrix/seen.json", "--format", "json"]
    told = subprocess.run(words, cwd=lab.ROOT, text=True, capture_output=True, check=False)
    assert told.returncode == done.returncode, told.stderr
    return list(json.loads(told.stdout))


def test_every_cell_is_as_planned() -> None:
    """Five thousand cells, knocked at from where their callers are."""
    assert matrix() == []


@pytest.fixture
def tampered() -> Iterator[None]:
    """Open one port and close another by hand, as somebody in a hurry would."""
    lab.run("local-mood", f"nft insert rule inet unde_firewall input tcp dport {STRANGE} accept")
    lab.run("local-mood", f"nft insert rule inet unde_firewall input tcp dport {NEEDED} drop")
    lab.run("local-persona", f"nft insert rule inet unde_firewall output tcp dport {STRANGE} accept")
    yield
    for host in ("local-mood", "local-persona"):
        lab.run(host, "systemctl reload unde-firewall")


def test_what_somebody_opened_or_closed_is_named(tampered: None) -> None:
    """Cell by cell."""
    told = {(row["from"], row["to"], row["port"], row["what"]) for row in matrix()}
    assert told == {
        ("local-persona", "local-mood", STRANGE, "open, but undeclared"),
        ("local-orchestrator", "local-mood", NEEDED, "declared, but closed"),
    }
