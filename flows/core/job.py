"""What every stage of one run needs to know, and what they find out together."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from pydantic import SecretStr

from flows.core.account import Account
from flows.core.audit import AuditEntry, note
from flows.core.errors import StagingFailed, UnknownServer
from flows.core.ledger import Ledger
from flows.core.metadata.extras import Extras
from flows.core.metadata.plan import Plan, Said
from flows.core.mounts import Mounts
from flows.core.notify import receivers
from flows.core.omero_client import (
    Alone,
    ImportDetails,
    ResolvedTarget,
    alone_here,
    find_java,
    opens_with_java,
)
from flows.core.remotes import Connections
from flows.core.requests import Fileset, ImportedFileset, Importer, ImportRequest, Placement, Staging, run_title
from flows.core.settings import Settings
from flows.core.transfer import clear_run
from flows.core.verify.roots import Access

log = logging.getLogger(__name__)


class Chunk:
    """Filesets that pass the stages together. No dataclass: Prefect looks through all that is in one, for each task."""

    def __init__(self, filesets: tuple[Fileset, ...]) -> None:
        """Put them together."""
        self.filesets = filesets

    def __str__(self) -> str:
        """Say what is in it, for the names of its task runs."""
        first, last = self.filesets[0].name, self.filesets[-1].name
        return first if len(self.filesets) == 1 else f"{len(self.filesets)} files, {first} to {last}"


@contextmanager
def no_lock(filesets: Sequence[Fileset]) -> Iterator[None]:
    """Keep nobody out: where there is only one process."""
    yield


@dataclass(frozen=True)
class Surroundings:
    """What an attempt asks of what surrounds it."""

    carried: Callable[[], SecretStr | None] = lambda: None
    """Gives the user's own session key, where one came with the import."""
    permit: Callable[[], None] = lambda: None
    """Raises when another attempt has taken over."""
    lock: Callable[[Sequence[Fileset]], AbstractContextManager[None]] = no_lock
    """Keeps out other imports of the same files while it is looked up what OMERO holds."""
    naming: Alone = alone_here
    """Keeps out others that make a project, dataset, screen, tag or attachment of the same name."""
    give_way: Callable[[], None] = lambda: None
    """Has a bulk import begin no further filesets while people wait for their images."""
    is_over: Callable[[str], bool] = lambda run_id: False
    """Whether a run has ended, so that what it left half-done belongs to nobody."""


