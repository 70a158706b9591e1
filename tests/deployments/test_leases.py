"""Slots and leases that a Prefect server left half-written when it was killed."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import httpx
import pytest
from prefect.server.database import provide_database_interface
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, PREFECT_HOME, temporary_settings

from deployments.leases import ConcurrencyLeaseStorage
from deployments.prefect_server import LEASES_IN_FILES, create_app

T = TypeVar("T")
_numbers = itertools.count()


@pytest.fixture
def ours() -> str:
    """A name for a lock of the courier's."""
    return f"courier-import-{next(_numbers):02d}"


@pytest.fixture
def theirs() -> str:
    """A name for a limit of somebody else's."""
    return f"somebody-elses-{next(_numbers)}"


class Server:
    """A Prefect server of which only the interface runs, with the leases beside its database."""

    def __init__(self, home: Path) -> None:
        self.leases = home / "concurrency_leases"
        self._transport = httpx.ASGITransport(create_app())
        self.runs(provide_database_interface().create_db)

    def runs(self, work: Callable[[], Awaitable[T]]) -> T:
        async def run() -> T:
            return await work()

        return asyncio.run(run())

    def post(self, path: str, **body: object) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://prefect.example") as client:
                return await client.post(f"/api/v2/concurrency_limits/{path}", json=body)

        return self.runs(ask)

    def takes(self, name: str) -> UUID:
        """Make a limit of 1, and take it as an import takes its lock."""
        self.post("", name=name, limit=1).raise_for_status()
        answer = self.post("increment-with-lease", names=[name], slots=1, mode="concurrency", lease_duration=60)
        return UUID(answer.raise_for_status().json()["lease_id"])

    def taken(self, name: str) -> int:
        found: list[dict[str, Any]] = self.post("filter").json()
        return next(int(each["active_slots"]) for each in found if each["name"] == name)

    def looks(self) -> list[UUID]:
        """Look for expired leases, as the server does every few seconds."""
        return self.runs(lambda: ConcurrencyLeaseStorage().read_expired_lease_ids())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One with a database of its own."""
    home = tmp_path_factory.mktemp("prefect")
    database = f"sqlite+aiosqlite:///{home / 'prefect.db'}"
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: database, PREFECT_HOME: home, **LEASES_IN_FILES}):
        yield Server(home)


def test_a_slot_that_no_lease_holds_is_given_back_at_the_second_look(server: Server, ours: str) -> None:
    lease = server.takes(ours)
    (server.leases / f"{lease}.json").unlink()

    server.looks()
    assert server.taken(ours) == 1
    server.looks()
    assert server.taken(ours) == 0


def test_a_slot_of_a_limit_that_is_not_ours_is_left_alone(server: Server, theirs: str) -> None:
    lease = server.takes(theirs)
    (server.leases / f"{lease}.json").unlink()

    server.looks()
    server.looks()
    assert server.taken(theirs) == 1


def test_a_slot_that_a_lease_holds_stays_taken(server: Server, ours: str) -> None:
    server.takes(ours)

    server.looks()
    server.looks()
    assert server.taken(ours) == 1


def test_what_was_held_in_between_is_not_given_back_too_early(server: Server, ours: str) -> None:
    file = server.leases / f"{server.takes(ours)}.json"
    kept = file.read_text()
    file.unlink()
    server.looks()
    file.write_text(kept)
    server.looks()
    file.unlink()
    server.looks()

    assert server.taken(ours) == 1


def test_a_lease_that_was_never_entered_runs_out_like_any_other(server: Server, ours: str) -> None:
    lease = server.takes(ours)
    written = server.leases / f"{lease}.json"
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    written.write_text(json.dumps({**json.loads(written.read_text()), "expiration": past}))
    (server.leases / "expirations.json").unlink()

    assert lease in server.looks()


def test_a_lease_that_was_entered_is_left_alone(server: Server, ours: str) -> None:
    lease = server.takes(ours)
    index = (server.leases / "expirations.json").read_bytes()

    assert lease not in server.looks()
    assert (server.leases / "expirations.json").read_bytes() == index
