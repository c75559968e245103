"""One estate for all tests that only read it; the same random examples in every run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import support
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


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes golden files anew."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew; read the difference before you keep it")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Return whether golden files are written anew."""
    return bool(request.config.getoption("--update-golden"))
