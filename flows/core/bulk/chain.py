"""Reads a bulk file and those that it includes, the including one before the included; every fault with its line."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from flows.core.bulk.keys import FOLLOWED, KNOWN, REFUSED, TOLD, BulkFile
from flows.core.bulk.places import folder_of, whole
from flows.core.errors import SourceSyntax, TableRefused
from flows.core.sweep.lines import Problem, read_as

Read = Callable[[str, int], str]
"""Returns the text of a file, of so many bytes at most, by its whole path; raises CourierError where it cannot."""
MOST_BYTES = 100_000
"""Of a bulk file; of its list the settings say."""
LONGEST_CHAIN = 10
ADVICE = "Correct the file and send the request again; nothing was imported."


class Place(NamedTuple):
    """Where a key stands."""

    file: str
    line: int

    def __str__(self) -> str:
        """As it is told within a sentence."""
        return f"line {self.line} of {self.file}"


class Chain(NamedTuple):
    """What a file says, with what it includes."""

    says: BulkFile
    places: Mapping[str, Place]
    """Of each key that counts."""
    notes: tuple[str, ...]
    """Keys that are not followed, and why."""

    def refuse(self, key: str, what: str) -> TableRefused:
        """Make a failure of what is wrong with a key."""
        file, line = self.places[key]
        return faulty([Problem(line, f"{key}: {what}")], file)


def faulty(problems: Sequence[Problem], file: str) -> TableRefused:
    """Make one failure of all that is wrong in a file."""
    refused = TableRefused(f"{'; '.join(map(str, problems)).rstrip('.')}.", which=file, advice=ADVICE)
    refused.problems = tuple(problems)
    return refused


def read_chain(text: str, file: str, folder: str | None, read: Read) -> Chain:
    """Read a file and those that it includes.

    Args:
        text: of the file.
        file: what it is called.
        folder: that it lies in; None where nobody knows.
        read: the others.

    Raises:
        TableRefused: one is faulty, told with its lines.
        CourierError: one cannot be read.
    """
    says: dict[str, Any] = {}
    places: dict[str, Place] = {}
    passed = [file]
    while True:
        one, lines = _read_one(text, file)
        for key, value in one.items():
            if key not in says:
                says[key], places[key] = value, Place(file, lines[key])
        if "include" not in one:
            return Chain(_followed(says), places, _told(says, places))
        file = _placed(str(one["include"]), folder, Place(file, lines["include"]))
        if file in passed or len(passed) == LONGEST_CHAIN:
            what = f"include: {file} is included already" if file in passed else "include: there are too many, nested"
            raise faulty([Problem(lines["include"], what)], passed[-1])
        passed.append(file)
        # An included file names those that it includes from its own folder on, and all others from the first one's.
        text, folder = read(file, MOST_BYTES), folder_of(file)


def _placed(name: str, folder: str | None, place: Place) -> str:
    try:
        return whole(name, folder)
    except SourceSyntax as wrong:
        raise faulty([Problem(place.line, f"include: {wrong.what}")], place.file) from wrong


def _read_one(text: str, file: str) -> tuple[dict[str, Any], dict[str, int]]:
    """Return what one file says by key, and the lines of the keys.

    Raises:
        TableRefused: it is faulty.
    """
    reading = read_as(BulkFile, text)
    if reading.value is None:
        raise faulty(reading.problems, file)
    found = {key: getattr(reading.value, key) for key in reading.value.model_fields_set}
    lines = {key: reading.line_of((key,)) for key in found}
    if problems := [Problem(lines[key], _unknown(key)) for key in found if key not in FOLLOWED and key not in TOLD]:
        raise faulty(sorted(problems), file)
    return found, lines


def _unknown(key: str) -> str:
    if key in REFUSED:
        return f"{key}: {REFUSED[key]}"
    close = difflib.get_close_matches(key, KNOWN, n=1)
    return f"{key}: `omero import` has no such option{f'; is {close[0]} meant?' if close else ''}"


def _followed(says: Mapping[str, Any]) -> BulkFile:
    # Each was read before.
    return BulkFile.model_construct(**{key: says[key] for key in FOLLOWED if key in says})


def _told(says: Mapping[str, Any], places: Mapping[str, Place]) -> tuple[str, ...]:
    """Say which keys are not followed; never with their values, which may be secrets."""
    return tuple(f"{key} ({places[key]}) is not followed: {TOLD[key]}." for key in says if key in TOLD)
