"""Follows one import of the Java importer: how far it is, whether it is still wanted, whether it takes too long."""

import time
from collections.abc import Callable

from flows.core.control import Control, Stage
from flows.core.errors import ImporterFailed
from flows.core.omero_client.java_importer.output import STEPS, event_in
from flows.core.omero_client.java_importer.process import Running
from flows.core.requests import StagedFileset
from flows.core.settings import Java


class Progress:
    """Watches one import."""

    def __init__(
        self, staged: StagedFileset, control: Control, *, java: Java, import_seconds: float, begun: Callable[[], None]
    ) -> None:
        """Begin to watch.

        Args:
            staged: what is imported.
            control: told of the bytes, asked whether to go on.
            java: how long it may take to begin and to upload.
            import_seconds: how long OMERO may take to read what was uploaded.
            begun: called once OMERO holds the fileset.
        """
        self._control = control
        self._key = staged.fileset.key
        self._total = sum(file.size for file in staged.files)
        self._begun = begun
        self._patience = {
            Stage.WAITING: java.start_seconds + java.file_seconds * len(staged.files),
            Stage.UPLOAD: java.start_seconds + java.file_seconds * len(staged.files) + self._total / java.rate,
            Stage.IMPORT: import_seconds,
            Stage.DONE: java.start_seconds,
        }
        self._files_done = 0
        self._of_this_file = 0
        self._paced = 0
        self.done = False
        """Whether OMERO has told the importer that it has done all its steps."""
        self._enter(Stage.WAITING)

    def _enter(self, stage: Stage) -> None:
        self._stage = stage
        self._deadline = time.monotonic() + self._patience[stage]

    def heard(self, line: str) -> None:
        """Take a line of the importer in."""
        if (event := event_in(line)) is None:
            return
        match event.name:
            case "FILESET_UPLOAD_START":
                self._enter(Stage.UPLOAD)
                self._tell(0)
                self._begun()
            case "FILE_UPLOAD_STARTED":
                self._files_done, self._of_this_file = self._files_done + self._of_this_file, 0
            case "FILE_UPLOAD_BYTES":
                self._of_this_file = max(self._of_this_file, event.done)
                self._tell(self._files_done + self._of_this_file)
            case "IMPORT_STARTED":
                self._enter(Stage.IMPORT)
                self._tell(0)
            case "IMPORT_DONE":
                self.done = True
                self._enter(Stage.DONE)
            case _ if event.done:
                self._tell(self._total * event.done // STEPS)

    def _tell(self, done: int) -> None:
        stage = Stage.UPLOAD if self._stage is Stage.UPLOAD else Stage.IMPORT
        self._control.moved(self._key, stage, min(done, self._total), self._total)

    def look(self, running: Running) -> None:
        """Go on, or raise what ends the import; while the machine is to be left alone the importer stands still.

        Raises:
            ImportCancelled: it is not wanted any more.
            RunPutOff: it is to go on later.
            ImporterFailed: it takes longer than it may.
        """
        before = time.monotonic()
        if self._stage is Stage.UPLOAD:
            with running.frozen():
                self._control.check()
                self._pace()
        else:
            self._control.check()
        self._deadline += time.monotonic() - before
        if time.monotonic() > self._deadline:
            raise ImporterFailed(f"The Java importer took longer than {self._patience[self._stage]:.0f} seconds.")

    def _pace(self) -> None:
        if new := self._files_done + self._of_this_file - self._paced:
            self._paced += new
            self._control.pace(new)
