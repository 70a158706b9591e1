"""HTTP: single files by their address, read from anywhere on where the server can; no redirect leads elsewhere."""

import base64
import binascii
import email.utils
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import aiohttp
import yarl
from fsspec.asyn import sync
from fsspec.implementations.http import HTTPFileSystem

from flows.core.errors import (
    HostKeyUnknown,
    NothingImportable,
    RemoteLoginRefused,
    SourceAway,
    SourceChanged,
    SourceError,
    SourceMissing,
    SourceOpaque,
    SourceUnreadable,
)
from flows.core.remotes.bodies import BodyStream
from flows.core.remotes.store import CHECK, Entry, FsspecStore, Look, Opened, Promise, Stream

_GOODBYE = 5
"""Seconds that the end of the connections may take."""
_READ_PAST = 1024 * 1024
"""Bytes that are read to get at what is behind them, from a server that sends files as a whole only."""
_NO_HEAD = frozenset({403, 405, 501})
"""What servers answer that do not let files be asked about, or not in this way."""
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_DIGESTS = re.compile(r"(sha-256|sha-512)=:?([A-Za-z0-9+/]+=*):?", re.IGNORECASE)


class HttpStore(FsspecStore):
    """A web server. fsspec's file system holds the session; ranges, conditions and redirects are looked at here."""

    def connected(self) -> Any:
        """Return fsspec's file system; it connects when something is asked for."""
        if self._fs is None:
            remote = self.remote
            headers = {"User-Agent": "omero-courier", "Accept-Encoding": "identity"}
            if remote.token is not None:
                headers["Authorization"] = f"Bearer {remote.token.get_secret_value()}"
            if remote.user is not None and remote.password is not None:
                login = f"{remote.user}:{remote.password.get_secret_value()}".encode()
                headers["Authorization"] = f"Basic {base64.b64encode(login).decode()}"
            silence = aiohttp.ClientTimeout(total=None, sock_connect=remote.timeout, sock_read=remote.timeout)
            session = {"headers": headers, "timeout": silence, "auto_decompress": False}
            self._fs = HTTPFileSystem(client_kwargs=session, use_listings_cache=False, skip_instance_cache=True)
        return self._fs

    def close(self) -> None:
        """End the connections, within a few seconds."""
        fs, self._fs = self._fs, None
        if fs is None:
            return

        async def leave() -> None:
            await (await fs.set_session()).close()

        sync(fs.loop, leave, timeout=_GOODBYE)

    def asking(self, method: str, path: str, which: str, **headers: str) -> aiohttp.ClientResponse:
        """Make a request, and return the answer with its body still to come; whatever is no success is an error.

        Raises:
            SourceError: it is not there, may not be read, or the server does not answer.
        """
        fs = self.connected()
        url = yarl.URL(self.place.at(path).url, encoded=True)
        asked = {name.replace("_", "-"): value for name, value in headers.items()}

        async def ask() -> aiohttp.ClientResponse:
            session = await fs.set_session()
            answer: aiohttp.ClientResponse = await session.request(method, url, headers=asked, allow_redirects=False)
            if answer.status not in (200, 206):
                answer.close()
            return answer

        with self.telling(which):
            answer: aiohttp.ClientResponse = sync(fs.loop, ask, timeout=self.remote.timeout)
        if answer.status not in (200, 206):
            raise self._refused(answer.status, which)
        return answer

    def look(self, path: str, which: str) -> Look:
        """Ask about the file; where that cannot be asked, ask for its first byte."""
        try:
            answer = self.asking("HEAD", path, which)
        except SourceUnreadable as refused:
            if not isinstance(refused.__cause__, _Answered) or refused.__cause__.status not in _NO_HEAD:
                raise
            return self._look_at_first_byte(path, which)
        self.stream_of(answer, which).close()
        if (size := answer.content_length) is None:
            return self._look_at_first_byte(path, which)
        ranged = answer.headers.get("Accept-Ranges", "").strip().lower() == "bytes"
        return _look_of(answer.headers, size, ranged, _promise(answer.headers, whole=True))

    def _look_at_first_byte(self, path: str, which: str) -> Look:
        answer = self.asking("GET", path, which, Range="bytes=0-0")
        self.stream_of(answer, which).close()
        if found := _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", "")):
            return _look_of(answer.headers, int(found[2]), True, _promise(answer.headers, whole=False))
        if answer.status == 206 or answer.content_length is None:
            raise SourceUnreadable(
                "The server does not say how large it is.", which=which, advice="Fetch it, and import the copy."
            )
        return _look_of(answer.headers, answer.content_length, False, _promise(answer.headers, whole=True))

    def list(self, path: str, which: str) -> Sequence[Entry]:
        """Say that HTTP knows of no folders.

        Raises:
            NothingImportable: always.
        """
        raise NothingImportable(
            "Over HTTP there is no way to see what is in a folder.", which=which, advice="Name the files themselves."
        )

    def open(self, path: str, which: str) -> Opened:
        """Read parts of a file."""
        return _Page(self, path, which)

    def stream(self, path: str, which: str, offset: int, expected: Look) -> Stream:
        """Read a file from somewhere on, if it is still the same; from its beginning any server sends it."""
        asked = {"Range": f"bytes={offset}-", "If_Range": _state(expected)} if offset else {}
        answer = self.asking("GET", path, which, **{name: value for name, value in asked.items() if value})
        if not _is_part(answer, offset, expected):
            self.stream_of(answer, which).close()
            raise SourceChanged("The file was replaced while it was read.", which=which)
        return self.stream_of(answer, which)

    def stream_of(self, answer: aiohttp.ClientResponse, which: str) -> BodyStream:
        """Return what reads the body of an answer."""
        return BodyStream(self, answer.content.read, answer.close, which)

    @contextmanager
    def telling(self, which: str) -> Iterator[None]:
        """Turn what goes wrong on the way into the courier's words."""
        try:
            with super().telling(which):
                try:
                    yield
                except aiohttp.ClientConnectorCertificateError as untrusted:
                    raise HostKeyUnknown(
                        f"The certificate of {self.place.authority} is not one that the courier trusts.",
                        which=which,
                        advice="The operator should check that host, or make its certificate authority known here.",
                    ) from untrusted
        except aiohttp.ClientError as failed:
            raise self.away(which) from failed

    def _refused(self, status: int, which: str) -> SourceError:
        host = self.place.authority
        refusal: SourceError
        if status in (404, 410):
            refusal = SourceMissing(which=which, advice=CHECK)
        elif status in (401, 407):
            refusal = RemoteLoginRefused(f"{host} refuses the login of the courier.", which=which)
        elif status in (412, 416):
            refusal = SourceChanged("The file was replaced while it was read.", which=which)
        elif status == 403:
            refusal = self.forbidden(which)
        elif status in (408, 425, 429) or status >= 500:
            refusal = SourceAway(f"{host} answers with HTTP status {status}.", which=which)
        elif 300 <= status < 400:
            refusal = SourceUnreadable(
                f"{host} sends on to another address, which is not followed.",
                which=which,
                advice="Name the file by the address at which it is, on a host that the operator opened.",
            )
        else:
            refusal = SourceUnreadable(f"{host} answers with HTTP status {status}.", which=which, advice=CHECK)
        refusal.__cause__ = _Answered(status)
        return refusal


