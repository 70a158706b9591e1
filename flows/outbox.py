"""Messages on their way: sent at once, or handed over to runs of their own, so that no word is lost or said twice."""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import ObjectNotFound, PrefectException

from flows.core import names
from flows.core.errors import NotificationFailed
from flows.core.notify import Letter, send, shortened
from flows.core.settings import Notifications
from flows.history import times_asked
from flows.patience import patiently
from flows.upkeep.runs import history

log = logging.getLogger(__name__)

DEPLOYMENT = f"{names.MESSAGE_FLOW}/{names.COURIER_DEPLOYMENT}"


@dataclass(frozen=True)
class About:
    """What messages tell of: they are found by it, and the same word about it is handed over once."""

    run_id: str = ""
    """The import; left out for what is about none."""
    user: str = ""
    server: str = ""
    """Our name of the OMERO server whose administrators see it in the list of the unsent."""
    servers: tuple[str, ...] = ()
    """Or of several."""
    occasion: str = ""
    """What sets it apart from words of another time, for example the day of a digest: it stands for the words then."""

    def tags(self, letter: Letter) -> list[str]:
        """Return the tags of a letter's run; what administrators are told is none of its user's messages."""
        tags = {names.user_tag: "" if letter.for_administrators else self.user, names.about_tag: self.run_id}
        servers = [names.server_tag(each) for each in (self.server, *self.servers) if each]
        return [*(tag(value) for tag, value in tags.items() if value), *servers]


def deliver(letters: Iterable[Letter], about: About, settings: Notifications, told: set[tuple[str, str]]) -> None:
    """Send each letter at once, and hand over those that cannot be sent now.

    Args:
        letters: what is to be said.
        about: what they tell of.
        settings: how people are reached.
        told: receiver and subject of what arrived already, which is not sent again; what arrives now is added.

    Raises:
        NotificationFailed: some could neither be sent nor handed over.
    """
    unsent = []
    for letter in letters:
        if (said := (letter.receiver, letter.message.subject)) in told:
            continue
        (delivery,) = send(letter.message, [letter.receiver], settings)
        if delivery.failure is None:
            told.add(said)
        else:
            log.warning("Not sent yet: %s", delivery.failure)
            unsent.append(letter)
    if unsent:
        hand_over(unsent, about)


def hand_over(letters: Sequence[Letter], about: About) -> None:
    """Make a run of `send-message` for each letter, unless there is one already; waits for Prefect while it is away.

    Raises:
        NotificationFailed: Prefect did not take them all.
    """
    try:
        with get_client(sync_client=True) as client:
            asked = patiently(partial(_times_asked, client, about))
            deployment = patiently(partial(client.read_deployment_by_name, DEPLOYMENT)).id
            for letter in letters:
                patiently(partial(_make_run, client, deployment, letter, about, _key(letter, about, asked)))
    except (httpx.HTTPError, PrefectException) as away:
        raise NotificationFailed(
            f"Prefect did not take the message: {type(away).__name__}.", advice="The operator should run `make deploy`."
        ) from away


def _make_run(client: SyncPrefectClient, deployment: UUID, letter: Letter, about: About, key: str) -> None:
    client.create_flow_run_from_deployment(
        deployment,
        name=f"{letter.message.subject} -> {letter.receiver}",
        parameters={"receiver": letter.receiver, "message": asdict(shortened(letter.message))},
        tags=about.tags(letter),
        idempotency_key=key,
    )


def _times_asked(client: SyncPrefectClient, about: About) -> int:
    """After a person's retry the same words are news."""
    if not about.run_id:
        return 0
    try:
        return times_asked(history(client, UUID(about.run_id)))
    except ObjectNotFound:
        return 0


def _key(letter: Letter, about: About, asked: int) -> str:
    parts = (about.run_id, about.occasion, str(asked), letter.receiver, about.occasion or letter.message.subject)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
