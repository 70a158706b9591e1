"""Who goes first: people before bulk, and bulk imports give their place back between two chunks."""

from collections.abc import Callable, Iterator

import pytest

from deployments.sandbox.home import Running
from deployments.sandbox.images import make_small_ome_tiff
from deployments.sandbox.understudy.control import Control
from flows.core.pipeline import CHUNK_FILESETS
from tests.support.courier import Courier, eventually

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]


@pytest.fixture
def slow_omero(sandbox: Running) -> Iterator[Control]:
    control = Control(sandbox.omero_control)
    control.latency(write=0.6)
    yield control
    control.clear()


def test_a_bulk_import_lets_people_go_first_and_is_completed_afterwards(
    alice: Courier, logged_in: Callable[[str], Courier], slow_omero: Control
) -> None:
    folder = alice.folder()
    for number in range(2 * CHUNK_FILESETS):
        make_small_ome_tiff(folder / f"cells{number:02}.ome.tiff")
    bulk = alice.asks(folder, bulk=True, duplicates="import")
    eventually(lambda: alice.status(bulk)["state"] == "running", "the bulk import runs")

    bob = logged_in("bob")
    people = [bob.asks(make_small_ome_tiff(bob.folder() / "cells.ome.tiff")) for _ in range(2)]

    assert [bob.outcome(each)["state"] for each in people] == ["completed", "completed"]
    assert "lets people go first" in alice.http.get(f"/v1/imports/{bulk}/log").text
    slow_omero.clear()
    ended = alice.outcome(bulk)
    assert (ended["state"], ended["stages"]) == ("completed", {"done": 2 * CHUNK_FILESETS})
