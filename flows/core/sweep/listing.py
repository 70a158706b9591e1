"""Lists a folder: names, sizes and times, and a digest over them; the part of a look where every microsecond counts.

Sees names and times, no rules and no memory.
"""

import os
import stat
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from flows.core.disk import source_error
from flows.core.errors import SourceAway
from flows.core.sweep.verdicts import Verdict

_KIND = 0o170000
_FILE = 0o100000
_LARGEST = 2**63 - 1
"""Times after the year 2262 do not fit into a file system's own clock either: they are as good as this one."""


class Row(NamedTuple):
    """A file in a listing."""

    name: str
    size: int
    mtime_ns: int


class Subfolder(NamedTuple):
    """A folder in a listing, and which one it is."""

    name: str
    device: int
    inode: int


class Odd(NamedTuple):
    """An entry that is neither a file nor a folder to be looked into."""

    name: str
    """As shown to people."""
    verdict: Verdict
    code: str
    reason: str


@dataclass
class Listing:
    """What is in a folder."""

    rows: list[tuple[str, int, int]]
    """Name, size and mtime_ns of each file, by name. Plain tuples: there may be a million."""
    subfolders: list[Subfolder] = field(default_factory=list)
    odd: list[Odd] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    """Rows that are links, and where they lead to."""
    packed: bytes = b""
    """The rows and subfolders again, as `unpacked` reads them."""
    digest: bytes = b""
    """Of these: changes whenever anything in the folder does."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing at all."""
        return not (self.rows or self.subfolders or self.odd)


def list_folder(path: str, root: str) -> Listing:
    """List a folder; links are followed to files below `root`, whose own links are resolved, and nowhere else.

    Raises:
        SourceAway: the disk or share does not answer.
        OSError: the folder cannot be listed.
    """
    rows: list[tuple[str, int, int]] = []
    add = rows.append
    listing = Listing(rows)
    # Names relative to an open folder: the system need not walk down the path for each of them.
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with os.scandir(handle) as entries:
            for entry in entries:
                try:
                    look = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if look.st_mode & _KIND == _FILE:
                    add((entry.name, look.st_size, look.st_mtime_ns))
                else:
                    _special(listing, entry.name, look, path, root)
    finally:
        os.close(handle)
    rows.sort()
    _pack(listing)
    return listing


def list_tree(path: str, root: str) -> Listing:
    """List a folder with all that is below it, as one: the names are paths below it.

    Raises:
        SourceAway: the disk or share does not answer.
        OSError: a folder cannot be listed.
    """
    whole = list_folder(path, root)
    below = [each.name for each in whole.subfolders]
    whole.subfolders = []
    while below:
        inner = below.pop()
        part = list_folder(f"{path}/{inner}", root)
        whole.rows += [(f"{inner}/{name}", size, mtime_ns) for name, size, mtime_ns in part.rows]
        whole.odd += [each._replace(name=f"{inner}/{each.name}") for each in part.odd]
        below += [f"{inner}/{each.name}" for each in part.subfolders]
    whole.rows.sort()
    _pack(whole)
    return whole


def _special(listing: Listing, name: str, look: os.stat_result, path: str, root: str) -> None:
    if stat.S_ISDIR(look.st_mode):
        listing.subfolders.append(Subfolder(name, look.st_dev, look.st_ino))
    elif stat.S_ISLNK(look.st_mode):
        _link(listing, name, path, root)
    else:
        listing.odd.append(Odd(name, Verdict.SKIPPED, "no-file", "It is a device, pipe or socket, not a file."))


def _link(listing: Listing, name: str, path: str, root: str) -> None:
    real = os.path.realpath(f"{path}/{name}")
    if real != root and not real.startswith(root.rstrip("/") + "/"):
        reason = "It is a link that leads out of the folder of this sweep. Copy the file itself, or remove the link."
        listing.odd.append(Odd(name, Verdict.QUARANTINED, "outside-root", reason))
        return
    try:
        look = os.stat(f"{path}/{name}")  # noqa: PTH116 - a Path for each entry would cost more than the look
    except OSError as failed:
        if isinstance(source_error(failed, name), SourceAway):
            raise
        reason = f"It is a link that leads nowhere: {failed.strerror}."
        listing.odd.append(Odd(name, Verdict.SKIPPED, "broken-link", reason))
        return
    if stat.S_ISREG(look.st_mode):
        listing.links[name] = real
        listing.rows.append((name, look.st_size, look.st_mtime_ns))
        return
    reason = "It is a link to what is looked at in its own place."
    listing.odd.append(Odd(name, Verdict.SKIPPED, "link", reason))


def _pack(listing: Listing) -> None:
    """Make the bytes that the digest is of, and sort out names that are not UTF-8 on the way."""
    listing.subfolders.sort()
    listing.odd.sort()
    try:
        listing.packed = _packed(listing)
    except UnicodeEncodeError:
        _set_aside_names(listing)
        listing.packed = _packed(listing)
    listing.digest = blake2b(listing.packed, digest_size=16).digest()


def _packed(listing: Listing) -> bytes:
    names, sizes, times = zip(*listing.rows, strict=True) if listing.rows else ((), (), ())
    try:
        numbers = array("q", sizes).tobytes() + array("q", times).tobytes()
    except OverflowError:
        numbers = array("q", sizes).tobytes() + array("q", map(fitted, times)).tobytes()
    folders = (
        "\0".join(each.name for each in listing.subfolders) + "\0\0" + "\0".join(each.name for each in listing.odd)
    )
    return b"%d/%b%b\0\0%b" % (len(names), numbers, "\0".join(names).encode(), folders.encode())


def unpacked(packed: bytes) -> Iterator[Row]:
    """Yield the rows of a listing again."""
    head, _, rest = packed.partition(b"/")
    count = int(head)
    if not count:
        return
    numbers = array("q", rest[: 16 * count])
    names = rest[16 * count :].split(b"\0\0", 1)[0].decode().split("\0")
    yield from map(Row, names, numbers[:count], numbers[count:])


def fitted(mtime_ns: int) -> int:
    """Return a time as it is kept: in 64 bits."""
    return max(-_LARGEST, min(_LARGEST, mtime_ns))


def _set_aside_names(listing: Listing) -> None:
    """Names that are not UTF-8 cannot be written into a request."""
    reason = "Its name is not valid UTF-8. Rename it."
    bad = [name for name, _, _ in listing.rows if not _is_utf8(name)]
    bad += [each.name for each in listing.subfolders if not _is_utf8(each.name)]
    kept = [each if _is_utf8(each.name) else each._replace(name=shown(each.name)) for each in listing.odd]
    listing.odd = [*kept, *(Odd(shown(name), Verdict.QUARANTINED, "name-not-utf8", reason) for name in sorted(bad))]
    listing.rows = [row for row in listing.rows if _is_utf8(row[0])]
    listing.subfolders = [each for each in listing.subfolders if _is_utf8(each.name)]
    listing.links = {name: real for name, real in listing.links.items() if _is_utf8(name)}


def _is_utf8(name: str) -> bool:
    return shown(name) == name


def shown(path: str) -> str:
    """Return a path as it can be shown: what is not UTF-8 is replaced."""
    return os.fsencode(path).decode("utf-8", "replace")
