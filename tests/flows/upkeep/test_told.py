"""Nobody is left without a word, nobody gets it twice, and what is told is what OMERO holds."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from pydantic import SecretStr

from flows.core import names
from flows.core.control import Uncontrolled
from flows.core.omero_client import ImportDetails, OmeroSession, import_fileset, keys_of_run, log_in
from flows.core.requests import Fileset, SourceFile, StagedFile, StagedFileset
from flows.core.settings import Mail, Notifications, OmeroServer, ServiceAccount, Settings
from flows.core.status import FilesetStatus
from flows.upkeep import notes
from flows.upkeep.runs import find, tagged
from flows.upkeep.told import forget_what_was_told, tell, tell_of_ended_runs, tidy_up
from tests.contract import raw
from tests.flows.upkeep.conftest import SERVER, Make
from tests.support.understudy import Understudy

pytestmark = pytest.mark.timeout(240)
Seen = Callable[[UUID], FlowRun]
ADMINISTRATOR = "facility@lab.example"
ALICE = "alice@example.org"


@pytest.fixture
def user() -> str:
    return "alice"


@pytest.fixture
def here(engine: Settings, understudy: Understudy) -> Settings:
    account = ServiceAccount(user="courier-service", password=SecretStr("courier-service"))
    server = OmeroServer(host=understudy.host, port=understudy.ssl_port, service_account=account)
    told = Notifications(mail=Mail(), administrators=(ADMINISTRATOR,))
    return engine.model_copy(update={"servers": {SERVER: server}, "notifications": told})


@pytest.fixture
def omero(here: Settings) -> Iterator[OmeroSession]:
    with log_in(here.servers[SERVER], "alice", SecretStr("alice")) as session:
        yield session


@pytest.fixture
def ended(run: Make, seen: Callable[[UUID], FlowRun]) -> Callable[..., FlowRun]:
    """Make an import that ended."""
    return lambda letters, **more: seen(run(letters, **more))


@pytest.fixture
def letters(prefect: SyncPrefectClient) -> Callable[[FlowRun], dict[str, str]]:
    """Who was written to about an import, and what: fails where somebody was written to twice."""

    def of(run: FlowRun) -> dict[str, str]:
        wanted = FlowRunFilter(tags=tagged(names.about_tag(str(run.id))))
        found = [each.parameters for each in find(prefect, [names.MESSAGE_FLOW], wanted)]
        written = {each["receiver"]: each["message"]["subject"] for each in found}
        assert len(written) == len(found)
        return written

    return of


def staged(path: Path) -> StagedFileset:
    file = SourceFile(path=str(path), client_path=str(path), size=path.stat().st_size, mtime_ns=path.stat().st_mtime_ns)
    copy = StagedFile(path=str(path), client_path=str(path), size=file.size)
    return StagedFileset(fileset=Fileset(files=(file,)), files=(copy,), staged=False)


def table(prefect: SyncPrefectClient, run: FlowRun, *filesets: Fileset) -> None:
    """Leave the table of filesets as a process leaves it that dies."""
    rows = [FilesetStatus.waiting(each).model_dump(mode="json") for each in filesets]
    prefect.create_artifact(ArtifactCreate(key="filesets", type="table", data=rows, flow_run_id=run.id))


def test_an_import_that_was_given_up_is_told_once(
    ended: Callable[..., FlowRun], letters: Callable[..., dict[str, str]], prefect: SyncPrefectClient, here: Settings
) -> None:
    lost = ended("sprxf")

    tell(prefect, lost, here)
    tell(prefect, lost, here)

    assert letters(lost).keys() == {ALICE, ADMINISTRATOR}
    assert names.TOLD in prefect.read_flow_run(lost.id).tags


def test_a_cancelled_import_is_told_to_its_user_only(
    ended: Callable[..., FlowRun], letters: Callable[..., dict[str, str]], prefect: SyncPrefectClient, here: Settings
) -> None:
    cancelled = ended("sk")

    tell(prefect, cancelled, here)

    assert letters(cancelled) == {ALICE: "Import cancelled: nothing of it is in OMERO"}


def test_what_is_in_omero_is_told_and_shown_though_its_process_did_not_live_to_say_so(
    ended: Callable[..., FlowRun], omero: OmeroSession, prefect: SyncPrefectClient, here: Settings, small_ome_tiff: Path
) -> None:
    lost, file = ended("sprxf"), staged(small_ome_tiff)
    table(prefect, lost, file.fileset)
    import_fileset(omero, file, target=None, details=ImportDetails(), control=Uncontrolled(), run_key=key(lost, file))

    tell(prefect, lost, here)

    assert prefect.read_flow_run(lost.id).state.type.value == "COMPLETED"


def test_what_omero_holds_of_an_import_is_not_taken_for_all_of_it_where_no_process_noted_what_that_is(
    ended: Callable[..., FlowRun], omero: OmeroSession, prefect: SyncPrefectClient, here: Settings, small_ome_tiff: Path
) -> None:
    lost, file = ended("sprxf"), staged(small_ome_tiff)
    import_fileset(omero, file, target=None, details=ImportDetails(), control=Uncontrolled(), run_key=key(lost, file))

    tell(prefect, lost, here)
    tell(prefect, prefect.read_flow_run(lost.id), here)

    state = prefect.read_flow_run(lost.id).state
    assert (state.type.value, state.name) == ("FAILED", names.PARTLY_FAILED)


def test_what_is_half_done_in_omero_is_removed(
    ended: Callable[..., FlowRun], omero: OmeroSession, prefect: SyncPrefectClient, here: Settings, small_ome_tiff: Path
) -> None:
    cancelled, file = ended("sprk"), staged(small_ome_tiff)
    raw.create(omero, file, key(cancelled, file))
    assert keys_of_run(omero, str(cancelled.id))

    tell(prefect, cancelled, here)

    assert not keys_of_run(omero, str(cancelled.id))


def test_while_omero_is_away_the_user_hears_of_it_and_what_is_half_done_waits(
    *,
    ended: Callable[..., FlowRun],
    letters: Callable[..., dict[str, str]],
    omero: OmeroSession,
    prefect: SyncPrefectClient,
    here: Settings,
    small_ome_tiff: Path,
) -> None:
    cancelled, file = ended("sprk", notify=["bob@example.org"]), staged(small_ome_tiff)
    raw.create(omero, file, key(cancelled, file))
    notes.write(prefect, names.outage_name(SERVER), {"since": "now", "reason": "It is away."})
    tell(prefect, cancelled, here)
    notes.drop(prefect, names.outage_name(SERVER))
    assert letters(cancelled).keys() == {"bob@example.org"}
    assert names.UNTIDY in prefect.read_flow_run(cancelled.id).tags

    tidy_up(prefect, here)

    assert not keys_of_run(omero, str(cancelled.id))
    assert names.UNTIDY not in prefect.read_flow_run(cancelled.id).tags


def test_who_can_be_told_only_when_omero_is_back_is_told_then(
    ended: Callable[..., FlowRun], letters: Callable[..., dict[str, str]], prefect: SyncPrefectClient, here: Settings
) -> None:
    cancelled = ended("sk")
    notes.write(prefect, names.outage_name(SERVER), {"since": "now", "reason": "It is away."})
    tell(prefect, cancelled, here)
    notes.drop(prefect, names.outage_name(SERVER))
    assert letters(cancelled) == {}

    tell(prefect, cancelled, here)

    assert letters(cancelled).keys() == {ALICE}


def test_a_round_finds_those_that_nobody_told_of_and_no_others(
    ended: Callable[..., FlowRun], letters: Callable[..., dict[str, str]], prefect: SyncPrefectClient, here: Settings
) -> None:
    told, untold, waits = ended("sprf", tags=(names.TOLD,)), ended("sprf"), ended("spra")

    tell_of_ended_runs(prefect, here, quiet=timedelta())

    assert [bool(letters(each)) for each in (told, untold, waits)] == [False, True, False]


def test_an_import_that_ended_just_now_may_still_tell_itself(
    ended: Callable[..., FlowRun], letters: Callable[..., dict[str, str]], prefect: SyncPrefectClient, here: Settings
) -> None:
    fresh = ended("sprf")

    tell_of_ended_runs(prefect, here)

    assert letters(fresh) == {}


@pytest.mark.parametrize(
    ("letters_of_states", "stays"),
    [
        pytest.param("sprfs", False, id="a person retried it"),
        pytest.param("sprxvprxv", True, id="it was revived"),
    ],
)
def test_after_a_persons_retry_the_outcome_is_news(
    letters_of_states: str, stays: bool, run: Make, prefect: SyncPrefectClient, here: Settings
) -> None:
    number = run(letters_of_states, tags=(names.TOLD,))

    forget_what_was_told(prefect, here)

    assert (names.TOLD in prefect.read_flow_run(number).tags) is stays


def key(run: FlowRun, file: StagedFileset) -> str:
    return f"{run.id}/{file.fileset.key}"
