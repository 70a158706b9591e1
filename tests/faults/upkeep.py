"""Housekeeping at the wave of a hand: its duties done at once, and silence cut short."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.core.settings import Settings
from flows.housekeeping import OTHERS, URGENT, done
from flows.upkeep.lost import mark_lost
from tests.faults.machine import Machine

EVERY_SECONDS = 2.0
"""A round asks Prefect dozens of things: without end it would keep the imports that are waited for from theirs."""


class Upkeep:
    """Does by hand what the scheduled rounds do."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._next = 0.0

    def count_as_lost(self, *run_ids: str) -> Sequence[Any]:
        """Take these runs for lost, as after a minute and a half of silence."""
        with self.client() as client:
            return mark_lost(client, silence=0, run_ids=run_ids)

    def round_in_turn(self) -> None:
        """Do a round unless there was one just now; for who does nothing but wait."""
        if time.monotonic() >= self._next:
            self.round()
            self._next = time.monotonic() + EVERY_SECONDS

    def round(self) -> None:
        """Do every duty once."""
        settings = Settings(_env_file=self._machine.home.settings)
        with self.client() as client:
            for duty in (*URGENT, *OTHERS):
                done(duty, client, settings)

    @contextmanager
    def client(self) -> Iterator[SyncPrefectClient]:
        """Speak to the server of this sandbox, wherever a duty makes a client of its own."""
        with (
            temporary_settings({PREFECT_API_URL: f"{self._machine.running.prefect}/api"}),
            get_client(sync_client=True) as client,
        ):
            yield client
