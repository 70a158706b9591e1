"""Nobody is left without a word: of imports that ended, or wait long, and whose own process did not say so."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from pydantic import ValidationError

from flows.core import names
from flows.core.errors import UnknownServer
from flows.core.notify import letters
from flows.core.settings import Settings
from flows.history import asked_by_person
from flows.outbox import About, hand_over
from flows.upkeep.endings import Ending
from flows.upkeep.runs import IMPORTS, change, find, for_a_while, history, in_state, of_flows, since, tag, tagged

log = logging.getLogger(__name__)

QUIET = timedelta(seconds=30)
"""A process that ends an import tells of it in that time."""
LOOK_BACK = timedelta(days=30)
"""What ended before that is no news."""
PATIENCE = timedelta(days=1)
"""How long OMERO may be away until it is told without what only it knows: the user's address, and what is in it."""
ENDED = (StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED)


def tell_of_ended_runs(client: SyncPrefectClient, settings: Settings, *, quiet: timedelta = QUIET) -> None:
    """Tell of every import that ended a while ago and whose user was not told."""
    for run in for_a_while(list(untold(client, datetime.now(UTC) - quiet))):
        try:
            tell(client, run, settings)
        except (ValidationError, UnknownServer) as strange:
            log.warning("%s was no import of ours, nobody is told: %s", run.name, type(strange).__name__)
            tag(client, run.id, add=names.TOLD)


def tell(client: SyncPrefectClient, run: FlowRun, settings: Settings) -> None:
    """Settle what became of an import, and see that its user and the administrators hear of it."""
    ending = Ending(client, run, settings)
    ending.settle()
    if not ending.tidy and not ending.receivers and datetime.now(UTC) - since(run) < PATIENCE:
        return
    now = client.read_flow_run(run.id)
    if now.state is None or run.state is None or now.state.id != run.state.id:
        return  # somebody retried it meanwhile
    if (better := ending.better_state()) is not None and not change(client, run, better):
        return
    report = ending.report()
    about = About(run_id=report.run_id, user=report.user, server=report.server)
    hand_over(letters(report, settings.notifications.administrators), about)
    if ending.tidy:
        tag(client, run.id, add=names.TOLD, drop=[names.UNTIDY])
    else:
        tag(client, run.id, add=names.UNTIDY)
        tag(client, run.id, add=names.TOLD)


def tidy_up(client: SyncPrefectClient, settings: Settings) -> None:
    """Look again at imports of which something half-done may be in an OMERO that was away when they ended."""
    untidy = where.FlowRunFilter(tags=tagged(names.UNTIDY), state=in_state(ENDED))
    for run in for_a_while(list(find(client, IMPORTS, untidy))):
        try:
            ending = Ending(client, run, settings)
        except (ValidationError, UnknownServer) as strange:
            log.warning("%s was no import of ours, nothing is cleared: %s", run.name, type(strange).__name__)
            tag(client, run.id, drop=[names.UNTIDY])
            continue
        ending.settle()
        if ending.tidy:
            tag(client, run.id, drop=[names.UNTIDY])


def forget_what_was_told(client: SyncPrefectClient, _settings: Settings) -> None:
    """Take the tags off runs that a person has retried since: their user wants to hear of the new outcome, too."""
    retried = where.FlowRunFilter(tags=tagged(names.TOLD), state=in_state([StateType.SCHEDULED]))
    for run in list(find(client, IMPORTS, retried)):
        if asked_by_person(history(client, run.id)):
            tag(client, run.id, drop=[names.TOLD, names.INTERIM_TOLD])


def untold(client: SyncPrefectClient, before: datetime) -> Iterator[FlowRun]:
    """Return the ended runs without the tag. Prefect cannot be asked for what is missing: they are counted first."""
    window = where.FlowRunFilterEndTime(after_=before - LOOK_BACK, before_=before)
    ended = where.FlowRunFilter(state=in_state(ENDED), end_time=window)
    told = where.FlowRunFilter(state=in_state(ENDED), end_time=window, tags=tagged(names.TOLD))
    missing = client.count_flow_runs(flow_filter=of_flows(IMPORTS), flow_run_filter=ended) - client.count_flow_runs(
        flow_filter=of_flows(IMPORTS), flow_run_filter=told
    )
    if missing <= 0:
        return
    for run in find(client, IMPORTS, ended, FlowRunSort.END_TIME_DESC):
        if names.TOLD not in run.tags:
            yield run
            missing -= 1
        if missing <= 0:
            return
