"""Fixtures of all tests: each module of `tests/support` provides one neighbour."""

import pytest

pytest_plugins: list[str] = [
    "tests.support.api",
    "tests.support.engine",
    "tests.support.courier",
    "tests.support.images",
    "tests.support.mail",
    "tests.support.sandbox",
    "tests.support.understudy",
]

SHARED = ("sandbox", "hurt", "engine", "understudy")
"""Neighbours that are started once, and take long to start or much to run."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run side by side in several processes, those that share a neighbour run in the same, and modules."""
    for item in items:
        asked = getattr(item, "fixturenames", ())
        group = next((each for each in SHARED if each in asked), item.location[0])
        item.add_marker(pytest.mark.xdist_group(group))
