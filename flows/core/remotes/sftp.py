"""SFTP: SSH with a host key that is known, links that are resolved by the host, files read from anywhere on."""

import asyncio
import stat
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import asyncssh
from fsspec.asyn import sync
from sshfs import SSHFileSystem

from flows.core.errors import (
    HostKeyUnknown,
    RemoteLoginRefused,
    SourceAway,
    SourceError,
    SourceMissing,
    SourceUnreadable,
)
from flows.core.remotes.configured import Remote
from flows.core.remotes.place import Place
from flows.core.remotes.store import CHECK, Entry, FsspecStore, Look, Opened, Stream

_Answer = TypeVar("_Answer")
_SILENCE = 15
"""Seconds after which a silent host is asked whether it is still there; three such questions go unanswered at most."""
_GOODBYE = 5
"""Seconds that the end of a connection may take."""


class SftpStore(FsspecStore):
    """A host that speaks SFTP. fsspec's file system connects, and a channel of ours on it asks for the rest."""

    def __init__(self, remote: Remote, place: Place) -> None:
        super().__init__(remote, place)
        self._sftp: asyncssh.SFTPClient | None = None
        self._connecting = Lock()

    def connected(self) -> Any:
        """Return the channel, opened when it is first asked for."""
        with self._connecting:
            if self._sftp is None:
                self._fs = self._connect()
                self._sftp = sync(
                    self._fs.loop,
                    self._fs.client.start_sftp_client,
                    path_encoding="utf-8",
                    path_errors="surrogateescape",
                    timeout=self.remote.timeout,
                )
            return self._sftp

    def _connect(self) -> SSHFileSystem:
        remote, guard = self.remote, _HostKeys(self.remote.host_keys)
        try:
            return SSHFileSystem(
                self.place.host.strip("[]"),
                port=self.place.port or 22,
                username=remote.user,
                password=remote.password.get_secret_value() if remote.password else None,
                client_keys=[_private_key(remote, remote.private_key)] if remote.private_key else None,
                client_factory=lambda: _Client(guard),
                known_hosts=([], [], []),
                # Nothing of the account's own SSH: what counts is what the settings say.
                config=None,
                agent_path=None,
                gss_kex=False,
                gss_auth=False,
                connect_timeout=remote.timeout,
                login_timeout=remote.timeout,
                keepalive_interval=_SILENCE,
                timeout=3 * remote.timeout,
                skip_instance_cache=True,
            )
        except asyncssh.HostKeyNotVerifiable as unknown:
            raise _unknown(self.place.authority, guard.shown) from unknown
        except (PermissionError, asyncssh.PermissionDenied):
            # The original error is left out: it quotes what the host says of the login.
            raise RemoteLoginRefused(f"{self.place.authority} refuses the login of the courier.") from None

    def close(self) -> None:
        """End the connection, within a few seconds."""
        fs, self._fs, self._sftp = self._fs, None, None
        if fs is None:
            return

        async def leave() -> None:
            fs.client.close()
            await fs.client.wait_closed()

        try:
            sync(fs.loop, leave, timeout=_GOODBYE)
        except (OSError, asyncssh.Error):
            fs.client.abort()

    def has(self, sftp: asyncssh.SFTPClient) -> bool:
        """Whether a channel is that of the present connection."""
        return self._sftp is sftp

    def asking(self, question: Callable[[asyncssh.SFTPClient], Awaitable[_Answer]], which: str) -> _Answer:
        """Ask the host something, within the time set for it.

        Raises:
            SourceError: it is not there, may not be read, or the host does not answer.
        """
        with self.telling(which):
            sftp = self.connected()
            answer: _Answer = sync(self._fs.loop, question, sftp, timeout=self.remote.timeout)
            return answer

    def real(self, path: str, which: str) -> str:
        """Let the host resolve links."""
        return str(self.asking(lambda sftp: sftp.realpath(path), which))

    def look(self, path: str, which: str) -> Look:
        """Ask the host; links are followed."""
        return _look_of(self.asking(lambda sftp: sftp.stat(path), which))

    def list(self, path: str, which: str) -> Sequence[Entry]:
        """Let the host list a folder: the time set for it is that of each further part of the list."""

        async def listed(sftp: asyncssh.SFTPClient) -> list[asyncssh.SFTPName]:
            names, found = sftp.scandir(path), []
            while True:
                try:
                    found.append(await asyncio.wait_for(anext(names), self.remote.timeout))
                except StopAsyncIteration:
                    return found

        with self.telling(which):
            sftp = self.connected()
            found = sync(self._fs.loop, listed, sftp)
        return [Entry(str(each.filename), _look_of(each.attrs)) for each in found if each.filename not in (".", "..")]

    def open(self, path: str, which: str) -> Opened:
        """Open it on the host."""
        return _File(self, path, which)

    def stream(self, path: str, which: str, offset: int, expected: Look) -> Stream:
        """Read it from somewhere on; whether it is the expected one shows when it is looked at again."""
        return _File(self, path, which, offset)

    @contextmanager
    def telling(self, which: str) -> Iterator[None]:
        """Turn what the host says into the courier's words."""
        try:
            with super().telling(which):
                yield
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath) as missing:
            raise SourceMissing(which=which, advice=CHECK) from missing
        except asyncssh.SFTPPermissionDenied as refused:
            raise self.forbidden(which) from refused
        except (RemoteLoginRefused, HostKeyUnknown) as refused:
            raise refused.about(which) from refused.__cause__
        except asyncssh.SFTPFailure as failed:
            raise SourceUnreadable(f"{self.place.authority} cannot read it: {failed.reason}.", which=which) from failed
        except (SourceAway, asyncssh.Error) as failed:
            self.close()  # the next try makes a new connection
            raise self.away(which) from failed


