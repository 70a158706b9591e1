"""Puts a run off: its process ends and its place is free until the time has come."""

import random
from datetime import UTC, datetime, timedelta
from typing import NoReturn
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import Abort
from prefect.states import AwaitingRetry

from flows.core.settings import Retries


def wait_before(tries: int, retries: Retries) -> timedelta | None:
    """Return how long to wait before the next try when there were `tries` further ones already; None after the last."""
    if tries >= len(retries.minutes):
        return None
    lengthened = 1 + random.uniform(0, retries.jitter)  # noqa: S311 - spreads load, keeps no secret
    return timedelta(minutes=retries.minutes[tries] * lengthened)


def try_again(run_id: UUID, wait: timedelta, why: str) -> NoReturn:
    """Ask Prefect to start the run again after `wait`, and end this attempt without an outcome.

    Raises:
        Abort: always; Prefect's engine then leaves the state as it was set here.
    """
    state: State[None] = AwaitingRetry(scheduled_time=datetime.now(UTC) + wait, message=why)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run_id, state)
    raise Abort(why)
