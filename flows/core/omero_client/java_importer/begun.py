"""Imports one fileset through OMERO's own importer: announced by a mark, run, found again in OMERO, and read back."""

import logging
import posixpath
from collections.abc import Callable
from pathlib import Path

from flows.core.control import Control
from flows.core.disk import as_shown
from flows.core.errors import (
    CourierError,
    DuplicateUnderWay,
    ImporterFailed,
    ImportRefused,
    OmeroFault,
)
from flows.core.omero_client.annotations import RUN, ImportDetails, annotations_for, record_provenance
from flows.core.omero_client.commands import delete_filesets
from flows.core.omero_client.faults import means_lost, speaking_to
from flows.core.omero_client.holdings import all_marked, comments_of, plates_of
from flows.core.omero_client.java_importer.command import environment, import_arguments, working_folder
from flows.core.omero_client.java_importer.entries import agree_with_disk, check_entries, name_entries
from flows.core.omero_client.java_importer.installation import find_java
from flows.core.omero_client.java_importer.marks import Mark, filesets_for, hang, take_down, write_mark
from flows.core.omero_client.java_importer.output import Result, results_in
from flows.core.omero_client.java_importer.process import Ended, run
from flows.core.omero_client.java_importer.progress import Progress
from flows.core.omero_client.java_importer.verdict import failure_of, refusal_in
from flows.core.omero_client.orders import repository_path
from flows.core.omero_client.processes import stop_all
from flows.core.omero_client.reading_back import read_back
from flows.core.omero_client.session import Borrowed, OmeroSession
from flows.core.omero_client.targets import ResolvedTarget
from flows.core.requests import ImportedFileset, StagedFileset
from flows.core.settings import Java

log = logging.getLogger(__name__)


def begin_java_import(
    session: OmeroSession,
    staged: StagedFileset,
    *,
    borrow: Callable[[], Borrowed],
    target: ResolvedTarget | None,
    details: ImportDetails,
    run_key: str,
    java: Java,
) -> "BegunJavaImport":
    """Announce an import in OMERO, by its marks; from now on everybody can find it, and what becomes of it.

    What was looked up, and this, stand under one lock; the import does not.

    Args:
        session: of the user who will own the images, in the group that they go into.
        staged: the files.
        borrow: gives a session in which the importer works: in its command line, so good for nothing else.
        target: the dataset or screen, or None for images without one.
        details: what is to be said of the images.
        run_key: `<run id>/<fileset key>`, by which a later attempt finds this one.
        java: the settings of the importer.

    Raises:
        ImporterMissing: it is not installed here.
        ImportRefused: Java cannot open a file of this name.
        DuplicateUnderWay: another attempt has begun the same meanwhile, without that lock; this one has left nothing.
        OmeroError: OMERO did not take the marks.
    """
    program, path = find_java(java), _path_for_java(staged)
    session.keep_alive()
    borrowed = borrow()
    try:
        mark = write_mark(session, staged.fileset, run_key, own=borrowed.session, path=path)
    except CourierError:
        borrowed.give_back()
        raise
    begun = BegunJavaImport(session, borrowed, staged, mark, program, target=target, details=details, java=java)
    begun.give_way()
    return begun


def _path_for_java(staged: StagedFileset) -> str:
    """Return the file that Bio-Formats opens, as OMERO will know it."""
    opened = staged.files[0]
    if as_shown(opened.path) != opened.path:
        raise ImportRefused(
            "The name of this file is no text, and Java cannot open it.",
            which=opened.client_path,
            advice="Rename the file, or import it with `importer: native`.",
        )
    return repository_path(opened.path)


