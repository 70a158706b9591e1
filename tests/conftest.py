"""Fixtures of all tests: each module of `tests/support` provides one neighbour."""

from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

pytest_plugins: list[str] = [
    "tests.support.api",
    "tests.support.bioformats",
    "tests.support.engine",
    "tests.support.courier",
    "tests.support.images",
    "tests.support.java",
    "tests.support.mail",
    "tests.support.sandbox",
    "tests.support.sweeper",
    "tests.support.sweeps",
    "tests.support.understudy",
]

settings.register_profile("courier", deadline=None, max_examples=60, database=None)
settings.load_profile("courier")

SHARED = {"api": "sandbox", "browser": "sandbox", "docs": "sandbox", "flows": "sandbox", "faults": "faults"}
"""Packages of tests by the neighbour that they share, which takes long to start and much to run."""


class ByNeighbour(LoadScopeScheduling):
    """Of tests that run side by side, those that share a neighbour or a module run in the same process."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return SHARED.get(module.split("/")[1], module)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByNeighbour:
    """Choose it."""
    return ByNeighbour(config, log)
