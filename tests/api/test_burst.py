"""Many requests at once: each is taken, or told when to come again, and what was taken is there."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from deployments.sandbox.images import make_small_ome_tiff
from tests.support.courier import Courier

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]

CONNECTIONS = 16
FAR_AWAY = (datetime.now(UTC) + timedelta(days=300)).isoformat()
"""They are never to run: other tests use this sandbox too."""


@pytest.fixture
def carol(sandbox) -> Iterator[Courier]:
    courier = Courier(sandbox, "carol")
    courier.http.timeout = httpx.Timeout(240)
    yield courier
    courier.http.close()


def listed(courier) -> set[str]:
    """All imports of this user."""
    found, cursor = set(), {}
    while cursor is not None:
        page = courier.http.get("/v1/imports", params={"limit": 100, **cursor}).raise_for_status().json()
        found |= {each["id"] for each in page["imports"]}
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    return found


@pytest.mark.parametrize("requests", [64, pytest.param(200, marks=pytest.mark.thorough)])
def test_of_a_burst_each_request_is_accepted_or_politely_refused_and_none_is_lost(carol, requests) -> None:
    source = str(make_small_ome_tiff(carol.folder() / "cells.ome.tiff"))
    body = {"sources": [source], "not_before": FAR_AWAY}
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        answers = list(pool.map(lambda _: carol.http.post("/v1/imports", json=body), range(requests)))

    accepted = {answer.json()["id"] for answer in answers if answer.status_code == 202}
    refused = [answer for answer in answers if answer.status_code != 202]
    assert {answer.status_code for answer in refused} <= {429, 503}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    assert len(accepted) + len(refused) == requests
    assert accepted
    assert accepted <= listed(carol)
