"""The locks of the courier, Prefect's global limits of 1: of imports while they look up and begin, and of sweeps."""

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client

from flows.core.errors import OmeroBusy, SweepUnderWay, UnexpectedFault
from flows.core.names import STRIPES, lock_name, sweep_lock
from flows.core.requests import Fileset
from flows.patience import patiently

log = logging.getLogger(__name__)

LEASE = 60.0
"""Seconds until the lock of a process that died is free again: the shortest that Prefect offers."""
LOOK = 0.3
"""Seconds between the first two tries to take it; each further one waits longer."""
LONGEST_LOOK = 2.0
"""Seconds between two tries at most."""
_turns: dict[tuple[str, ...], threading.Lock] = {}
"""Of the threads of a process that want the same locks one asks Prefect: each try costs its server something."""
_LOCKED = 423


@contextmanager
def striped_lock(
    filesets: Sequence[Fileset],
    *,
    whose: Sequence[str],
    check: Callable[[], None] = lambda: None,
    client: SyncPrefectClient | None = None,
) -> Iterator[None]:
    """Keep out, for the time of the block, every import of the same user that may be about the same files.

    All stripes are taken in one step, so that two imports never wait for each other.

    Args:
        filesets: what the import is about.
        whose: the OMERO server and the user.
        check: called while waiting; what it raises ends the wait.
        client: of Prefect, by default one for this lock only.

    Raises:
        OmeroBusy: the lock was lost meanwhile: what was looked up may not hold any more.
        UnexpectedFault: the locks were never made.
    """
    with _held({lock_name(stripe(whose, each)) for each in filesets}, check, client):
        yield


@contextmanager
def named_lock(
    names: Sequence[str],
    *,
    whose: Sequence[str],
    check: Callable[[], None] = lambda: None,
    client: SyncPrefectClient | None = None,
) -> Iterator[None]:
    """Keep out, for the time of the block, every import that makes something of one of these names.

    Never held while another lock is waited for, so that two imports never wait for each other.

    Args:
        names: of projects, datasets, screens, tags or files, told apart by group and kind.
        whose: the OMERO server.
        check: called while waiting; what it raises ends the wait.
        client: of Prefect, by default one for this lock only.

    Raises:
        OmeroBusy: the lock was lost meanwhile: what was looked up may not hold any more.
        UnexpectedFault: the locks were never made.
    """
    with _held({lock_name(_number([*whose, "name", each])) for each in names}, check, client):
        yield


@contextmanager
def _held(names: Collection[str], check: Callable[[], None], shared: SyncPrefectClient | None) -> Iterator[None]:
    if not names:
        yield
        return
    with nullcontext(shared) if shared is not None else get_client(sync_client=True) as client:
        lease = patiently(lambda: _take(client, sorted(names), check), check=check)
        try:
            with _kept(client, lease) as lost:
                yield
        finally:
            _release(client, lease)
        if lost.is_set():
            raise OmeroBusy("The lock of this import was lost while it was looked up what OMERO holds.")


@contextmanager
def alone(sweep: str) -> Iterator[threading.Event]:
    """Keep every other sweep of the same folder out for the time of the block; the event says that the lock was lost.

    Raises:
        SweepUnderWay: there is one.
        UnexpectedFault: the lock was never made.
    """
    with get_client(sync_client=True) as client:
        if (lease := patiently(lambda: _try(client, [sweep_lock(sweep)]))) is None:
            raise SweepUnderWay
        try:
            with _kept(client, lease) as lost:
                yield lost
        finally:
            _release(client, lease)


def stripe(whose: Sequence[str], fileset: Fileset) -> int:
    """Return the lock of a fileset: the same for the same content, wherever it lies and whatever it is called."""
    return _number([*whose, sorted(file.size for file in fileset.files)])


def _number(what: Sequence[object]) -> int:
    return int.from_bytes(hashlib.sha256(json.dumps(what).encode()).digest()[:4]) % STRIPES


def _take(client: SyncPrefectClient, names: Sequence[str], check: Callable[[], None]) -> UUID:
    with _at_its_turn(tuple(names), check):
        pause = LOOK
        while True:
            check()
            if (lease := _try(client, names)) is not None:
                return lease
            time.sleep(pause)
            pause = min(pause * 1.3, LONGEST_LOOK)


@contextmanager
def _at_its_turn(names: tuple[str, ...], check: Callable[[], None]) -> Iterator[None]:
    """Let threads that want the same locks ask one after the other; nobody waits for who wants others."""
    turn = _turns.setdefault(names, threading.Lock())
    while not turn.acquire(timeout=LOOK):
        check()
    try:
        yield
    finally:
        turn.release()


def _try(client: SyncPrefectClient, names: Sequence[str]) -> UUID | None:
    """Take all of these locks, or none when one of them is taken."""
    try:
        answer = client.increment_concurrency_slots_with_lease(
            names=list(names), slots=1, mode="concurrency", lease_duration=LEASE
        ).json()
    except httpx.HTTPStatusError as refused:
        if refused.response.status_code != _LOCKED:
            raise
        return None
    if not answer["limits"]:
        raise UnexpectedFault("The locks of the courier are not there.", advice="Run `make deploy`.")
    return UUID(answer["lease_id"])


def _release(client: SyncPrefectClient, lease: UUID) -> None:
    try:
        client.release_concurrency_slots_with_lease(lease)
    except httpx.HTTPError as away:
        log.warning("Prefect does not answer, the lock is free in a minute: %s", type(away).__name__)


@contextmanager
def _kept(client: SyncPrefectClient, lease: UUID) -> Iterator[threading.Event]:
    """Renew the lease for the time of the block; the event says that it was lost."""
    over, lost = threading.Event(), threading.Event()

    def renew() -> None:
        while not over.wait(LEASE / 3):
            try:
                client.renew_concurrency_lease(lease_id=lease, lease_duration=LEASE)
            except httpx.HTTPError:
                lost.set()
                return

    thread = threading.Thread(target=renew, name="lock", daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        over.set()
        thread.join()
