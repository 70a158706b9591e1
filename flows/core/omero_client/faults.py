"""Turns what Ice and OMERO raise or answer into the courier's own failures; nothing else in the product knows theirs.

Keys and stack traces are blanked in the originals too, since tracebacks print causes.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import Glacier2
import Ice
import omero
import omero.clients

from flows.core.errors import (
    CourierError,
    ImportRefused,
    LoginRefused,
    NotPermitted,
    OmeroBusy,
    OmeroError,
    OmeroFault,
    OmeroFull,
    OmeroMisused,
    OmeroUnavailable,
    SessionLost,
    UploadCorrupted,
)

_KEY = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_TEXT_LIMIT = 300

_EXCEPTIONS: tuple[tuple[type[Exception], type[CourierError], str], ...] = (
    # The first that fits counts, so the special ones come before the general ones.
    (omero.ShutdownInProgress, OmeroUnavailable, "OMERO is shutting down."),
    (omero.SessionException, SessionLost, "The OMERO session ended while it was in use."),
    (Glacier2.SessionNotExistException, SessionLost, "The OMERO session ended while it was in use."),
    (Ice.ObjectNotExistException, SessionLost, "OMERO has forgotten this session or what was opened in it."),
    (omero.ConcurrencyException, OmeroBusy, "OMERO is busy and asks to come back later."),
    (omero.ChecksumValidationException, UploadCorrupted, "OMERO's checksum of the upload differs from ours."),
    (omero.FilePathNamingException, ImportRefused, "OMERO does not accept the name of this file."),
    (omero.ResourceError, OmeroFull, "OMERO cannot write to its repository."),
    (omero.SecurityViolation, NotPermitted, "OMERO does not allow this user to do that."),
    (omero.ApiUsageException, OmeroMisused, "OMERO says that the courier called it wrongly."),
    (omero.ServerError, OmeroFault, "OMERO had an internal error."),
    (Glacier2.PermissionDeniedException, LoginRefused, "OMERO refused the login."),
    (omero.AuthenticationException, LoginRefused, "OMERO refused the login."),
    (omero.ExpiredCredentialException, LoginRefused, "The password has expired."),
    (Glacier2.CannotCreateSessionException, OmeroFault, "OMERO could not open a session."),
    (Ice.SecurityException, OmeroUnavailable, "No encrypted connection to OMERO could be made."),
    (Ice.TimeoutException, OmeroUnavailable, "OMERO does not answer in time."),
    (Ice.UnknownException, OmeroFault, "OMERO had an internal error."),
    (Ice.RequestFailedException, OmeroMisused, "OMERO does not know the call that the courier made."),
    (
        Ice.MarshalException,
        OmeroMisused,
        "OMERO and the courier do not understand each other: versions that do not fit?",
    ),
    (Ice.LocalException, OmeroUnavailable, "OMERO does not answer."),
    (omero.ClientError, OmeroMisused, "The OMERO library was called wrongly."),
)

_UNREADABLE = re.compile(r"FormatException|MissingLibraryException|UnsupportedCompression|EOFException")
_FAULTY_DISK = re.compile(r"java\.io\.(?!EOFException)")
_NO_ROOM = re.compile(r"No space left|disk full|ResourceError", re.IGNORECASE)
_ERR_NAMES: dict[str, tuple[type[CourierError], str]] = {
    "import-unknown-format": (ImportRefused, "OMERO knows no image format that fits this file."),
    "import-missing-library": (ImportRefused, "OMERO lacks a library that this image format needs."),
    "import-file-exception": (ImportRefused, "OMERO cannot read this file."),
    "error-on-init": (OmeroFault, "OMERO could not begin to read the file."),
    "import-request-failure": (OmeroFault, "OMERO failed while it read the file."),
    "bad-location": (OmeroMisused, "OMERO does not find the uploaded file."),
    # Not by us, who would not ask for the answer: OMERO cancels what a session does when that ends.
    "cancel-called": (SessionLost, "OMERO broke the import off, as it does when its session ends."),
}


@dataclass(frozen=True)
class Refusal:
    """OMERO's answer that a command failed (omero-blitz: omero.cmd.ERR, Helper.fail)."""

    name: str
    """For example `import-unknown-format`."""
    message: str
    """What the exception in the server said, without its class."""
    trace: str = ""
    """Its stack trace, which begins with its class: looked at, never shown."""


