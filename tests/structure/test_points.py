"""The points at which the lab kills a day are tasks of that day that exist."""

from __future__ import annotations

import ast

import pytest

import support
from support import ROOT
from unde.plan import rollout

SOURCE = ast.parse((ROOT / "molecule/estate/rollout.py").read_text(encoding="utf-8"))
POINTS: dict[str, tuple[int, str]] = next(
    ast.literal_eval(node.value)
    for node in SOURCE.body
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "POINTS" and node.value
)


def test_there_are_ten() -> None:
    assert len(POINTS) == 10


@pytest.mark.parametrize("point", POINTS)
def test_point_is_a_task(point: str) -> None:
    day, (role, title) = POINTS[point][0], POINTS[point][1].split(" : ")
    files = [path.read_text(encoding="utf-8") for path in (ROOT / "roles" / role / "tasks").glob("*.yml")]
    assert any(f"name: {title}" in text for text in files)
    engine = "linux" if role == "gateway" else "routeros"
    ours = {"hosts": {"*": {"state": "create", "adopt": []}}, "sites": {"helsinki": {"gateway": {"engine": engine}}}}
    assert any(day in roles.get(role, ()) for roles in rollout.applied(support.estate(ours)).values())
