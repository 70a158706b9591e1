"""What a sweep decides about each fileset that it finds, and why: frozen types, nothing else."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import Field

from flows.core.requests import Fileset, Frozen


class Verdict(StrEnum):
    """What a sweep does with a fileset; the values are names in tables, metrics and answers."""

    NEW = "new"
    """Settled, and not handed over yet: this sweep does, as far as its limits allow."""
    SETTLING = "settling"
    """Changed a short while ago, seen for the first time, or waiting for its marker or sidecar."""
    WAITING = "waiting"
    """Ready, and left for a later sweep by the limits."""
    SUBMITTED = "submitted"
    """An import that is not over yet has it."""
    IMPORTED = "imported"
    """OMERO holds it."""
    FAILED = "failed"
    """An import of it failed for good; tried again when it changes, or when a person releases it."""
    QUARANTINED = "quarantined"
    """It cannot be imported as it is, and somebody has to do something: see the reason."""
    SKIPPED = "skipped"
    """No image, or left out by the definition."""


class Assignment(Frozen):
    """Whose a fileset is, and where it goes; filesets that agree in it become one import."""

    user: str
    """OMERO login name."""
    group: str | None = None
    target: str | None = None
    """In OMERO's command-line syntax."""
    name: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    key_values: Mapping[str, str] = Field(default_factory=dict)
    notify: tuple[str, ...] = ()


class Decision(Frozen):
    """What a sweep decided about one fileset, or about a file or folder that could not become one."""

    path: str
    """Of the file that OMERO opens, or of the folder; as shown to people: UTF-8, whatever the disk says."""
    verdict: Verdict
    reason: str
    """A sentence, for people; for what is quarantined also what to do."""
    code: str
    """The reason for machines: a short name with dashes, for example `quiet-period`."""
    fileset: Fileset | None = None
    """None of what cannot become one."""
    assignment: Assignment | None = None
    """None where it is not known, or does not matter any more."""
    run_id: str | None = None
    """The import that has, or had, it."""
    omero_id: int | None = None
    """The id of the fileset in OMERO that holds it, where that is known."""
