"""What the end of the Java importer means: its status together with what it said."""

import pytest

from flows.core.errors import (
    ImporterFailed,
    ImporterOutOfMemory,
    ImportRefused,
    NotPermitted,
    OmeroBusy,
    OmeroFull,
    OmeroMisused,
    OmeroUnavailable,
    SessionLost,
    SourceUnreadable,
    TargetNotFound,
    UploadCorrupted,
)
from flows.core.omero_client.java_importer.output import Result, event_in, results_in
from flows.core.omero_client.java_importer.process import Ended
from flows.core.omero_client.java_importer.verdict import failure_of

REFUSED = """ERROR ErrorHandler - INTERNAL_EXCEPTION: /data/cells.czi
java.lang.RuntimeException: Failure response on import!
Category: ::omero::grid::ImportRequest
Name: {name}
Parameters: {{stacktrace={trace}
\tat loci.formats.in.TiffReader.initFile(TiffReader.java:1)
, filename=/repo/cells.czi, message={message}}}

"""

ENDINGS = [
    # status, said, printed, kind, words
    (1, "No imports found\n\n Usage:  importer-cli", "", ImportRefused, "finds no image in this file"),
    (1, "unknown option", "", OmeroMisused, "called wrongly"),
    (0, "No imports due to errors!", "", ImportRefused, "finds no image in this file"),
    (0, "UNREADABLE_FILE: /x\nNo imports due to errors!", "", SourceUnreadable, "cannot open the file"),
    (0, "nothing to say", "", ImporterFailed, "ended well, but tells of no import"),
    (2, "java.lang.OutOfMemoryError: Java heap space", "", ImporterOutOfMemory, "Java heap space"),
    (3, "", "Terminating due to java.lang.OutOfMemoryError: Java heap space", ImporterOutOfMemory, "ran out of memory"),
    (3, "Failed to cleanup 1 files", "", ImporterFailed, "status 3"),
    (2, "omero.ChecksumValidationException", "", UploadCorrupted, "checksum"),
    (2, "Glacier2.PermissionDeniedException", "", SessionLost, "session"),
    (2, "omero.RemovedSessionException", "", SessionLost, "session"),
    (2, "Ice.ConnectionRefusedException", "", OmeroUnavailable, "did not answer"),
    (2, "Failed to look up domain name: omero.example.org", "", OmeroUnavailable, "omero.example.org"),
    (2, "omero.DatabaseBusyException", "", OmeroBusy, "busy"),
    (2, "omero.ResourceError: No space left on device", "", OmeroFull, "repository"),
    (2, "ERROR ImportLibrary - Cannot link to target", "", NotPermitted, "Cannot link to target"),
    (2, "ERROR ImportLibrary - Could not load target: Dataset:7", "", TargetNotFound, "Dataset:7"),
    (2, "loci.formats.UnknownFormatException: x", "", ImportRefused, "cannot read this file"),
    (2, "ERROR x - nobody knows this", "", ImporterFailed, "status 2. (It said: ERROR x - nobody knows this)"),
    (-9, "", "", ImporterFailed, "SIGKILL, as happens when the machine runs out of memory"),
    (137, "", "", ImporterFailed, "SIGKILL"),
    (-6, "", "", ImporterFailed, "SIGABRT"),
    (143, "", "", ImporterFailed, "SIGTERM"),
    (125, "", "", ImporterFailed, "status 125"),
]


def ended(status=0, said="", printed="", *, started=True):
    return Ended(status=status, started=started, printed=printed, said=said)


@pytest.mark.parametrize(("status", "said", "printed", "kind", "words"), ENDINGS)
def test_an_ending_without_a_result_has_a_meaning(*, status, said, printed, kind, words):
    failure = failure_of(ended(status, said, printed))

    assert type(failure) is kind
    assert words in failure.what


@pytest.mark.parametrize(
    ("name", "trace", "message", "kind"),
    [
        ("import-unknown-format", "loci.formats.UnknownFormatException: x", "x", ImportRefused),
        ("import-file-exception", "java.io.EOFException", "", ImportRefused),
        ("import-request-failure", "omero.ResourceError", "No space left on device", OmeroFull),
        ("cancel-called", "", "", SessionLost),
    ],
)
def test_what_omero_answered_means_what_it_means_to_our_own_importer(*, name, trace, message, kind):
    said = REFUSED.format(name=name, trace=trace, message=message)

    assert type(failure_of(ended(2, said))) is kind


def test_an_ending_before_java_was_started_is_told_apart():
    assert "before Java was started" in failure_of(ended(103, "No JAR files found", started=False)).what


def test_a_result_is_read_among_other_words():
    printed = "Terminating\n---\n- Fileset: 7\n  Plate: [5]\n  Image: [3,4]\n---\n- Fileset: 8\n"

    assert results_in(printed) == (
        Result(Fileset=7, Image=(3, 4), Plate=(5,)),
        Result(Fileset=8),
    )


@pytest.mark.parametrize("printed", ["", "Image:3,4\n"])
def test_where_there_is_no_result_there_is_none(printed):
    assert results_in(printed) == ()


@pytest.mark.parametrize("printed", ["---\n- Fileset: [7\n", "---\n- Image: [7]\n", "---\n7\n", "---\n- Fileset: x\n"])
def test_what_is_no_result_is_no_success(printed):
    with pytest.raises(ImporterFailed, match="no result"):
        results_in(printed)


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (
            "DEBUG LoggingImportMonitor - FILE_UPLOAD_BYTES uploaded: 50 of: 70 bytes (ETA: 0' 3\")",
            ("FILE_UPLOAD_BYTES", 50),
        ),
        ("INFO  LoggingImportMonitor - FILE_UPLOAD_STARTED: /data/a.czi", ("FILE_UPLOAD_STARTED", 0)),
        ("INFO  LoggingImportMonitor - PIXELDATA_PROCESSED Step: 2 of 5  Logfile: 99", ("PIXELDATA_PROCESSED", 2)),
        ("INFO  ImportConfig - OMERO.blitz Version: 5.8.3", None),
    ],
)
def test_progress_is_read_off_its_log(line, event):
    assert event_in(line) == event
