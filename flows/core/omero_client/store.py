"""One file in OMERO's repository while it is written: one write on the wire at a time, never two.

OMERO allows no more per file (omero-server: SessionHandler, "not re-entrant").
"""

import logging
from collections.abc import Callable
from typing import Any

from flows.core.errors import CourierError
from flows.core.omero_client.faults import speaking_to
from flows.core.settings import OmeroServer

log = logging.getLogger(__name__)


class Store:
    """Wraps OMERO's RawFileStore."""

    def __init__(self, server: OmeroServer, proxy: Any, sent: Callable[[int], None]) -> None:
        """Take over an uploader of OMERO.

        Args:
            server: whose it is.
            proxy: what the import process gave.
            sent: told of the bytes of each write that OMERO has taken.
        """
        self._server = server
        self._proxy = proxy
        self._sent = sent
        self._pending: Any = None
        self._on_the_wire = 0
        self.offset = 0
        """Bytes handed over so far."""

    def put(self, part: memoryview) -> None:
        """Append; returns while the bytes are on the wire. They were copied: the buffer may be used again."""
        self.settle()
        self._pending = self._proxy.begin_write(part, self.offset, len(part))
        self._on_the_wire = len(part)
        self.offset += len(part)

    def settle(self) -> None:
        """Wait until OMERO has taken what is on the wire."""
        pending, self._pending = self._pending, None
        if pending is not None:
            self._proxy.end_write(pending)
            self._sent(self._on_the_wire)

    def begin_close(self) -> Callable[[], None]:
        """Have OMERO close the file, and return what waits for that: it reads the whole file for its checksum."""
        if self.offset == 0:
            # Without a write there would be no file (omero-py: the library's own tests touch it so).
            self._proxy.write(b"", 0, 0)
        patient = self._proxy.ice_invocationTimeout(milliseconds_for(self._server, self.offset))
        pending = patient.begin_close()
        return lambda: patient.end_close(pending)

    def abandon(self) -> None:
        """Empty the file before closing it, or OMERO would compute the checksum of what is thrown away."""
        try:
            with speaking_to(self._server.host, doing="abandoning an upload"):
                self.settle()
                self._proxy.truncate(0)
                self._proxy.close()
        except CourierError as error:
            log.warning("%s", error)


def milliseconds_for(server: OmeroServer, size: int) -> int:
    """How long a call may take for which OMERO reads `size` bytes."""
    return int((server.call_timeout + size / server.close_rate) * 1000)
