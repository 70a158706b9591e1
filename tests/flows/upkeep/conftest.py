"""Runs in any state, on a Prefect server that nobody polls."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Scheduled

from flows.core import names
from flows.core.settings import Settings
from flows.upkeep.runs import OURS, find

SERVER = "main"
HOST = "microscope-3"
NOBODY = 4_000_000
"""A process id that no Linux gives away."""
LETTERS = {
    "s": (StateType.SCHEDULED, "Scheduled"),
    "h": (StateType.SCHEDULED, names.HELD),
    "a": (StateType.SCHEDULED, names.AWAITING_RETRY),
    "v": (StateType.SCHEDULED, names.REVIVED),
    "p": (StateType.PENDING, "Pending"),
    "r": (StateType.RUNNING, "Running"),
    "x": (StateType.CRASHED, "Crashed"),
    "c": (StateType.COMPLETED, "Completed"),
    "f": (StateType.FAILED, "Failed"),
    "g": (StateType.CANCELLING, "Cancelling"),
    "k": (StateType.CANCELLED, "Cancelled"),
}
Make = Callable[..., UUID]


@pytest.fixture(scope="module")
def only_ours(engine: Settings) -> None:
    """Forget the runs of other tests: a round looks at every one, and would do little else."""
    with get_client(sync_client=True) as client:
        for each in list(find(client, OURS, FlowRunFilter())):
            client.delete_flow_run(each.id)


@pytest.fixture
def prefect(only_ours: None) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def user() -> str:
    """Somebody whom no other test knows."""
    return f"user-{uuid4().hex[:8]}"


@pytest.fixture
def run(prefect: SyncPrefectClient, user: str) -> Make:
    """Make an import that has gone through the states that the letters stand for."""

    def make(
        letters: str = "s",
        *,
        queue: str = names.PEOPLE,
        tags: tuple[str, ...] = (),
        key: str | None = None,
        **request: Any,
    ) -> UUID:
        deployment = prefect.read_deployment_by_name(f"{names.IMPORT_FLOW}/{SERVER}")
        made = prefect.create_flow_run_from_deployment(
            deployment.id,
            parameters={"request": {"sources": ["/data/cells.tif"], "on_behalf_of": user, **request}},
            state=_state(letters[0]),
            tags=[names.user_tag(user), names.server_tag(SERVER), *tags],
            work_queue_name=queue,
            idempotency_key=key,
        )
        for letter in letters[1:]:
            prefect.set_flow_run_state(made.id, _state(letter), force=True)
        return made.id

    return make


def _state(letter: str) -> State[None]:
    kind, name = LETTERS[letter]
    if kind is StateType.SCHEDULED:
        wait = names.HELD_FOR if name == names.HELD else timedelta()
        return Scheduled(name=name, scheduled_time=datetime.now(UTC) + wait)
    return State(type=kind, name=name)


@pytest.fixture
def seen(prefect: SyncPrefectClient) -> Callable[[UUID], FlowRun]:
    return prefect.read_flow_run
