"""What can be asked of a remote folder, and how fsspec's drivers answer it; each call ends within the time set for it.

A path is that of the host, `which` what the user calls it. Whatever goes wrong is told in the courier's words.
"""

import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

import fsspec

from flows.core.errors import CourierError, SourceAway, SourceError, SourceMissing, SourceUnreadable
from flows.core.remotes.configured import Remote
from flows.core.remotes.place import Place

READ = 4 * 1024 * 1024
"""Bytes that are asked for at a time."""


class Promise(NamedTuple):
    """What a server says the checksum of all bytes of a file is."""

    algorithm: str
    """As `hashlib` calls it."""
    hexdigest: str


@dataclass(frozen=True)
class Look:
    """What a remote file or folder looks like: what is asked of `os.stat_result`, and what tells its states apart."""

    st_mode: int
    st_size: int = 0
    st_mtime_ns: int = 0
    """0 where the server does not say."""
    version: str = ""
    """What the server calls this state of the file (S3, HTTP: its ETag); empty where it has no name for it."""
    promise: Promise | None = None
    is_ranged: bool = True
    """Whether a part of it can be asked for."""

    @property
    def st_mtime(self) -> float:
        """Seconds since 1970."""
        return self.st_mtime_ns / 1e9


class Entry(NamedTuple):
    """A name in a folder."""

    name: str
    look: Look
    """Of a link: what the link looks like, not what it leads to."""

    @property
    def is_link(self) -> bool:
        """Whether it may lead elsewhere."""
        return stat.S_ISLNK(self.look.st_mode)


class Opened(Protocol):
    """A file that is read here and there."""

    def at(self, offset: int, count: int, /) -> bytes:
        """Return `count` bytes from `offset` on, less where the file ends before.

        Raises:
            SourceError: it cannot be read, or not in parts.
        """

    def close(self) -> None:
        """Let go of it."""


class Stream(Protocol):
    """The bytes of a file from somewhere on, in order."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill a buffer as far as there are bytes, and return how far; 0 at the end.

        Raises:
            SourceAway: the connection broke.
            SourceChanged: the file is another one now.
        """

    def close(self) -> None:
        """Let go of it."""


class Store(Protocol):
    """A host, through the protocol that it speaks."""

    def real(self, path: str, which: str) -> str:
        """Return a path with all links resolved."""

    def look(self, path: str, which: str) -> Look:
        """Say what a file or folder looks like; links are followed."""

    def list(self, path: str, which: str) -> Sequence[Entry]:
        """Return the names in a folder."""

    def open(self, path: str, which: str) -> Opened:
        """Open a file, to be read here and there."""

    def stream(self, path: str, which: str, offset: int, expected: Look) -> Stream:
        """Begin to read the state of a file that `expected` tells of."""

    def close(self) -> None:
        """End the connection."""


class FsspecStore:
    """Any protocol that fsspec has a driver for, as far as that goes: one call at a time, and no time-out of ours."""

    def __init__(self, remote: Remote, place: Place) -> None:
        """Take note of where; nothing is opened yet."""
        self.remote, self.place = remote, place
        self._fs: Any = None

    def connected(self) -> Any:
        """Return fsspec's file system, connected when it is first asked for."""
        if self._fs is None:
            options = {"skip_instance_cache": True, "use_listings_cache": False} | self.remote.driver_options
            if self.place.authority and self.place.scheme not in ("memory", "gs", "az", "abfs"):
                options |= {"host": self.place.host} | ({"port": self.place.port} if self.place.port else {})
            self._fs = fsspec.filesystem(self.place.scheme, **options)
        return self._fs

    def close(self) -> None:
        """Forget the connection; the driver closes it."""
        self._fs = None

    def real(self, path: str, which: str) -> str:
        """Return the path: fsspec knows of no links."""
        return path

    def look(self, path: str, which: str) -> Look:
        """Ask for it anew."""
        with self.telling(which):
            return look_of(self.connected().info(self._own(path)))

    def list(self, path: str, which: str) -> Sequence[Entry]:
        """Ask for it anew."""
        with self.telling(which):
            told = self.connected().ls(self._own(path), detail=True)
        own = self._own(path).strip("/")
        entries = ((str(each["name"]).rstrip("/"), each) for each in told)
        return [Entry(name.rpartition("/")[2], look_of(each)) for name, each in entries if name.strip("/") != own]

    def open(self, path: str, which: str) -> Opened:
        """Open it anew."""
        return _File(self, self._opened(path, which), which)

    def stream(self, path: str, which: str, offset: int, expected: Look) -> Stream:
        """Open the file; whether it is the expected one shows when it is looked at again."""
        return _File(self, self._opened(path, which), which, offset)

    def _opened(self, path: str, which: str) -> Any:
        with self.telling(which):
            return self.connected().open(self._own(path), "rb", cache_type="none")

    def _own(self, path: str) -> str:
        """Write a path as the driver does: where the host is a bucket, that comes first."""
        return f"{self.place.authority}{path}" if self.place.scheme in ("gs", "az", "abfs") else path

    @contextmanager
    def telling(self, which: str) -> Iterator[None]:
        """Turn what a driver says into the courier's words: they raise what the operating system would.

        Raises:
            SourceError: it is not there, may not be read, or the host does not answer.
        """
        try:
            yield
        except (FileNotFoundError, NotADirectoryError) as missing:
            raise SourceMissing(which=which, advice=CHECK) from missing
        except PermissionError as refused:
            raise self.forbidden(which) from refused
        except OSError as failed:
            raise self.away(which) from failed
        except ImportError as missing_driver:
            raise lacking(self.place.scheme, which) from missing_driver

    def away(self, which: str, why: str = "does not answer") -> SourceAway:
        """Say that the host does not answer."""
        return SourceAway(
            f"{self.place.authority} {why}.",
            which=which,
            advice="Nothing to do: it is tried again. If it lasts, the operator should check that host.",
        )

    def forbidden(self, which: str) -> SourceUnreadable:
        """Say that the host lets the courier's account not read it."""
        return SourceUnreadable(
            f"{self.place.authority} does not let the courier read it.",
            which=which,
            advice="Give the account that the courier logs in with there read access to it.",
        )


