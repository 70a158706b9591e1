"""The rounds of housekeeping: what is looked after while nobody looks."""

import logging
from collections.abc import Callable

from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.core import names
from flows.core.settings import Settings, read_settings
from flows.log import tidy_log
from flows.upkeep.cleaning import clear_staging, forget_old_runs
from flows.upkeep.delays import tell_of_delays
from flows.upkeep.digest import send_digest
from flows.upkeep.ending_sessions import end_sessions
from flows.upkeep.lost import end_lost_runs
from flows.upkeep.outages import end_outages
from flows.upkeep.pacing import keep_pace
from flows.upkeep.revival import revive_lost_runs
from flows.upkeep.rounds import crowded, forget_missed_rounds, forget_missed_sweeps
from flows.upkeep.sessions import look_after_sessions
from flows.upkeep.told import forget_what_was_told, tell_of_ended_runs, tidy_up
from flows.upkeep.waiting import release_held_runs

log = logging.getLogger(__name__)

URGENT = (
    forget_missed_rounds,
    forget_missed_sweeps,
    end_lost_runs,
    revive_lost_runs,
    release_held_runs,
)
"""What only asks Prefect."""
OTHERS = (
    end_outages,
    forget_what_was_told,
    tell_of_ended_runs,
    tell_of_delays,
    tidy_up,
    keep_pace,
    look_after_sessions,
    end_sessions,
    clear_staging,
    forget_old_runs,
    send_digest,
)
"""What may take its time, since it asks OMERO, too. What is told of comes after what is found."""


@flow(name=names.HOUSEKEEPING_FLOW, persist_result=False)
def housekeeping() -> State[None]:
    """Look after everything once. It starts by itself, and may run twice at once without harm.

    Each duty looks again before it changes anything, and one that fails does not keep the others from being done.
    """
    tidy_log()
    settings = read_settings()
    with get_client(sync_client=True) as client:
        failed = [duty for duty in URGENT if not done(duty, client, settings)]
        if not crowded(client):
            failed += [duty for duty in OTHERS if not done(duty, client, settings)]
    return verdict([duty.__name__.replace("_", " ") for duty in failed])


def done(duty: Callable[[SyncPrefectClient, Settings], object], client: SyncPrefectClient, settings: Settings) -> bool:
    """Do one duty and say whether it was done."""
    try:
        duty(client, settings)
    except Exception:  # the outermost hook: what stops one duty must not stop the others
        log.exception("%s failed", duty.__name__)
        return False
    return True


def verdict(failed: list[str]) -> State[None]:
    """Return the state that a round ends in, in which these duties failed."""
    return Failed(message=f"Not done: {', '.join(failed)}. The log says why.") if failed else Completed()
