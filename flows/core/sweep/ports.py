"""What a look at a folder needs from the rest of a sweep: the interface only."""

from typing import Protocol

from flows.core.requests import Fileset
from flows.core.sweep.verdicts import Assignment

UNASSIGNED = "unassigned"
"""The code of the failure of a fileset that is nobody's, or goes nowhere."""


class Assigner(Protocol):
    """Says whose a fileset is and where it goes."""

    def assign(self, fileset: Fileset) -> Assignment:
        """Say it from the path, the tables and the sidecars.

        Raises:
            CourierError: of the code `unassigned`, where they do not say it.
        """

    def has_sidecar(self, folder: str) -> bool:
        """Say whether there is a sidecar in this folder or above it, up to the root.

        Raises:
            SourceError: that cannot be told.
        """
