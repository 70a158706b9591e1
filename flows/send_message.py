"""The sending of one message that could not be sent at once: tried along the intervals of the settings, then kept."""

from typing import Annotated
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run as this_run
from prefect.states import Completed, Failed
from pydantic import Field

from flows.core import names
from flows.core.notify import Message, send
from flows.core.settings import read_settings
from flows.history import retries_since_person
from flows.later import try_again, wait_before
from flows.log import tidy_log
from flows.upkeep.runs import history


@flow(name=names.MESSAGE_FLOW, flow_run_name="{message.subject} -> {receiver}", persist_result=False)
def send_message(
    receiver: Annotated[str, Field(title="Receiver", description="An e-mail address, or the name of a channel.")],
    message: Annotated[Message, Field(title="Message", description="The same words as plain text and as HTML.")],
) -> State[None]:
    """Send one message that could not be sent at once.

    While it cannot be sent it is tried again, after minutes first, then after days. When it has failed for good
    it stays in the list of failed runs: Retry sends it, Delete forgets it.
    """
    tidy_log()
    settings = read_settings()
    (delivery,) = send(message, [receiver], settings.notifications)
    if delivery.failure is None:
        return Completed(message=f"Sent to {receiver}.")
    why = str(delivery.failure)
    run_id = UUID(str(this_run.id))
    wait = wait_before(_tries(run_id), settings.retries) if delivery.failure.transient else None
    if wait is not None:
        try_again(run_id, wait, why)
    return Failed(message=why)


def _tries(run_id: UUID) -> int:
    with get_client(sync_client=True) as client:
        return retries_since_person(history(client, run_id))