class OtherStore(FsspecStore):
    """A protocol that we know nothing of: what its driver's libraries raise is told, and not tried again for days."""

    @contextmanager
    def telling(self, which: str) -> Iterator[None]:
        """Turn whatever the driver raises into the courier's words; its own might hold secrets."""
        try:
            with super().telling(which):
                yield
        except CourierError:
            raise
        except Exception as told:
            raise SourceUnreadable(
                f"{self.place.authority} refused it, or its driver failed ({type(told).__name__}).",
                which=which,
                advice="The operator should check the login and the options of this remote in the settings.",
            ) from told


CHECK = "Check the address."


class _File:
    """A file of fsspec's."""

    def __init__(self, store: FsspecStore, opened: Any, which: str, offset: int = 0) -> None:
        self._store, self._opened, self._which, self._offset = store, opened, which, offset

    def at(self, offset: int, count: int) -> bytes:
        with self._store.telling(self._which):
            self._opened.seek(offset)
            return bytes(self._opened.read(count))

    def readinto(self, buffer: memoryview) -> int:
        data = self.at(self._offset, len(buffer))
        buffer[: len(data)] = data
        self._offset += len(data)
        return len(data)

    def close(self) -> None:
        with self._store.telling(self._which):
            self._opened.close()


def lacking(scheme: str, which: str) -> SourceError:
    """Say that what speaks a protocol is not installed."""
    return SourceUnreadable(
        f"This courier lacks what it takes to speak {scheme}.",
        which=which,
        advice="The operator installs it: pip install 'omero-courier[remote]' brings sftp, s3 and http.",
    )


_FTP_TIME = re.compile(r"[12]\d{3}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d[0-5]\d(\.\d+)?$")
"""A time as FTP writes it (RFC 3659), in UTC."""
_TIMES = ("mtime", "modified", "LastModified", "last_modified", "modify", "created")


def look_of(told: Mapping[str, Any]) -> Look:
    """Read what a driver tells of a file: fsspec leaves open how times and versions are called."""
    mode = {"directory": stat.S_IFDIR, "link": stat.S_IFLNK, "file": stat.S_IFREG}.get(told["type"], 0)
    when = next((told[key] for key in _TIMES if key in told), None)
    version = next((str(told[key]) for key in ("ETag", "etag", "md5Hash") if told.get(key)), "")
    return Look(mode, int(told.get("size") or 0), nanoseconds(when), version)


def nanoseconds(when: object) -> int:
    """Turn a time as drivers tell it into nanoseconds since 1970; 0 where it is none."""
    if isinstance(when, datetime):
        aware = when if when.tzinfo else when.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000) * 1_000_000
    if isinstance(when, str) and _FTP_TIME.match(when):
        return nanoseconds(datetime.strptime(when[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC))
    return int(when) * 1_000_000_000 if isinstance(when, int | float) else 0