class _File:
    """An open file on the host; many blocks of it are on their way at a time."""

    def __init__(self, store: SftpStore, path: str, which: str, offset: int = 0) -> None:
        self._store, self._which, self._offset = store, which, offset
        with store.telling(which):
            self._sftp = store.connected()
        self._file = store.asking(lambda sftp: sftp.open(path, "rb"), which)

    def at(self, offset: int, count: int) -> bytes:
        data: Any = self._store.asking(lambda _: self._file.read(count, offset), self._which)
        return bytes(data)

    def readinto(self, buffer: memoryview) -> int:
        data = self.at(self._offset, len(buffer))
        buffer[: len(data)] = data
        self._offset += len(data)
        return len(data)

    def close(self) -> None:
        """Close it, unless it went with its connection."""
        if self._store.has(self._sftp):
            with suppress(SourceError):
                self._store.asking(lambda _: self._file.close(), self._which)


class _HostKeys:
    """The keys by which a host is known, and the one that it showed."""

    def __init__(self, known: Sequence[str]) -> None:
        self._known = frozenset(known)
        self.shown = ""

    def knows(self, fingerprint: str) -> bool:
        self.shown = fingerprint
        return fingerprint in self._known


class _Client(asyncssh.SSHClient):
    """Talks to a host only if it is the one that the settings mean."""

    def __init__(self, guard: _HostKeys) -> None:
        self._guard = guard

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Compare by fingerprint."""
        return self._guard.knows(key.get_fingerprint())


def _private_key(remote: Remote, path: Path) -> asyncssh.SSHKey:
    try:
        return asyncssh.read_private_key(path, remote.passphrase.get_secret_value() if remote.passphrase else None)
    except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        raise RemoteLoginRefused(
            "The private key that the courier logs in with cannot be read.",
            advice="The operator should check `private_key`, `passphrase`, and that the courier's account may read it.",
        ) from None


def _unknown(authority: str, shown: str) -> HostKeyUnknown:
    return HostKeyUnknown(
        f"{authority} shows another host key than those that the courier knows: {shown or 'of a kind it cannot read'}.",
    )


def _look_of(told: asyncssh.SFTPAttrs) -> Look:
    mode = told.permissions or 0
    if not stat.S_IFMT(mode):
        kinds = {asyncssh.FILEXFER_TYPE_DIRECTORY: stat.S_IFDIR, asyncssh.FILEXFER_TYPE_SYMLINK: stat.S_IFLNK}
        mode |= kinds.get(told.type, stat.S_IFREG)
    return Look(mode, told.size or 0, (told.mtime or 0) * 1_000_000_000)
