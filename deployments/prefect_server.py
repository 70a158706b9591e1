"""`python -m deployments.prefect_server`: Prefect's server, as `prefect server start` runs it, but nothing calls home.

Its telemetry is off, whatever the environment says. It serves the v1 UI alone, since v2 asks a vendor's server for an
analytics configuration, and no pages that load their scripts from elsewhere. Leases of locks are kept in files, since
those in memory are never given back once the server was restarted, and put right where it was killed while it wrote
them (`deployments.leases`). All else is set as Prefect documents it,
for example `PREFECT_SERVER_API_HOST`, `PREFECT_SERVER_API_PORT` and `PREFECT_SERVER_DATABASE_CONNECTION_URL`.
"""

import os
from pathlib import Path

import prefect
import uvicorn
from fastapi import FastAPI
from prefect.server.api import server
from prefect.settings import (
    PREFECT_SERVER_ANALYTICS_ENABLED,
    PREFECT_SERVER_API_HOST,
    PREFECT_SERVER_API_KEEPALIVE_TIMEOUT,
    PREFECT_SERVER_API_PORT,
    PREFECT_SERVER_LOGGING_LEVEL,
    temporary_settings,
)
from starlette.routing import Mount

LEASES_IN_FILES = {"PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "deployments.leases"}
FROM_ELSEWHERE = frozenset({"/docs", "/redoc"})
"""Pages of FastAPI's that load scripts and styles from a public server."""


def create_app() -> FastAPI:
    """Make Prefect's application, its services included, without what makes a browser ask other hosts."""
    # A UI whose files are not there is not served, and v1 shows no link to it.
    prefect.__ui_v2_static_path__ = Path(os.devnull, "ui-v2")
    app = server.create_app(final=True)
    for part in (app, *(route.app for route in app.routes if isinstance(route, Mount))):
        if isinstance(part, FastAPI):
            part.router.routes = [each for each in part.routes if getattr(each, "path", "") not in FROM_ELSEWHERE]
    return app


def main() -> None:
    """Serve until a signal ends it."""
    with temporary_settings({PREFECT_SERVER_ANALYTICS_ENABLED: False, **LEASES_IN_FILES}):
        uvicorn.run(
            create_app(),
            host=PREFECT_SERVER_API_HOST.value(),
            port=PREFECT_SERVER_API_PORT.value(),
            timeout_keep_alive=PREFECT_SERVER_API_KEEPALIVE_TIMEOUT.value(),
            log_level=PREFECT_SERVER_LOGGING_LEVEL.value().lower(),
        )


if __name__ == "__main__":
    main()
