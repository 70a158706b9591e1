"""The connection to one Prefect server: impatient, and every failure of it said in one way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.context import get_settings_context
from prefect.settings import PREFECT_API_URL, temporary_settings

from api.runs import EngineAway

CALL_SECONDS = 10.0


class Connection:
    """Speaks to one Prefect server through one client, for as long as the API runs."""

    def __init__(self, client: PrefectClient) -> None:
        """Use a client that is open; `connected` opens one."""
        self._client = client
        # Prefect's client would try five times more, for a minute; a caller is better told to come back after one.
        with temporary_settings({"PREFECT_CLIENT_MAX_RETRIES": 1, "PREFECT_CLIENT_RETRY_JITTER_FACTOR": 0}):
            self._impatience = get_settings_context().model_copy()

    @classmethod
    @asynccontextmanager
    async def connected(cls) -> AsyncIterator[Self]:
        """Open a client to the server that PREFECT_API_URL names, which need not answer yet.

        Raises:
            ValueError: PREFECT_API_URL is not set; Prefect would start a server of its own then.
        """
        if not PREFECT_API_URL.value():
            raise ValueError("PREFECT_API_URL is not set: name the Prefect server, as in http://127.0.0.1:4200/api")
        async with get_client() as client:
            yield cls(client)

    async def ping(self) -> None:
        """Return if Prefect and its database answer."""
        async with self._asking():
            await self._client.read_work_pools(limit=1)

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        try:
            with self._impatience.model_copy():
                async with asyncio.timeout(CALL_SECONDS):
                    yield
        except (httpx.HTTPError, TimeoutError) as away:
            raise EngineAway(f"Prefect: {type(away).__name__}") from away