class Job:
    """One attempt of one import, for one user, into one OMERO server."""

    def __init__(
        self,
        run_id: str,
        request: ImportRequest,
        settings: Settings,
        *,
        attempt: int = 1,
        ledger: Ledger | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        """Take up a request; nothing is asked of OMERO yet. An earlier attempt may have brought in some of it already.

        Raises:
            UnknownServer: the settings do not say into which server this process imports.
        """
        self.run_id = run_id
        self.request = request
        self.settings = settings
        self.server_name = _server_name(settings)
        self.server = settings.servers[self.server_name]
        self.repeated = attempt > 1
        self.ledger = ledger or Ledger()
        self.surroundings = surroundings or Surroundings()
        self.keeps_copies = False
        """Whether a later attempt goes on with what was copied."""
        self.account = self._account(attempt)
        self.upload_slots = threading.Semaphore(self.server.filesets_per_run)
        """As many filesets of this run may be in OMERO's hands at once."""
        self.found: tuple[Fileset, ...] = ()
        """What the sources were found to hold."""
        self.filesets: tuple[Fileset, ...] = ()
        """What of it is still to be imported."""
        self.told: set[tuple[str, str]] = set()
        """Receiver and subject of the messages that arrived."""
        self.connections = Connections(settings.remotes)
        """What reaches files on other machines."""
        self._access: Access | None = None
        self.notes: tuple[str, ...] = ()
        """What people should know besides what became of each file."""
        self.extras = Extras(self.account, request, self.surroundings.naming, self.ledger, run_id)

    def _account(self, attempt: int) -> Account:
        return Account(
            self.server,
            user=self.request.on_behalf_of,
            group=self.request.group,
            run_id=self.run_id,
            attempt=attempt,
            carried=self.surroundings.carried,
            permit=self.surroundings.permit,
            deleted=self._note_deleted,
        )

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the OMERO session, and remove what is left of the copies, unless a later attempt wants them."""
        self.account.close()
        self.connections.close()
        if self.keeps_copies:
            return
        try:
            clear_run(self.settings.staging, self.run_id)
        except StagingFailed as failed:
            log.warning("%s", failed)

    def check_importer(self, filesets: Sequence[Fileset]) -> None:
        """See that OMERO's own importer is there, where it is wanted, before anything is copied.

        Raises:
            ImporterMissing: it is not.
        """
        if any(map(self.wants_java, filesets)):
            find_java(self.settings.java)

    def aim(self, plan: Plan) -> None:
        """Settle what is said of each fileset and where it goes, and check it, before anything is copied.

        Raises:
            TargetNotFound: there is no target or annotation of that id, or it is ambiguous.
            NotPermitted: the user may not write there.
            SourceError: a file that is to be attached is not there.
        """
        self.notes = plan.notes
        self.extras.settle(plan, self.access(), self.settings.metadata)
        for each in plan.notes:
            log.warning("%s", each)

    @property
    def staging(self) -> Staging:
        """Whether files are copied first; those that OMERO gets in place are read where they are."""
        asked, placement = self.request.staging, self.request.placement
        return Staging.DIRECT if asked is Staging.AUTO and placement is not Placement.UPLOAD else asked

    def access(self) -> Access:
        """Return what the user may read; asks OMERO who they are when that is not known yet."""
        if self._access is None:
            session = self.account.session()
            self._access = Access(
                user=session.user,
                groups=session.groups,
                roots=self.settings.roots,
                remotes=self.settings.remotes,
                connections=self.connections,
                mounts=Mounts.of(self.settings.mounts, self.request.workstation),
                here=self.settings.station,
            )
        return self._access

    def run_key(self, fileset_key: str) -> str:
        """Name a fileset of this run: the mark by which a later attempt finds it in OMERO."""
        return f"{self.run_id}/{fileset_key}"

    def said(self, fileset: Fileset) -> Said:
        """Return what is said of a fileset, and where it goes."""
        return self.extras.said(fileset.key)

    def target(self, fileset: Fileset) -> ResolvedTarget:
        """Return the target of a fileset in OMERO, made when it is first asked for."""
        return self.extras.target(self.said(fileset))

    def wants_java(self, fileset: Fileset) -> bool:
        """Say whether OMERO's own importer is to bring in a fileset."""
        if self.request.importer is Importer.AUTO:
            in_place = self.request.placement is not Placement.UPLOAD
            return not in_place and opens_with_java(fileset.path, self.settings.java)
        return self.request.importer is Importer.JAVA

    def details(self, fileset: Fileset) -> ImportDetails:
        """Return what the user wants to be said of the images of a fileset."""
        return self.extras.details(self.said(fileset))

    def note_arrival(self, fileset: ImportedFileset, sources: Sequence[str] = (), target: str = "") -> None:
        """Note in the audit trail that a fileset was `imported`, or `skipped` since its user had it already."""
        images = tuple(image.id for image in fileset.images)
        what = "skipped" if fileset.duplicate else "imported"
        self._note(what, target=target, sources=tuple(sources), images=images)

    def note_request(self, who: str) -> None:
        """Note in the audit trail that this import was asked for."""
        self._note("import", who=who, sources=tuple(self.request.sources))

    def _note_deleted(self, filesets: tuple[int, ...]) -> None:
        self._note("deleted", filesets=filesets)

    def _note(self, action: str, target: str = "", who: str | None = None, **what: tuple[Any, ...]) -> None:
        entry = AuditEntry(
            when=datetime.now(UTC),
            action=action,
            who=who,
            server=self.server_name,
            as_whom=self.request.on_behalf_of,
            import_id=self.run_id,
            target=target or self.target_text or None,
            group=self.request.group,
            **what,
        )
        note(self.settings.audit, entry)

    @property
    def receivers(self) -> tuple[str, ...]:
        """Who is told: whom the request names, else the address in the user's OMERO profile."""
        return receivers(self.request.notify, self.account.email if self.settings.notifications.mail else None)

    @property
    def knows_whom_to_tell(self) -> bool:
        """Whether nobody is left to be found who wants to hear of this."""
        return bool(self.receivers) or self.account.met or self.settings.notifications.mail is None

    @property
    def target_text(self) -> str:
        """The target as OMERO's command line writes it."""
        return self.extras.target_text

    @property
    def resolved(self) -> ResolvedTarget | None:
        """The target in OMERO, once something was imported into it; None where there are several."""
        return self.extras.only_target

    @property
    def title(self) -> str:
        """Name the run after what it imports."""
        names = [status.name for status in self.ledger.statuses()]
        return run_title(self.request.on_behalf_of, names, self.target_text) if names else self.request.title

    @property
    def tags(self) -> set[str]:
        """Return what the API finds the run by."""
        return {f"user:{self.request.on_behalf_of}", f"server:{self.server_name}"}


def _server_name(settings: Settings) -> str:
    if settings.server is not None:
        return settings.server
    if len(settings.servers) == 1:
        return next(iter(settings.servers))
    raise UnknownServer("This deployment does not say into which OMERO server it imports.", advice="Run `make deploy`.")
