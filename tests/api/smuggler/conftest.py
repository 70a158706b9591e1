"""A client of Smuggler in front of the interface."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.api import Door

Hands = Callable[..., httpx.Response]


def element_for(door: Door, **more: Any) -> dict[str, Any]:
    """An element that is accepted, unless something is said that is not."""
    needed = {
        "experimenterEmail": "alice@lab.example",
        "omeroHost": "omero.invalid",
        "sessionKey": "alice-session",
        "targetUri": None,
    }
    element = {**needed, **more}
    element["targetUri"] = element["targetUri"] or door.image()
    return {name: value for name, value in element.items() if value is not None}


def hands(door: Door, *elements: Any) -> httpx.Response:
    """POST /ome/import."""
    return door.client.post("/ome/import", json=list(elements))


@pytest.fixture
def hand(door: Door) -> Hands:
    """Hand elements over, each given by what is special about it."""
    return lambda *elements: hands(door, *(element_for(door, **each) for each in elements))
