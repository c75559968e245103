"""The points at which the lab kills site.yml are tasks that exist."""

from __future__ import annotations

import ast

import pytest

from support import ROOT

SOURCE = ast.parse((ROOT / "molecule/estate/interrupt.py").read_text(encoding="utf-8"))
POINTS: dict[str, str] = next(
    ast.literal_eval(node.value)
    for node in SOURCE.body
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "POINTS" and node.value
)


def test_there_are_ten() -> None:
    assert len(POINTS) == 10


@pytest.mark.parametrize("point", POINTS)
def test_point_is_a_task(point: str) -> None:
    role, title = POINTS[point].split(" : ")
    files = [path.read_text(encoding="utf-8") for path in (ROOT / "roles" / role / "tasks").glob("*.yml")]
    assert any(f"name: {title}" in text for text in files)
