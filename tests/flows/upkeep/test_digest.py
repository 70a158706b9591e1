"""Once a day, whoever runs how often."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterIdempotencyKey

from flows.core import names
from flows.core.control import Stage
from flows.core.requests import ImportedImage
from flows.core.settings import Mail, Notifications, Settings, Upkeep
from flows.core.status import FilesetStatus
from flows.upkeep import notes
from flows.upkeep.digest import NOTE, collect, is_due, send_digest
from flows.upkeep.runs import find
from tests.flows.upkeep.conftest import SERVER, Make

pytestmark = pytest.mark.timeout(180)
NOON = datetime(2031, 5, 6, 12).astimezone()
ADMINISTRATOR = "digest@lab.example"


@pytest.fixture
def here(engine: Settings, prefect: SyncPrefectClient) -> Iterator[Settings]:
    notes.drop(prefect, NOTE)
    told = Notifications(mail=Mail(), administrators=(ADMINISTRATOR,))
    yield engine.model_copy(update={"notifications": told, "upkeep": Upkeep(digest_at="07:00")})
    notes.drop(prefect, NOTE)


@pytest.fixture
def sent(prefect: SyncPrefectClient) -> Callable[[], int]:
    """How many more digests there are than at the start of the test."""

    def count() -> int:
        return sum(each.parameters["receiver"] == ADMINISTRATOR for each in find(prefect, [names.MESSAGE_FLOW], ALL))

    before = count()
    return lambda: count() - before


ALL = FlowRunFilter(idempotency_key=FlowRunFilterIdempotencyKey(not_any_=["none"]))


@pytest.mark.parametrize(
    ("digest_at", "last", "hour", "due"),
    [
        ("07:00", date(2031, 5, 5), 8, True),
        ("07:00", date(2031, 5, 5), 6, False),
        ("07:00", date(2031, 5, 6), 8, False),
        ("07:00", date(2031, 5, 1), 8, True),
        ("off", date(2031, 5, 5), 8, False),
    ],
    ids=["its time has come", "too early", "sent already", "after a few days without", "nobody wants it"],
)
def test_when_a_digest_is_due(digest_at: str, last: date, hour: int, due: bool) -> None:
    assert is_due(digest_at, last, NOON.replace(hour=hour)) is due


def test_there_is_one_a_day_beginning_with_the_second(
    prefect: SyncPrefectClient, here: Settings, sent: Callable[[], int]
) -> None:
    send_digest(prefect, here, now=NOON)
    assert sent() == 0

    for hours in (19, 20, 21):
        send_digest(prefect, here, now=NOON + timedelta(hours=hours))

    assert sent() == 1
    (latest,) = [each for each in find(prefect, [names.MESSAGE_FLOW], ALL) if each.tags == [names.server_tag(SERVER)]][
        :1
    ]
    assert latest.parameters["receiver"] == ADMINISTRATOR


def test_two_rounds_at_once_send_one(prefect: SyncPrefectClient, here: Settings, sent: Callable[[], int]) -> None:
    day = NOON + timedelta(days=30)
    for _ in range(2):
        notes.write(prefect, NOTE, {"day": "2031-05-06"})
        send_digest(prefect, here, now=day)

    assert sent() == 1


def test_it_counts_what_ended_and_what_went_in(prefect: SyncPrefectClient, here: Settings, run: Make) -> None:
    before = collect(prefect, here, datetime.now().astimezone()).servers[0]
    done = run("sprc")
    image = ImportedImage(id=1, name="x", size_x=1, size_y=1, size_z=1, size_c=1, size_t=1)
    row = FilesetStatus(name="x", stage=Stage.DONE, bytes_total=1000, images=(image, image), files=("/x",), key="x")
    prefect.create_artifact(
        ArtifactCreate(key="filesets", type="table", data=[row.model_dump(mode="json")], flow_run_id=done)
    )

    now = collect(prefect, here, datetime.now().astimezone()).servers[0]

    grown = (now.completed - before.completed, now.images - before.images, now.volume - before.volume)
    assert (now.name, grown) == (SERVER, (1, 2, 1000))


def test_it_lists_what_failed(prefect: SyncPrefectClient, here: Settings, run: Make) -> None:
    failed = run("sprf")

    listed = collect(prefect, here, datetime.now().astimezone()).failed

    assert str(failed) in " ".join(each.url for each in listed)
