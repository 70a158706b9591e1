"""`python -m deployments.sandbox.mail_sink DIRECTORY PORT`: takes every mail over SMTP and keeps it as a file."""

import asyncio
import itertools
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class Keeper:
    """Writes each mail as `<time>-<number>.eml`, with who it was for in the header `X-RcptTo`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = itertools.count(1)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        """Keep a mail; a file appears under its name only once it is whole."""
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{next(self._numbers)}"
        partial = self._directory / f"{name}.partial"
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        partial.write_bytes(f"X-RcptTo: {', '.join(envelope.rcpt_tos)}\r\n".encode() + content)
        partial.rename(partial.with_suffix(".eml"))
        print(f"{name}: from {envelope.mail_from} to {', '.join(envelope.rcpt_tos)}", flush=True)
        return "250 kept"


async def serve(directory: Path, port: int) -> None:
    """Take mails until told to stop."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    keeper = Keeper(directory)
    server = await loop.create_server(lambda: SMTP(keeper, hostname="mail-sink", loop=loop), "127.0.0.1", port)
    print(f"keeping mails in {directory}", flush=True)
    async with server:
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
