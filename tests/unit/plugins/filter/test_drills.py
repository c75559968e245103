"""Who takes part in a drill."""

from __future__ import annotations

import importlib.util

import support

SPEC = importlib.util.spec_from_file_location("drills", support.ROOT / "plugins/filter/drills.py")
assert SPEC is not None
assert SPEC.loader is not None
drills = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(drills)


def test_the_first_at_each_site() -> None:
    groups = {"site_near": ["orchestrator", "persona"], "site_far": ["app"], "role_app": ["persona"]}
    assert drills.one_per_site(["persona", "orchestrator", "somebody-else", "app"], groups) == [
        {"name": "persona", "site": "near"},
        {"name": "app", "site": "far"},
    ]
    assert drills.one_per_site([], groups) == []
