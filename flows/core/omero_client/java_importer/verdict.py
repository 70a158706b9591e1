"""Says what the end of the Java importer means, in the courier's own failures.

Its exit status alone says little (omero-blitz: CommandLineImporter): 1 is a wrong call or a file that no reader knows,
2 is any failure, 3 a failed clean-up or a heap that was too small, and 0 comes even when the only file could not be
read. So the status is looked at together with what was printed.
"""

import re
import signal
from typing import NamedTuple

from flows.core.errors import (
    CourierError,
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
from flows.core.omero_client.faults import Refusal, failure_of_answer
from flows.core.omero_client.java_importer.process import Ended

NO_READER = "No imports found"
UNREADABLE = "No imports due to errors!"
BY_SIGNAL = 128
"""What shells, and containers, add to the number of a signal."""
_LONGEST = 300

_REFUSAL = re.compile(r"Failure response on import!\s+Category: \S+\s+Name: (\S+)\s+Parameters: \{(.*)", re.DOTALL)
_MESSAGE = re.compile(r"\bmessage=(.*?)(?:, (?:stacktrace|filename)=|\}\s*$|\}\s*\n)", re.DOTALL)
_TRACE = re.compile(r"\bstacktrace=(.*)", re.DOTALL)


class Meaning(NamedTuple):
    """What something in its log means."""

    pattern: re.Pattern[str]
    kind: type[CourierError]
    sentence: str


_MEANINGS = tuple(
    Meaning(re.compile(pattern), kind, sentence)
    for pattern, kind, sentence in (
        # The first that is found counts: what explains others comes before what only follows from it.
        (r"OutOfMemoryError", ImporterOutOfMemory, "The Java importer ran out of memory."),
        (
            r"ChecksumValidationException",
            UploadCorrupted,
            "OMERO's checksum of the upload differs from the importer's.",
        ),
        (
            r"RemovedSession|SessionTimeout|SessionNotExist|PermissionDeniedException|Bad session key",
            SessionLost,
            "The OMERO session of the Java importer ended.",
        ),
        (
            r"ConnectionRefused|ConnectTimeout|ConnectionLost|DNSException|domain name|ShutdownInProgress",
            OmeroUnavailable,
            "OMERO did not answer the Java importer.",
        ),
        (
            r"ConcurrencyException|OverUsageException|LockTimeout|DatabaseBusy|TryAgain",
            OmeroBusy,
            "OMERO is busy and asks to come back later.",
        ),
        (r"ResourceError|No space left", OmeroFull, "OMERO cannot write to its repository."),
        (r"Cannot link to target|SecurityViolation", NotPermitted, "OMERO does not allow this user to do that."),
        (r"Could not load target", TargetNotFound, "The Java importer does not find the target."),
        (r"FilePathNamingException", ImportRefused, "OMERO does not accept the name of this file."),
        (
            r"UnknownFormatException|FormatException|MissingLibraryException|UNKNOWN_FORMAT",
            ImportRefused,
            "The Java importer cannot read this file.",
        ),
        (r"UNREADABLE_FILE|FileNotFoundException", SourceUnreadable, "The Java importer cannot open the file."),
    )
)


def failure_of(ended: Ended) -> CourierError:
    """Say in the courier's words why there is no result.

    Args:
        ended: of an importer that told of no fileset, or whose status is not 0.
    """
    if (refusal := refusal_in(ended.said)) is not None:
        return failure_of_answer(refusal, doing="importing with OMERO's own importer")
    for meaning in _MEANINGS:
        if found := meaning.pattern.search(f"{ended.said}\n{ended.printed}"):
            return meaning.kind(f"{meaning.sentence}{_line_of(found)}")
    return _of_status(ended)


def refusal_in(said: str) -> Refusal | None:
    """Return what OMERO answered, where the importer was told that the import failed."""
    if not (found := _REFUSAL.search(said)):
        return None
    message, trace = _MESSAGE.search(found[2]), _TRACE.search(found[2])
    return Refusal(found[1], message[1] if message else "", trace[1] if trace else "")


def _of_status(ended: Ended) -> CourierError:
    last = _last_line(ended.said)
    match ended.status:
        case status if status < 0 or status > BY_SIGNAL:
            number = -status if status < 0 else status - BY_SIGNAL
            return ImporterFailed(f"The Java importer was ended by {_signal(number)}.{last}")
        case _ if NO_READER in ended.said or UNREADABLE in ended.said:
            return ImportRefused("Bio-Formats, in the Java importer, finds no image in this file that it can read.")
        case 0:
            return ImporterFailed(f"The Java importer ended well, but tells of no import.{last}")
        case _ if not ended.started:
            return ImporterFailed(f"`omero import` ended with status {ended.status} before Java was started.{last}")
        case 1:
            return OmeroMisused(f"The Java importer says that it was called wrongly.{last}")
        case status:
            return ImporterFailed(f"The Java importer ended with status {status}.{last}")


def _signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    # Nobody else sends it: the kernel ends whom it finds too large.
    return f"{name}, as happens when the machine runs out of memory" if name == "SIGKILL" else name


def _line_of(found: re.Match[str]) -> str:
    start = found.string.rfind("\n", 0, found.start()) + 1
    end = found.string.find("\n", found.end())
    return _cited(found.string[start : end if end >= 0 else None])


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return _cited(lines[-1]) if lines else ""


def _cited(line: str) -> str:
    text = line.strip()
    return f" (It said: {text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'})"
