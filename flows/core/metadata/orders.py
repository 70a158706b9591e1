"""What an import brings besides images, on disk: its table and its attachments, each below a folder of the user's."""

import stat
from collections.abc import Sequence
from pathlib import Path

from flows.core.disk import told_of
from flows.core.errors import NothingImportable, SourceUnreadable
from flows.core.metadata.reading import read_inline, read_table
from flows.core.metadata.table import MetadataTable
from flows.core.requests import ImportOptions, SourceFile
from flows.core.settings import Metadata
from flows.core.verify.roots import Gate


def table_of(asked: ImportOptions, access: Gate, limits: Metadata) -> MetadataTable | None:
    """Read the table of a request; None where it has none.

    Raises:
        SourceError: it is not below a folder of this user, not there, or cannot be read.
        TableRefused: it is faulty.
    """
    if asked.table_text:
        return read_inline(asked.table_text, limits)
    if asked.table:
        return read_table(asked.table, access.allowed(asked.table).real_path, limits)
    return None


def attachments_of(paths: Sequence[str], access: Gate, limits: Metadata) -> tuple[SourceFile, ...]:
    """Look at the files that are to be attached.

    Raises:
        SourceError: one is not below a folder of this user, not there, no file, or too large.
    """
    return tuple(_attachment(path, access, limits) for path in dict.fromkeys(paths))


def _attachment(path: str, access: Gate, limits: Metadata) -> SourceFile:
    real = access.allowed(path).real_path
    with told_of(path):
        look = Path(real).stat()
        if not stat.S_ISREG(look.st_mode):
            raise SourceUnreadable("It is no file, so it cannot be attached.", which=path, advice="Name a file.")
        with Path(real).open("rb"):
            pass
    if look.st_size > limits.attachment_bytes:
        raise NothingImportable(
            f"It is larger than {limits.attachment_bytes:,} bytes, too large for an attachment.",
            which=path,
            advice="Attach a smaller file, or ask the operator to raise the limit.",
        )
    return SourceFile(path=real, client_path=path, size=look.st_size, mtime_ns=look.st_mtime_ns)
