"""Asks OMERO, before anything is handed over, whether a user is known there and what they have; reads no file."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from flows.core.control import Control
from flows.core.errors import CourierError, LoginRefused, NotPermitted
from flows.core.omero_client import find_marked, sudo
from flows.core.settings import OmeroServer
from flows.core.sweep.outcomes import UNKNOWN_USER, in_omero
from flows.core.sweep.verdicts import Decision, Verdict

log = logging.getLogger(__name__)

OMERO_AWAY = "omero-away"
NOT_A_MEMBER = "not-a-member"


def asked_of_omero(decisions: Iterable[Decision], server: OmeroServer, control: Control) -> Iterator[Decision]:
    """Yield what is decided about new filesets once OMERO was asked, user by user.

    Of a user whom OMERO does not know everything is set aside; what OMERO holds with the same paths, sizes and times is
    imported already, also where the sweep's memory was deleted. While OMERO does not answer everything waits.
    """
    for (user, group), theirs in groupby(sorted(decisions, key=_whose), key=_whose):
        control.check()
        yield from _of_user(list(theirs), server, user, group or None)


def _of_user(decisions: Sequence[Decision], server: OmeroServer, user: str, group: str | None) -> Iterator[Decision]:
    try:
        with sudo(server, user, group=group) as session:
            known = find_marked(session, [each.fileset for each in decisions if each.fileset is not None])
            session.kill()
    except LoginRefused as unknown:
        yield from (_with(each, Verdict.QUARANTINED, UNKNOWN_USER, unknown) for each in decisions)
        return
    except NotPermitted as refused:
        yield from (_with(each, Verdict.QUARANTINED, NOT_A_MEMBER, refused) for each in decisions)
        return
    except CourierError as away:
        log.warning("%s", away)
        yield from (_with(each, Verdict.WAITING, OMERO_AWAY, away) for each in decisions)
        return
    for each in decisions:
        held = known.get(each.fileset.key) if each.fileset is not None else None
        if held is None:
            yield each
            continue
        update = {"verdict": Verdict.IMPORTED, "code": "imported", "reason": in_omero(None, duplicate=True)}
        yield each.model_copy(update=update | {"omero_id": held.fileset_id})


def _with(decision: Decision, verdict: Verdict, code: str, error: CourierError) -> Decision:
    reason = f"{error.what} {error.advice}".strip()
    return decision.model_copy(update={"verdict": verdict, "code": code, "reason": reason})


def _whose(decision: Decision) -> tuple[str, str]:
    assert decision.assignment is not None, "what is new has one"
    return decision.assignment.user, decision.assignment.group or ""
