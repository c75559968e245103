"""One estate for all tests that only read it; the same random examples in every run."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import support
from unde import cli
from unde.model import Estate

settings.register_profile(
    "repeatable", deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck), print_blob=False
)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def estate() -> Estate:
    """Return the shipped estate."""
    return support.estate()


@pytest.fixture(scope="session")
def listed() -> dict[str, Any]:
    """Return what ``ansible-inventory --list`` says in a checkout."""
    return support.inventory()


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, str, int]]:
    """Return a function that runs the command ``unde`` in this process: arguments → stdout, stderr, exit code."""

    def run(*arguments: object, cwd: Path = support.ROOT, stdin: str = "") -> tuple[str, str, int]:
        monkeypatch.chdir(cwd)
        monkeypatch.setattr("sys.argv", ["unde", *map(str, arguments)])
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return out, err, int(stop.value.code or 0)

    return run


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes golden files anew."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew; read the difference before you keep it")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Return whether golden files are written anew."""
    return bool(request.config.getoption("--update-golden"))