class BegunJavaImport:
    """An import that is announced: to be finished or abandoned, once."""

    def __init__(
        self,
        session: OmeroSession,
        borrowed: Borrowed,
        staged: StagedFileset,
        mark: Mark,
        program: str,
        *,
        target: ResolvedTarget | None,
        details: ImportDetails,
        java: Java,
    ) -> None:
        """Note what its steps share."""
        self._session = session
        self._borrowed = borrowed
        self._is_borrowed = True
        self._staged = staged
        self._mark = mark
        self._program = program
        self._target = target
        self._details = details
        self._java = java

    def give_way(self) -> None:
        """Leave nothing, where another attempt announced the same before.

        Raises:
            DuplicateUnderWay: so it did.
        """
        with speaking_to(self._session.server.host, doing="looking for other attempts"):
            first = min(comments_of(self._session, RUN, [self._mark.run_key]))
        if first < self._mark.comment:
            self.abandon()
            raise DuplicateUnderWay("Another attempt of this import has begun with the same files.")

    def finish(self, control: Control) -> ImportedFileset:
        """Run the importer, and read the images back.

        Raises:
            ImportRefused: Bio-Formats or OMERO cannot read the files, or Bio-Formats wants others besides.
            SourceChanged: a file is not what was verified or staged.
            ImporterError: the importer did not do what it should.
            ImportCancelled: `control` said so, and the importer was ended.
            OmeroError: OMERO did not.
        """
        try:
            fileset, result = self._brought_in(control)
            imported = self._confirmed(fileset, result)
        except CourierError as error:
            if not means_lost(error):
                self._clear()
            raise
        finally:
            self._give_back()
        if self._target is None:
            return imported
        return imported.model_copy(update={"target_kind": self._target.kind, "target_id": self._target.id})

    def abandon(self) -> None:
        """Leave nothing of it, as far as OMERO can still be asked."""
        self._clear()
        self._give_back()

    def _give_back(self) -> None:
        """Give the session back, once."""
        if self._is_borrowed:
            self._is_borrowed = False
            self._borrowed.give_back()

    def _brought_in(self, control: Control) -> tuple[int, Result | None]:
        """Return the fileset in OMERO, and what the importer said of it where it lived to say it."""
        progress = Progress(
            self._staged,
            control,
            java=self._java,
            import_seconds=self._session.server.import_timeout,
            begun=self._hang,
        )
        ended = self._run(progress)
        for line in ended.said.splitlines():
            log.debug("%s", line)
        self._hang()
        with speaking_to(self._session.server.host, doing="looking for what was imported"):
            made = all_marked(self._session, "Fileset", RUN, [self._mark.run_key]).get(self._mark.run_key, [])
        results = results_in(ended.printed)
        if len(made) == 1 and ended.status != 0 and progress.done and refusal_in(ended.said) is None:
            log.warning("%s OMERO had done all its steps by then.", failure_of(ended).what)
            return made[0], results[0] if results else None
        if ended.status != 0 or not results:
            raise failure_of(ended)
        if made != [each.fileset for each in results]:
            raise ImporterFailed(
                f"The Java importer tells of filesets {[each.fileset for each in results]}, not {made}."
            )
        return made[0], results[0]

    def _run(self, progress: Progress) -> Ended:
        with working_folder(self._java) as folder:
            arguments = import_arguments(
                self._borrowed.session,
                self._staged.files[0].path,
                java=self._java,
                folder=folder,
                target=self._target,
                details=self._details,
            )
            return run(
                arguments,
                java=self._program,
                folder=folder,
                environment=environment(self._java, folder),
                watcher=progress,
            )

    def _hang(self) -> None:
        """Hang the mark on the fileset, once it is there."""
        with speaking_to(self._session.server.host, doing="marking an import"):
            hang(self._session, self._mark, filesets_for(self._session, self._mark))

    def _confirmed(self, fileset: int, result: Result | None) -> ImportedFileset:
        """Return the fileset as OMERO holds it, its files and images compared; say of them what is to be said."""
        session = self._session
        with speaking_to(session.server.host, doing="reading the images back"):
            check_entries(session, fileset, self._staged)
            agree_with_disk(self._staged)
            promised = len(result.images) if result and not result.plates else None
            held = read_back(session, fileset, promised=promised)
            if result and not {*result.images} <= {image.id for image in held.images}:
                raise OmeroFault("The Java importer tells of images that OMERO does not hold.")
            name_entries(session, fileset, self._staged)
            also = annotations_for(session, self._details)
            record_provenance(session, fileset, self._mark.run_key, [each.id for each in held.images], also=also)
            asked = self._target is not None and self._target.kind == "Screen"
            may_be = asked or self._staged.fileset.plate or (result is not None and bool(result.plates))
            plates = plates_of(session, [each.id for each in held.images]) if may_be else []
        name = posixpath.basename(repository_path(self._staged.files[0].client_path))
        key = self._mark.run_key.rpartition("/")[2]
        return ImportedFileset(key=key, name=name, fileset_id=fileset, images=held.images, plates=tuple(plates))

    def _clear(self) -> None:
        """Stop what OMERO still does for it, and remove what there is of it."""
        self._quietly(lambda: stop_all(self._borrowed.session))
        self._give_back()
        self._quietly(self._remove)

    def _remove(self) -> None:
        with speaking_to(self._session.server.host, doing="looking for a failed import"):
            made = all_marked(self._session, "Fileset", RUN, [self._mark.run_key]).get(self._mark.run_key, [])
            # Only its own: the mark may be another attempt's by now.
            own = {fileset for fileset in made if self._mark.comment in self._marks_on(fileset)}
            own |= set(filesets_for(self._session, self._mark))
        if own:
            delete_filesets(self._session, sorted(own))
        take_down(self._session, self._mark)

    def _marks_on(self, fileset: int) -> set[int]:
        rows = self._session.rows(
            "select l.child.id from FilesetAnnotationLink l where l.parent.id = :fileset", fileset=fileset
        )
        return {mark for (mark,) in rows}

    def _quietly(self, call: Callable[[], None]) -> None:
        """Do what belongs to the end of an import; its own failure is only logged, or it would hide a worse one."""
        try:
            call()
        except CourierError as error:
            log.warning("%s", error)


def opens_with_java(path: str, java: Java) -> bool:
    """Say whether `importer: auto` gives a file to the Java importer, by the ending of its name."""
    return java.jars is not None and Path(path).name.lower().endswith(java.formats)
