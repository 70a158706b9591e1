"""Reads what the Java importer prints: its result, and how far it is.

Source: omero-blitz LoggingImportMonitor and ImportEvent.
"""

import re
from typing import Any, NamedTuple

import yaml
from pydantic import Field, ValidationError

from flows.core.errors import ImporterFailed
from flows.core.requests import Frozen

_DOCUMENT = re.compile(r"^---$", re.MULTILINE)
_BYTES = re.compile(r"\bFILE_UPLOAD_BYTES uploaded: (\d+) of: \d+ bytes")
_STEP = re.compile(r"\b[A-Z_]+ Step: (\d+) of \d+")
_EVENT = re.compile(r"\bLoggingImportMonitor - ([A-Z_]+)")
STEPS = 5
"""OMERO's own, of an import (omero-blitz: ManagedImportRequestI)."""


class Result(Frozen):
    """One fileset that the importer says it has brought in (`--output yaml`)."""

    fileset: int = Field(alias="Fileset", ge=1)
    images: tuple[int, ...] = Field(default=(), alias="Image")
    """Not those of plates."""
    plates: tuple[int, ...] = Field(default=(), alias="Plate")


def results_in(printed: str) -> tuple[Result, ...]:
    """Return what the importer says it has imported; nothing where it says nothing.

    Raises:
        ImporterFailed: it printed something else.
    """
    if not (begin := _DOCUMENT.search(printed)):
        return ()
    try:
        documents = list(yaml.safe_load_all(printed[begin.start() :]))
        return tuple(_result(each) for document in documents if document is not None for each in document)
    except (yaml.YAMLError, ValidationError, TypeError) as garbled:
        raise ImporterFailed("The Java importer printed something that is no result.") from garbled


def _result(entry: Any) -> Result:
    known = {name: entry[name] for name in ("Fileset", "Image", "Plate") if name in entry}
    return Result.model_validate(known)


class Event(NamedTuple):
    """Something that the importer says of its progress."""

    name: str
    """For example `FILE_UPLOAD_STARTED`."""
    done: int = 0
    """Bytes of the present file, or steps of OMERO's, that are done."""


def event_in(line: str) -> Event | None:
    """Return what a line tells of progress, or None."""
    if not (found := _EVENT.search(line)):
        return None
    count = _BYTES.search(line) or _STEP.search(line)
    return Event(found[1], int(count[1]) if count else 0)
