"""Brings the filesets of a chunk into OMERO, each once: looks up, under a lock, what is there, and imports the rest."""

import logging
from collections.abc import Iterable

from flows.core.errors import CourierError
from flows.core.job import Job
from flows.core.ledger import STOPS
from flows.core.omero_client import (
    BegunImport,
    BegunJavaImport,
    ImportDetails,
    OmeroSession,
    ask_for_import,
    begin_java_import,
    confirm,
    find_duplicates,
    find_earlier_of,
    know_apart,
    link_to_target,
    plates_of,
)
from flows.core.omero_client.faults import means_lost
from flows.core.requests import Duplicates, Fileset, ImportedFileset, StagedFileset
from flows.core.transfer import clear_fileset

log = logging.getLogger(__name__)

MOST_LINES = 50
"""Files of an import whose log has a line for each; of more, the table of the run alone tells each."""


class Arrivals:
    """The filesets of a chunk at OMERO's door."""

    def __init__(self, job: Job, filesets: Iterable[Fileset]) -> None:
        """Take those that passed the stages before; `close` gives up what was begun and not finished."""
        self._job = job
        self._staged = {each.key: job.ledger.staged_of(each.key) for each in filesets}
        self._session: OmeroSession | None = None
        self._there: dict[str, ImportedFileset] = {}
        self._begun: dict[str, BegunImport | BegunJavaImport] = {}
        self._brought: dict[str, BegunImport] = {}
        """Imported, and not yet read back."""
        self._refused: dict[str, CourierError] = {}

    def open(self) -> None:
        """Look up what OMERO holds, and make filesets for the rest, so that nobody else imports the same meanwhile.

        Raises:
            CourierError: nothing of this chunk can be imported, or not now.
        """
        if not self._staged:
            return
        job = self._job
        session = self._session = job.account.session()
        try:
            self._make_ready()
            with job.surroundings.lock([each.fileset for each in self._staged.values()]):
                self._look_up(session)
                self._begin(session)
        except CourierError as error:
            job.account.let_go(error, session)
            raise

    def close(self) -> None:
        """Give up what was begun and not finished."""
        while self._begun:
            _, begun = self._begun.popitem()
            begun.abandon()

    def bring(self, fileset: Fileset) -> None:
        """Have OMERO import one of them; whether that counts, `read_back` finds out, and `settle` tells.

        Raises:
            CourierError: it is not in OMERO, and nothing of it is left there as far as OMERO can be asked.
        """
        key = fileset.key
        if (refused := self._refused.get(key)) is not None:
            raise refused
        if key in self._there:
            return
        job, session = self._job, self._session
        assert session is not None, "entered"
        with job.upload_slots:
            job.ledger.check()
            begun = self._begun.pop(key)
            try:
                if isinstance(begun, BegunImport):
                    begun.bring(job.ledger)
                    self._brought[key] = begun
                else:
                    self._there[key] = begun.finish(job.ledger)
            except CourierError as error:
                job.account.let_go(error, session)
                raise

    def read_back(self) -> None:
        """Look at what was brought into OMERO, all at once: to ask for each would cost as much as its import."""
        job, session = self._job, self._session
        brought, self._brought = self._brought, {}
        if not brought:
            return
        assert session is not None, "entered"
        found = confirm(session, list(brought.values()))
        for key, begun in brought.items():
            told = found[begun.run_key]
            if isinstance(told, CourierError):
                job.account.let_go(told, session)
                self._refused[key] = told
            else:
                self._there[key] = told

    def settle(self, fileset: Fileset) -> None:
        """Take note of one that was brought, and give up its copy.

        Raises:
            CourierError: it does not count; it is not in OMERO, as far as OMERO can be asked.
        """
        key = fileset.key
        if (refused := self._refused.get(key)) is not None:
            raise refused
        imported, job = self._there[key], self._job
        job.ledger.imported(imported)
        job.note_arrival(imported, [file.client_path for file in fileset.files], str(job.said(fileset).target))
        if len(job.filesets) <= MOST_LINES:
            what = "was in OMERO already" if imported.duplicate else "in OMERO"
            images = ", ".join(str(image.id) for image in imported.images[:10])
            log.info("%s: %s as image %s", imported.name, what, images)
        clear_fileset(self._staged[key], job.settings.staging, job.run_id)

    def sum_up(self) -> None:
        """Say in the log how many are in OMERO now, where not each has a line there: each costs Prefect's server."""
        there = [self._there[key].name for key in self._staged if self._job.ledger.is_done(key)]
        if there and len(self._job.filesets) > MOST_LINES:
            log.info("%d files are in OMERO: %s to %s", len(there), there[0], there[-1])

    def _make_ready(self) -> None:
        """Make targets, tags and attachments where they are missing; what this fails for is not imported."""
        for key, staged in self._staged.items():
            try:
                self._job.extras.make_ready(self._job.said(staged.fileset))
            except CourierError as error:
                if means_lost(error) or isinstance(error, STOPS):
                    raise
                self._refused[key] = error

    def _look_up(self, session: OmeroSession) -> None:
        job = self._job
        again = [key for key in self._staged if job.repeated or job.ledger.status(key).attempts]
        if again:
            keys = [job.run_key(key) for key in again]
            found = find_earlier_of(session, keys, control=job.ledger, wishes=self._wishes)
            self._there.update({each.key: self._with_plates(session, each) for each in found.values()})
        if job.request.duplicates is Duplicates.SKIP:
            self._pass_over_duplicates(session)

    def _wishes(self, run_key: str) -> ImportDetails:
        return self._job.details(self._staged[run_key.rpartition("/")[2]].fileset)

    def _pass_over_duplicates(self, session: OmeroSession) -> None:
        """Put what the user has already into the target, and leave for later what another import is about just now."""
        job = self._job
        new = [each for key, each in self._staged.items() if key not in self._there and key not in self._refused]
        held = find_duplicates(session, new, run_id=job.run_id, is_over=job.surroundings.is_over, control=job.ledger)
        self._refused.update(held.under_way)
        for key, duplicate in held.found.items():
            target = job.target(self._staged[key].fileset)
            link_to_target(session, duplicate.images, target)
            place = {"target_kind": target.kind, "target_id": target.id}
            self._there[key] = self._with_plates(session, duplicate.model_copy(update=place))

    def _with_plates(self, session: OmeroSession, there: ImportedFileset) -> ImportedFileset:
        if not self._staged[there.key].fileset.plate:
            return there
        plates = plates_of(session, [image.id for image in there.images])
        return there.model_copy(update={"plates": tuple(plates)})

    def _begin(self, session: OmeroSession) -> None:
        asked: dict[str, BegunImport] = {}
        try:
            for key in self._staged:
                if key not in self._there and key not in self._refused:
                    self._begin_one(session, key, asked)
        except CourierError as error:
            if not means_lost(error):
                self._know_apart(session, asked)  # what was begun is given up, and has to be known for that
            raise
        self._know_apart(session, asked)

    def _know_apart(self, session: OmeroSession, asked: dict[str, BegunImport]) -> None:
        if not asked:
            return
        late = know_apart(session, list(asked.values()))
        for key, each in asked.items():
            if (refused := late.get(each.run_key)) is not None:
                self._refused[key] = refused
            else:
                self._begun[key] = each

    def _begin_one(self, session: OmeroSession, key: str, asked: dict[str, BegunImport]) -> None:
        job, staged = self._job, self._staged[key]
        job.ledger.check()
        job.ledger.started(key)
        try:
            if job.wants_java(staged.fileset):
                self._begun[key] = self._begin_java(session, staged)
            else:
                asked[key] = self._ask(session, staged)
        except CourierError as error:
            if means_lost(error):
                raise
            # For example a name that OMERO does not take: no reason to hold up the others.
            self._refused[key] = error

    def _ask(self, session: OmeroSession, staged: StagedFileset) -> BegunImport:
        job, fileset = self._job, staged.fileset
        return ask_for_import(
            session,
            staged,
            target=job.target(fileset),
            details=job.details(fileset),
            run_key=job.run_key(fileset.key),
            placement=job.request.placement,
        )

    def _begin_java(self, session: OmeroSession, staged: StagedFileset) -> BegunJavaImport:
        job, fileset = self._job, staged.fileset
        return begin_java_import(
            session,
            staged,
            borrow=job.account.borrow,
            target=job.target(fileset),
            details=job.details(fileset),
            run_key=job.run_key(fileset.key),
            java=job.settings.java,
        )
