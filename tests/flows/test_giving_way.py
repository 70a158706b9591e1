"""Who goes first: people before bulk, and bulk imports give their place back between two chunks."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployments.sandbox.home import Running
from deployments.sandbox.images import make_small_ome_tiff
from deployments.sandbox.understudy.control import Control
from flows.core.names import agent_of
from flows.core.pipeline import FEW_FILESETS
from flows.core.settings import OmeroServer
from tests.support.courier import Courier, eventually

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]
LIMITS = OmeroServer(host="omero")
"""The sandbox leaves them as they are."""


@pytest.fixture
def slow_omero(sandbox: Running) -> Iterator[Control]:
    control = Control(sandbox.omero_control)
    control.clear()
    control.latency(write=0.6)
    yield control
    control.let_go()
    control.clear()


def some_images(person: Courier) -> Path:
    folder = person.folder()
    for number in range(8):
        make_small_ome_tiff(folder / f"{number}.ome.tiff")
    return folder


def told_in(person: Courier, number: str, words: str) -> str | None:
    log: str = person.http.get(f"/v1/imports/{number}/log").text
    return log if words in log else None


def test_a_bulk_import_lets_people_go_first_and_is_completed_afterwards(
    alice: Courier, logged_in: Callable[[str], Courier], slow_omero: Control
) -> None:
    folder = alice.folder()
    for number in range(2 * FEW_FILESETS):
        make_small_ome_tiff(folder / f"cells{number:02}.ome.tiff")
    bulk = alice.asks(folder, bulk=True, duplicates="import")
    eventually(lambda: alice.status(bulk)["state"] == "running", "the bulk import runs")

    people = [logged_in(name) for name in ("bob", "carol", "alice")]
    first = people[0].asks(some_images(people[0]))
    # It takes its time, so that the two others wait for its place when the first chunk of the bulk import is through.
    slow_omero.hold("write", times=None, agent=agent_of(first, 1))
    urgent = [(people[0], first), *((each, each.asks(some_images(each))) for each in people[1:])]

    assert eventually(lambda: told_in(alice, bulk, "lets people go first"), "the bulk import gives way")
    slow_omero.let_go()
    assert [each.outcome(number)["state"] for each, number in urgent] == ["completed"] * 3
    # Four runs were wanted and OMERO would have taken five imports: it saw no more than the two runs that it is given.
    assert 1 < slow_omero.stats().imports_at_once <= LIMITS.runs * LIMITS.filesets_per_run
    slow_omero.clear()
    ended = alice.outcome(bulk)
    assert (ended["state"], ended["stages"]) == ("completed", {"done": 2 * FEW_FILESETS})
