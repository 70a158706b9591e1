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

IN_THE_SANDBOX = {
    "a sandbox": frozenset(
        {
            "tests/api/smuggler/test_in_the_sandbox.py",
            "tests/api/test_in_the_sandbox.py",
            "tests/browser/test_console.py",
            "tests/browser/test_documentation.py",
            "tests/deployments/sandbox/test_sandbox.py",
            "tests/docs/test_clients.py",
            "tests/docs/test_readme.py",
            "tests/flows/test_carried_session.py",
            "tests/flows/test_duplicates.py",
            "tests/flows/test_import_images.py",
            "tests/flows/test_java_importer.py",
            "tests/flows/test_metadata.py",
            "tests/flows/test_real_files.py",
            "tests/flows/test_secrets.py",
        }
    ),
    "another": frozenset(
        {
            "tests/api/test_burst.py",
            "tests/api/test_sweeps_in_the_sandbox.py",
            "tests/flows/test_giving_way.py",
            "tests/flows/test_sweep_folders.py",
            "tests/flows/test_what_becomes_of_files.py",
            "tests/flows/upkeep/test_in_the_sandbox.py",
        }
    ),
}
"""Modules whose tests share one of two sandboxes: also one that nobody needs at the moment takes a part of a
processor, and tests in one sandbox wait for each other."""


class ByNeighbour(LoadScopeScheduling):
    """Of tests that run side by side, those that share a sandbox or a module run in the same process."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        if module.startswith("tests/faults/"):
            return "tests/faults"
        return next((name for name, modules in IN_THE_SANDBOX.items() if module in modules), module)


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """See that the lists above are complete."""
    users = {item.nodeid.partition("::")[0] for item in items if "sandbox" in item.fixturenames}
    if unlisted := users.difference(*IN_THE_SANDBOX.values()):
        raise pytest.UsageError(f"they use a sandbox that several share, and are not in IN_THE_SANDBOX: {unlisted}")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByNeighbour:
    """Choose it."""
    return ByNeighbour(config, log)