def blank(text: str) -> str:
    """Return the text without anything that could be a session key: OMERO's are UUIDs."""
    return _KEY.sub("<key>", text)


def failure_of(error: Exception, *, doing: str) -> CourierError:
    """Say in the courier's words what an exception of Ice or OMERO means.

    Args:
        error: what was raised; blanked in place.
        doing: what we were about, for example `logging in`.
    """
    _blank_in_place(error)
    kind, sentence = _meaning(error)
    text = _text(error)
    detail = f"{type(error).__module__}.{type(error).__name__}" + (f": {text}" if text else "")
    return kind(f"{sentence} (While {doing}: {detail})")


def failure_of_answer(refusal: Refusal, *, doing: str) -> CourierError:
    """Say what an answer of OMERO means that a command failed (omero-blitz: ManagedImportRequestI)."""
    kind, sentence = _ERR_NAMES.get(refusal.name, (OmeroFault, "OMERO had an internal error."))
    said = f"{refusal.message}\n{refusal.trace}"
    if _NO_ROOM.search(said):
        kind, sentence = OmeroFull, "OMERO cannot write to its repository."
    elif kind is OmeroFault and _UNREADABLE.search(said):
        kind, sentence = ImportRefused, "OMERO cannot read this file."
    elif kind is ImportRefused and _FAULTY_DISK.match(refusal.trace or refusal.message):
        kind = OmeroFault
    text = _short(refusal.message)
    return kind(f"{sentence} (While {doing}: {refusal.name}" + (f": {text})" if text else ")"))


@contextmanager
def speaking_to(host: str, *, doing: str) -> Iterator[None]:
    """Convert whatever Ice or OMERO raises in the block.

    Raises:
        OmeroError: OMERO, or the way to it, failed.
    """
    try:
        yield
    except (Ice.Exception, omero.ClientError) as error:
        raise failure_of(error, doing=f"{doing} at {host}") from error


def means_lost(error: CourierError) -> bool:
    """Say whether nothing more can be asked in this session, not even to clean up."""
    return isinstance(error, SessionLost | OmeroUnavailable)


def _meaning(error: Exception) -> tuple[type[CourierError], str]:
    if isinstance(error, omero.WrappedCreateSessionException):
        return _of_login(error)
    if isinstance(error, omero.ClientError) and "null object" in str(error):
        # What omero-py says after three time-outs of the connection.
        return OmeroUnavailable, "OMERO does not answer."
    for raised, kind, sentence in _EXCEPTIONS:
        if isinstance(error, raised):
            return kind, sentence
    return OmeroError, "OMERO did not do what it was asked."


def _of_login(error: Any) -> tuple[type[CourierError], str]:
    """Look into the envelope in which OMERO hands on what went wrong when it made a session."""
    if error.concurrency:
        return OmeroBusy, "OMERO is busy and asks to come back later."
    if re.search(r"Security|Permission|Authentication|Credential|ApiUsage", error.type):
        return LoginRefused, "OMERO refused to open a session."
    return OmeroFault, "OMERO could not open a session."


def _text(error: Any) -> str:
    if isinstance(error, Ice.SyscallException) and error.error:
        return os.strerror(error.error)
    for field in ("message", "reason", "unknown", "operation"):
        if text := getattr(error, field, ""):
            return _short(str(text))
    return _short(str(error)) if isinstance(error, omero.ClientError) else ""


def _short(text: str) -> str:
    line = next((line.strip() for line in blank(text).splitlines() if line.strip()), "")
    return line if len(line) <= _TEXT_LIMIT else line[: _TEXT_LIMIT - 1] + "…"


def _blank_in_place(error: Any) -> None:
    for field, value in list(vars(error).items()):
        if field == "serverStackTrace":
            setattr(error, field, "")
        elif isinstance(value, str):
            setattr(error, field, blank(value))
        elif isinstance(value, Ice.Identity):
            setattr(error, field, Ice.Identity(blank(value.name), blank(value.category)))
    error.args = tuple(blank(str(each)) for each in error.args[-1:])
