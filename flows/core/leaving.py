"""What an import does with its files at its end, as it was asked to: moves or deletes them, and nothing unconfirmed.

The care is that of sweeps (`afterwards`): here is only which files, where, and whom OMERO is asked about.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from flows.core.afterwards.ground import Ground
from flows.core.afterwards.items import Arrived, Handled, Outcome
from flows.core.afterwards.names import SET_ASIDE, is_set_aside
from flows.core.afterwards.putting_away import put_away
from flows.core.afterwards.wishes import Afterwards
from flows.core.audit import AuditTrail
from flows.core.control import Stage
from flows.core.errors import (
    AttemptSuperseded,
    CourierError,
    ImportCancelled,
    OmeroBusy,
    OmeroUnavailable,
    RunPutOff,
    SourceAway,
    SourceError,
    SourceMissing,
)
from flows.core.job import Job
from flows.core.ledger import STOPS
from flows.core.omero_client import confirm_held
from flows.core.requests import AfterImport, Fileset, SourceFile
from flows.core.settings import Settings
from flows.core.sources import client_path
from flows.core.status import FILES_TOLD, FilesetStatus, PutAway
from flows.core.sweep.loading import load_sweeps
from flows.core.verify import Access, folder_holding

STOPPED = "stopped"
"""The code of what waits, since the process that should do it was to end."""
AWAY = frozenset({OmeroUnavailable().code, OmeroBusy().code})
DONE = frozenset({"moved", "deleted", "gone"})


def is_open(wish: AfterImport, statuses: Sequence[FilesetStatus]) -> bool:
    """Whether files that are in OMERO are still to be moved or deleted."""
    if wish is AfterImport.KEEP:
        return False
    return any(each.stage is Stage.DONE and (each.put_away is None or each.put_away.is_open) for each in statuses)


def without_what_was_put_away(job: Job, filesets: Sequence[Fileset]) -> tuple[Fileset, ...]:
    """Leave out what earlier imports have moved to the folder `imported`, unless it is asked for by name."""
    holders = _Holders(job.settings, job.request.on_behalf_of, ())
    access = job.access()
    if any(holders.is_set_aside(_real(access, source)) for source in job.request.sources):
        return tuple(filesets)
    return tuple(each for each in filesets if not holders.is_set_aside(each.files[0].path))


def _real(access: Access, path: str) -> str:
    """Return where a path, as clients write it, really leads; nothing where it leads nowhere that is allowed."""
    try:
        return access.allowed(client_path(path)).real_path
    except SourceError:
        return ""


def leave(job: Job, found: Sequence[Fileset], *, over: datetime, now: datetime | None = None) -> None:
    """Move or delete the files of what is in OMERO, and note in the ledger what became of each fileset.

    Nothing fails: what cannot be done is noted, with the reason, and the files stay.

    Args:
        job: the import.
        found: what its sources stand for now; what is not among it was moved, or has changed.
        over: when the import ended; the delay that was asked for counts from then.
        now: the time.

    Raises:
        AttemptSuperseded: another process has this in hand.
    """
    now = now or datetime.now(UTC)
    due = over + timedelta(hours=job.request.after_delay_hours)
    if now < due:
        for status in _open(job):
            job.ledger.put_away(status.key, _waits(job, due))
        return
    try:
        _Leaving(job, {each.key: _as_verified(job, each) for each in found}, over=over, now=now).do()
    except AttemptSuperseded:
        raise
    except (ImportCancelled, RunPutOff) as stopped:
        for status in _open(job):
            if status.put_away is None or status.put_away.outcome == "waiting":
                job.ledger.put_away(status.key, PutAway(outcome="waiting", reason=stopped.what, code=STOPPED))
    except CourierError as error:
        for status in _open(job):
            job.ledger.put_away(status.key, status.put_away or _kept(error))


def _as_verified(job: Job, fileset: Fileset) -> Fileset:
    """A file that was still being written when it was found was looked at once more."""
    return job.ledger.verified_of(fileset.key).fileset if job.ledger.has_verified(fileset.key) else fileset


def _open(job: Job) -> list[FilesetStatus]:
    statuses = [each for each in job.ledger.statuses() if each.stage is Stage.DONE]
    return [each for each in statuses if each.put_away is None or each.put_away.outcome not in DONE]


def _waits(job: Job, due: datetime) -> PutAway:
    done = "moved" if job.request.after_import is AfterImport.MOVE else "deleted"
    reason = f"To be {done} from {due.astimezone(UTC):%Y-%m-%d %H:%M} UTC on."
    return PutAway(outcome="waiting", reason=reason, code="delay", due=due)


class _Holders:
    """The folders that files are moved within: a swept folder, since it is looked through, else a root of the user."""

    def __init__(self, settings: Settings, user: str, swept: Iterable[Path]) -> None:
        self._user = user
        self._roots = {name: root for name, root in settings.roots.items() if root.station == settings.station}
        self._swept = [os.path.realpath(each) for each in swept]

    def of(self, path: str) -> str | None:
        """Return the folder that holds a path, with all links resolved."""
        swept = [each for each in self._swept if path.startswith(each.rstrip("/") + "/")]
        return max(swept, key=len) if swept else folder_holding(self._roots, self._user, path)

    def is_set_aside(self, path: str) -> bool:
        """Whether a path lies in what is set aside there."""
        if SET_ASIDE.isdisjoint(path.casefold().split("/")):
            return False  # the holder is looked up on disk, and not for each file
        holder = self.of(path)
        return holder is not None and is_set_aside(Path(path).relative_to(holder))


class _Leaving:
    """One pass over the filesets of an import."""

    def __init__(self, job: Job, found: Mapping[str, Fileset], *, over: datetime, now: datetime) -> None:
        self._job, self._found, self._over, self._now = job, found, over, now
        folder = job.settings.sweeps.folder
        sweeps = load_sweeps(folder, job.settings).values() if folder is not None else ()
        self._holders = _Holders(job.settings, job.request.on_behalf_of, [each.root for each in sweeps])
        self._grounds: dict[str, Ground] = {}
        self._away: PutAway | None = None

    def do(self) -> None:
        """Do what is open."""
        for status in _open(self._job):
            self._job.ledger.check()
            self._one(status)

    def _one(self, status: FilesetStatus) -> None:
        fileset = self._found.get(status.key)
        path = fileset.files[0].path if fileset else _real(self._job.access(), status.files[0])
        holder = self._holders.of(path)
        if holder is None:
            self._note(status, PutAway(outcome="kept", code="source-not-allowed", reason="It lies below no root."))
        elif self._away is not None:
            self._note(status, self._away)
        else:
            self._in(holder, status, fileset)

    def _in(self, holder: str, status: FilesetStatus, fileset: Fileset | None) -> None:
        ground = self._grounds.get(holder) or self._ground(holder)
        try:
            items = [] if fileset is None else [self._item(status, fileset)]
            handled = put_away(items, ground)
        except STOPS:
            raise
        except CourierError as error:
            self._note(status, _kept(error))
            return
        known = {each.item.fileset.key: _as_told(each, holder) for each in handled}
        for key, told in known.items():
            self._job.ledger.put_away(key, told)
        if status.key not in known:
            # Of a share that is not mounted nothing is there, either.
            empty = ground.below.is_empty()
            self._note(status, _kept(SourceAway(which=holder)) if empty else self._not_found(status))
        elif (told := known[status.key]).code in AWAY:
            # OMERO is asked once, not for each file.
            self._away = told

    def _ground(self, holder: str) -> Ground:
        job = self._job
        self._grounds[holder] = ground = Ground(
            who=None,
            run_id=job.run_id,
            server=job.server_name,
            root=Path(holder),
            afterwards=Afterwards(imported=job.request.after_import.value),
            quiet=None,
            roots={name: root for name, root in job.settings.roots.items() if root.station == job.settings.station},
            confirm=partial(_confirm, job),
            audit=AuditTrail(job.settings.audit).write,
            control=job.ledger,
            now=lambda: self._now,
        )
        return ground

    def _item(self, status: FilesetStatus, fileset: Fileset) -> Arrived:
        assert status.fileset_id is not None, "it is in OMERO"
        request = self._job.request
        return Arrived(
            fileset=fileset,
            run_id=self._job.run_id,
            user=request.on_behalf_of,
            at=self._over,
            fileset_id=status.fileset_id,
            group=request.group,
        )

    def _not_found(self, status: FilesetStatus) -> PutAway:
        if any(os.path.lexists(_real(self._job.access(), each)) for each in status.files):
            reason = "What lies there is not what was imported: files came, went or changed. It stays."
            return PutAway(outcome="kept", code="source-changed", reason=reason)
        return PutAway(outcome="gone", code="gone", reason="No file of it is there any more.")

    def _note(self, status: FilesetStatus, told: PutAway) -> None:
        self._job.ledger.put_away(status.key, told)


def _confirm(job: Job, item: Arrived, files: Sequence[SourceFile]) -> None:
    """See that OMERO holds the very bytes of these files; raises CourierError where it does not, or cannot say."""
    session = job.account.session()
    try:
        whole = len(files) == len(item.fileset.files)
        confirm_held(session, item.fileset_id, files, control=job.ledger, whole=whole)
    except CourierError as error:
        job.account.let_go(error, session)
        raise


def _kept(error: CourierError) -> PutAway:
    may_pass = error.transient or isinstance(error, SourceMissing)
    return PutAway(outcome="kept", code=error.code, reason=str(error), may_pass=may_pass)


def _as_told(handled: Handled, holder: str) -> PutAway:
    # Sweeps wait for their time; here it has come.
    outcome = Outcome.KEPT if handled.outcome is Outcome.WAITING else handled.outcome
    return PutAway(
        outcome=outcome.value,
        reason=handled.reason,
        code=handled.code,
        moved_to=tuple(str(Path(holder, each)) for each in handled.moved_to[:FILES_TOLD]),
        may_pass=handled.may_pass,
    )