class _Answered(Exception):
    """A status of HTTP."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"HTTP status {status}")


class _Page:
    """A file that is read here and there, or from its beginning where the server knows no other way."""

    def __init__(self, store: HttpStore, path: str, which: str) -> None:
        self._store, self._path, self._which = store, path, which

    def at(self, offset: int, count: int) -> bytes:
        ranged = f"bytes={offset}-{offset + count - 1}"
        answer = self._store.asking("GET", self._path, self._which, Range=ranged)
        body = self._store.stream_of(answer, self._which)
        try:
            before = 0 if answer.status == 206 else offset
            if before + count > _READ_PAST and answer.status != 206:
                raise SourceOpaque(which=self._which)
            data = bytearray(before + count)
            return bytes(data[before : max(before, body.readinto(memoryview(data)))])
        finally:
            body.close()

    def close(self) -> None:
        """Nothing is open between two parts."""


def _is_part(answer: aiohttp.ClientResponse, offset: int, expected: Look) -> bool:
    """Say whether an answer is that part of that file."""
    version = answer.headers.get("ETag", "")
    if version and expected.version and version.removeprefix("W/") != expected.version.removeprefix("W/"):
        return False
    if offset:
        found = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        return found is not None and (int(found[1]), int(found[2])) == (offset, expected.st_size)
    return answer.status == 200 and answer.content_length in (None, expected.st_size)


def _state(look: Look) -> str:
    """Name a state of a file for If-Range, which takes no weak ETag (RFC 9110, 13.1.5)."""
    if look.version and not look.version.startswith("W/"):
        return look.version
    return email.utils.formatdate(look.st_mtime, usegmt=True) if look.st_mtime_ns else ""


def _look_of(headers: Mapping[str, str], size: int, ranged: bool, promise: Promise | None) -> Look:
    try:
        modified = int(email.utils.parsedate_to_datetime(headers.get("Last-Modified", "")).timestamp())
    except ValueError:
        modified = 0
    return Look(stat.S_IFREG, size, modified * 1_000_000_000, headers.get("ETag", ""), promise, ranged)


def _promise(headers: Mapping[str, str], *, whole: bool) -> Promise | None:
    """Return the checksum of all bytes that a server tells (RFC 9530, RFC 3230; Content-MD5 is of what is sent)."""
    for field in ("Repr-Digest", "Digest"):
        for algorithm, value in _DIGESTS.findall(headers.get(field, "")):
            if plain := _hex(value):
                return Promise(algorithm.lower().replace("-", ""), plain)
    plain = _hex(headers.get("Content-MD5", "")) if whole else ""
    return Promise("md5", plain) if plain else None


def _hex(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).hex()
    except binascii.Error:
        return ""
