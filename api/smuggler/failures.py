"""Finds what failed: imports by the ids that their clients hold, and mails that could not be sent."""

from typing import NamedTuple

from api.callers import Caller
from api.problems import Problem
from api.runs import Letter, Message, Run, RunQuery, RunUnderWay, RunUnknown, Step
from api.services import Services
from api.smuggler.capabilities import IMPORT, MAIL, Named, make_id, read_id
from api.smuggler.logs import Told, status_log
from api.smuggler.outcomes import FAILED, dealt_tag, failed_sources, sources_of
from flows.core import notify
from flows.core.notify.mail import write_mail
from flows.core.status import FilesetStatus

MOST = 1000
"""Runs of a server that a list holds, the latest ones."""
MOST_MAILS = 200
"""Messages of a server that a list holds, the latest ones: as many as Prefect gives at a time."""
PAGE = 100
HOLDER = "whoever holds its id"
"""For the audit trail."""


class _Found(NamedTuple):
    run: Run
    steps: tuple[Step, ...]
    statuses: tuple[FilesetStatus, ...]
    number: int

    @property
    def failed(self) -> list[int]:
        return failed_sources(self.run, self.statuses)


async def import_log(neighbours: Services, import_id: str) -> str:
    """Return the status log of an import.

    Raises:
        Problem: there is none of that id.
    """
    return _log(neighbours, import_id, await _find(neighbours, import_id))


async def failed_log(neighbours: Services, import_id: str) -> str:
    """Return the log of an import that failed, and with which nobody has dealt yet.

    Raises:
        Problem: there is none of that id.
    """
    found = await _find(neighbours, import_id)
    if found.number not in found.failed:
        raise _unknown("failed import")
    return _log(neighbours, import_id, found)


def _log(neighbours: Services, import_id: str, found: _Found) -> str:
    run = found.run
    server = neighbours.settings.servers.get(run.server)
    told = Told(
        import_id=import_id,
        omero=f"{server.host}:{server.port}" if server else run.server,
        web_url=server.web_url if server else None,
        number=found.number,
    )
    return status_log(run, found.steps, found.statuses, told)


async def failed_imports(neighbours: Services, caller: Caller) -> list[str]:
    """Return the ids of the imports that failed, the latest first."""
    found = [run for server in sorted(caller.servers) for run in await _failed_at(neighbours, caller, server)]
    ids = []
    for run in sorted(found, key=lambda run: run.due, reverse=True):
        statuses = await neighbours.runs.filesets(run.id)
        for number in failed_sources(run, statuses):
            ids.append(make_id(IMPORT, Named(run.id, number), neighbours.settings.seal_keys))  # noqa: PERF401 - awaits
    return ids


async def _failed_at(neighbours: Services, caller: Caller, server: str) -> list[Run]:
    found: list[Run] = []
    query = RunQuery(server=server, users=caller.users, states=FAILED, limit=PAGE)
    while len(found) < MOST:
        page = await neighbours.runs.recent(query)
        found += page
        if len(page) < PAGE:
            break
        query = query.model_copy(update={"before": page[-1].due})
    return found


async def deal_with(neighbours: Services, import_id: str, address: str) -> None:
    """Take a failed import off the list; the last one of a run takes the run with it. What is not there is no error."""
    try:
        found = await _find(neighbours, import_id)
    except Problem:
        return
    run = found.run
    if found.number not in found.failed:
        return
    if found.failed == [found.number]:
        try:
            await neighbours.runs.forget(run)
        except RunUnderWay:
            return  # somebody has it tried again
    else:
        await neighbours.runs.mark(run, dealt_tag(run, found.number))
    await neighbours.note("forget", HOLDER, address=address, server=run.server, as_whom=run.user, import_id=str(run.id))


async def _find(neighbours: Services, import_id: str) -> _Found:
    """Read what is known of an import: what it went through first, so that its end is never told without the rest."""
    if (named := read_id(IMPORT, import_id, neighbours.settings.seal_keys)) is None:
        raise _unknown("import")
    steps = await neighbours.runs.steps(named.run)
    try:
        run = await neighbours.runs.read(named.run)
    except RunUnknown as gone:
        raise _unknown("import") from gone
    if named.number >= len(sources_of(run)):
        raise _unknown("import")
    return _Found(run, steps, await neighbours.runs.filesets(run.id), named.number)


async def failed_mails(neighbours: Services, caller: Caller) -> list[str]:
    """Return the ids of the mails that could not be sent; what was meant for other channels is none."""
    found = [
        message
        for server in sorted(caller.servers)
        for message in await neighbours.runs.unsent(server, caller.users, MOST_MAILS)
        if "@" in message.receiver
    ]
    keys = neighbours.settings.seal_keys
    return [make_id(MAIL, Named(each.id, 0), keys) for each in sorted(found, key=_failed, reverse=True)]


def _failed(message: Message) -> float:
    return message.failed.timestamp()


async def failed_mail(neighbours: Services, mail_id: str) -> str:
    """Return a mail that could not be sent, as it would be handed to a mail server.

    Raises:
        Problem: there is none of that id.
    """
    message, letter = await _mail(neighbours, mail_id)
    mail = neighbours.settings.notifications.mail
    sender = mail.sender if mail else "omero-courier@localhost"
    words = notify.Message(letter.subject, letter.text, letter.html)
    return write_mail(words, message.receiver, sender, message.created)


async def discard_mail(neighbours: Services, mail_id: str, address: str) -> None:
    """Delete a mail that could not be sent. What is not there is no error."""
    try:
        message, _ = await _mail(neighbours, mail_id)
    except Problem:
        return
    await neighbours.runs.discard(message)
    await neighbours.note(
        "discard-message",
        HOLDER,
        address=address,
        server=message.server,
        as_whom=message.user,
        import_id=message.about,
    )


async def _mail(neighbours: Services, mail_id: str) -> tuple[Message, Letter]:
    named = read_id(MAIL, mail_id, neighbours.settings.seal_keys)
    if named is None:
        raise _unknown("failed mail")
    try:
        message = await neighbours.runs.message(named.run)
        return message, await neighbours.runs.letter(message)
    except RunUnknown as gone:
        raise _unknown("failed mail") from gone


def _unknown(what: str) -> Problem:
    return Problem(404, "unknown", f"There is no {what} with this id, or nothing is known of it any more.")
