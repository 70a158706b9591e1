"""A Prefect server of the tests' own, with the courier's deployments on it; nothing polls it, so runs stay waiting."""

import asyncio
from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet
from prefect.testing.utilities import prefect_test_harness

from deployments.deploy import deploy
from flows.core.settings import Settings

START_SECONDS = 90


@pytest.fixture(scope="session")
def engine() -> Iterator[Settings]:
    """Prefect on SQLite, which PREFECT_API_URL names; the settings that were deployed to it."""
    settings = Settings(servers={"main": {"host": "omero.invalid"}}, seal_keys=[Fernet.generate_key().decode()])
    with prefect_test_harness(server_startup_timeout=START_SECONDS):
        asyncio.run(deploy(settings))
        yield settings
