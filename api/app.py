"""The application: `uvicorn --factory api.app:create_app`."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline

from api import bulk, health, imports, metrics, notifications, openapi, problems, sessions, sweeps
from api.limits import BodyLimit
from api.omero_access import Omero, OmeroServers
from api.prefect_runs import PrefectRuns
from api.problems import ProblemDocument
from api.services import Services
from api.smuggler import routes as smuggler
from api.smuggler.handing_over import IMPORTS
from api.smuggler.models import MAX_BATCH_BYTES
from api.smuggler.slashes import Slashes
from api.sweep_runs import Engine
from flows.core.audit import AuditTrail
from flows.core.mounts import tell_of_missing
from flows.core.requests import MAX_REQUEST_BYTES
from flows.core.settings import Settings, read_settings

log = logging.getLogger(__name__)

DESCRIPTION = """
Takes microscopy images from where they were acquired and delivers them into OMERO, after you have logged out.

Log in with `POST /v1/sessions`, press *Authorize* with the token, ask for an import with `POST /v1/imports`,
and follow it at the address that the answer gives. Every error is a problem document (RFC 9457).
"""


def create_app(
    settings: Settings | None = None,
    *,
    omero: Omero | None = None,
    connect: Callable[[], AbstractAsyncContextManager[Engine]] = PrefectRuns.connected,
) -> FastAPI:
    """Make the application.

    Args:
        settings: read from the environment where they are not given.
        omero: the OMERO servers; those of the settings where it is not given.
        connect: opens the way to the workflow engine, for as long as the application runs.
    """
    chosen = settings or read_settings()
    audit = AuditTrail(chosen.audit)
    servers = omero or OmeroServers(chosen.servers, chosen.http.session_idle_hours)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tell_of_missing(chosen, log.warning)
        async with connect() as runs:
            app.state.services = Services(chosen, runs, servers, audit)
            yield

    app = FastAPIOffline(
        title="omero-courier",
        version=version("omero-courier"),
        description=DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
        swagger_ui_parameters={"persistAuthorization": True, "tryItOutEnabled": True},
        responses={"4XX": {"model": ProblemDocument, "description": "No, and why."}},
    )
    for part in _parts(chosen):
        app.include_router(part)
    problems.install(app)
    openapi.describe(app, chosen)
    _stand_before(app)
    return app


def _parts(settings: Settings) -> list[APIRouter]:
    """Return the routes that are offered."""
    clients = [smuggler] if settings.smuggler.enabled else []
    parts = (imports, bulk, sweeps, notifications, sessions, *clients, health, metrics)
    return [part.router for part in parts]


def _stand_before(app: FastAPI) -> None:
    """Put before the application what looks at every request first; the last one added comes first."""
    app.add_middleware(BodyLimit, limit=MAX_REQUEST_BYTES, of_paths={IMPORTS: MAX_BATCH_BYTES})
    app.add_middleware(Slashes)
