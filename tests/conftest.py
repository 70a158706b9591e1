"""Fixtures of all tests: each module of `tests/support` provides one neighbour."""

import os
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

TOGETHER = {
    "the sandbox": frozenset(
        {
            "tests/api/smuggler/test_in_the_sandbox.py",
            "tests/api/test_burst.py",
            "tests/api/test_in_the_sandbox.py",
            "tests/api/test_sweeps_in_the_sandbox.py",
            "tests/browser/test_console.py",
            "tests/browser/test_documentation.py",
            "tests/deployments/sandbox/test_sandbox.py",
            "tests/docs/test_clients.py",
            "tests/docs/test_readme.py",
            "tests/flows/test_carried_session.py",
            "tests/flows/test_duplicates.py",
            "tests/flows/test_giving_way.py",
            "tests/flows/test_import_images.py",
            "tests/flows/test_java_importer.py",
            "tests/flows/test_metadata.py",
            "tests/flows/test_real_files.py",
            "tests/flows/test_secrets.py",
            "tests/flows/test_sweep_folders.py",
            "tests/flows/test_what_becomes_of_files.py",
            "tests/flows/upkeep/test_in_the_sandbox.py",
        }
    ),
    "the engine": frozenset(
        {
            "tests/api/smuggler/test_engine.py",
            "tests/api/test_deeds.py",
            "tests/api/test_line.py",
            "tests/api/test_runs.py",
            "tests/api/test_sweep_runs.py",
            "tests/deployments/test_deploy.py",
            "tests/flows/test_locks.py",
            "tests/flows/test_stations.py",
            "tests/flows/upkeep/test_cleaning.py",
            "tests/flows/upkeep/test_delays.py",
            "tests/flows/upkeep/test_digest.py",
            "tests/flows/upkeep/test_ending_sessions.py",
            "tests/flows/upkeep/test_lost.py",
            "tests/flows/upkeep/test_outages.py",
            "tests/flows/upkeep/test_pacing.py",
            "tests/flows/upkeep/test_revival.py",
            "tests/flows/upkeep/test_rounds.py",
            "tests/flows/upkeep/test_sessions.py",
            "tests/flows/upkeep/test_sweeps.py",
            "tests/flows/upkeep/test_told.py",
            "tests/flows/upkeep/test_waiting.py",
        }
    ),
}
"""Modules whose tests run in the same process, one after the other, since they share what takes long to start."""


class ByNeighbour(LoadScopeScheduling):
    """Of tests that run side by side, those that share a sandbox or a module run in the same process."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def scope_of(nodeid: str) -> str:
    """Name what a test shares with others: a sandbox, an engine, or only its module."""
    module = nodeid.partition("::")[0]
    if module.startswith("tests/faults/"):
        return "tests/faults"
    return next((name for name, modules in TOGETHER.items() if module in modules), module)


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """See that the lists above are complete."""
    users = {item.nodeid.partition("::")[0] for item in items if {"sandbox", "engine"} & set(item.fixturenames)}
    if unlisted := users.difference(*TOGETHER.values()):
        raise pytest.UsageError(f"they use a sandbox or an engine that several share, and are not listed: {unlisted}")


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Function, nextitem: pytest.Item | None) -> None:
    """Stop what modules share once the last of them was here: idle servers take a third of a processor together.

    Without processes side by side modules come in another order, and it is stopped at the end.
    """
    if nextitem is None or "PYTEST_XDIST_WORKER" not in os.environ:
        return
    if scope_of(item.nodeid) != scope_of(nextitem.nodeid):
        for name in ("sandbox", "engine"):
            for definition in item.session._fixturemanager.getfixturedefs(name, item) or ():
                definition.finish(item._request)  # made anew where it is wanted again


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByNeighbour:
    """Choose it."""
    return ByNeighbour(config, log)
