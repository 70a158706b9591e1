"""The routes that tell a load balancer or an operator whether the courier works."""

import asyncio
from collections.abc import Awaitable
from typing import Literal

from fastapi import APIRouter

from api.problems import Problem, Reason
from api.runs import EngineAway
from api.services import Neighbours, Services
from flows.core.errors import CourierError

router = APIRouter(prefix="/health", tags=["health"])

SECONDS = 5.0


@router.get("/live", summary="Is the API up?")
async def live() -> dict[Literal["status"], Literal["live"]]:
    """The process answers; nothing else is looked at."""
    return {"status": "live"}


@router.get("/ready", summary="Can it take imports?")
async def ready(neighbours: Neighbours) -> dict[Literal["status"], Literal["ready"]]:
    """Look whether Prefect and every OMERO server answer, and name what is away."""
    names = ["prefect", *(f"omero:{server}" for server in neighbours.settings.servers)]
    asked = [neighbours.runs.ping(), *(_ping(neighbours, server) for server in neighbours.settings.servers)]
    answers = await asyncio.gather(*map(_answers, asked))
    away = [name for name, here in zip(names, answers, strict=True) if not here]
    if away:
        errors = [Reason(code="away", what="It does not answer.", which=name) for name in away]
        raise Problem(503, "not-ready", f"Away: {', '.join(away)}.", errors=errors)
    return {"status": "ready"}


async def _ping(neighbours: Services, server: str) -> None:
    await neighbours.blocking(lambda: neighbours.omero.ping(server), away=f"OMERO {server}")


async def _answers(asked: Awaitable[None]) -> bool:
    try:
        async with asyncio.timeout(SECONDS):
            await asked
    except (EngineAway, CourierError, Problem, TimeoutError):
        return False
    return True
