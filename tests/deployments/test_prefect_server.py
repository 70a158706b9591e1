"""The Prefect server of closed networks: what it serves sends no browser elsewhere."""

import asyncio
from collections.abc import Callable, Iterator

import httpx
import pytest
from prefect.server.concurrency.lease_storage import filesystem, get_concurrency_lease_storage
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, PREFECT_UI_STATIC_DIRECTORY, temporary_settings

from deployments.prefect_server import LEASES_IN_FILES, create_app

Get = Callable[[str], httpx.Response]


@pytest.fixture(scope="module")
def get(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Get]:
    """Opens a page as a browser does; the server's services do not run."""
    place = tmp_path_factory.mktemp("prefect")
    database = f"sqlite+aiosqlite:///{place / 'prefect.db'}"
    with temporary_settings(
        {PREFECT_API_DATABASE_CONNECTION_URL: database, PREFECT_UI_STATIC_DIRECTORY: str(place / "ui")}
    ):
        transport = httpx.ASGITransport(create_app())

        async def ask(path: str) -> httpx.Response:
            async with httpx.AsyncClient(transport=transport, base_url="http://prefect.example") as client:
                return await client.get(path, headers={"Accept": "text/html"}, follow_redirects=True)

        yield lambda path: asyncio.run(ask(path))


def test_leases_outlive_a_restart() -> None:
    with temporary_settings(LEASES_IN_FILES):
        assert isinstance(get_concurrency_lease_storage(), filesystem.ConcurrencyLeaseStorage)


def test_the_v1_ui_is_the_only_one(get: Get) -> None:
    settings = get("/ui-settings").json()

    assert (settings["available_uis"], settings["default_ui"], settings["v2_base_url"]) == (["v1"], "v1", None)


def test_the_start_page_is_the_ui(get: Get) -> None:
    assert "<title>Prefect Server</title>" in get("/").text


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/api/docs", "/api/redoc", "/v2/docs"])
def test_no_page_loads_anything_from_elsewhere(get: Get, path: str) -> None:
    assert "https://" not in get(path).text


def test_the_interface_is_served_beside_the_ui(get: Get) -> None:
    assert get("/api/health").json() is True
