"""A host that does not answer ends its own part of a run, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

import support

#: A task by `run_once` ends the play on every host when it fails, or when the host that it is delegated to does not answer, ignored or not.
FOR_ALL = {("certificates", "Create the certificate authority"): "where there is none yet, no host of the play has a certificate to go on with"}


def tasks(entries: Any) -> Iterator[dict[str, Any]]:
    """Yield the tasks of a file, those in blocks too."""
    for task in entries or []:
        yield task
        for part in ("block", "rescue", "always"):
            yield from tasks(task.get(part))


def found(*keys: str) -> set[tuple[str, str]]:
    """Return role and title of each task of a role that has these keywords."""
    files = sorted((support.ROOT / "roles").glob("*/tasks/**/*.yml"))
    assert len(files) > 100
    return {
        (path.relative_to(support.ROOT / "roles").parts[0], task["name"]) for path in files for task in tasks(load(path)) if all(key in task for key in keys)
    }


def load(path: Path) -> Any:
    """Return the content of a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_no_role_acts_once_for_all_hosts() -> None:
    """But where none of them could go on."""
    assert found("run_once") == set(FOR_ALL)


def test_no_role_ends_the_run_of_others() -> None:
    """By a keyword that is a play's, or by ending the play."""
    assert found("any_errors_fatal") == set()
    texts = {path: path.read_text(encoding="utf-8") for path in (support.ROOT / "roles").glob("*/tasks/**/*.yml")}
    assert [str(path) for path, text in texts.items() if "meta: end_play" in text or "meta: end_batch" in text] == []
