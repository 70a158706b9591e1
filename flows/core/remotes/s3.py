"""S3: objects by bucket and key, listed by prefix, read from anywhere on as long as they have the same ETag."""

import base64
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import aiohttp
from botocore.exceptions import BotoCoreError, NoCredentialsError
from fsspec.asyn import sync
from s3fs import S3FileSystem

from flows.core.errors import RemoteLoginRefused, SourceChanged, SourceMissing
from flows.core.remotes.bodies import BodyStream
from flows.core.remotes.store import CHECK, Entry, FsspecStore, Look, Opened, Promise, Stream, nanoseconds

_LOGIN = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AuthorizationHeaderMalformed"}
)
_CHANGED = frozenset({"PreconditionFailed", "412", "InvalidRange", "416"})
_MD5 = re.compile(r"[0-9a-f]{32}")
_CHECKSUMS = {"ChecksumSHA256": "sha256", "ChecksumSHA1": "sha1", "ChecksumCRC32": "crc32"}
_GOODBYE = 5
"""Seconds that the end of the connections may take."""


class S3Store(FsspecStore):
    """A bucket, of Amazon's or of any service that speaks S3."""

    def connected(self) -> Any:
        """Return fsspec's file system; it connects when something is asked for."""
        if self._fs is None:
            remote = self.remote
            path_style = {"s3": {"addressing_style": "path"}} if remote.endpoint else {}
            self._fs = S3FileSystem(
                anon=remote.access_key is None,
                key=remote.access_key.get_secret_value() if remote.access_key else None,
                secret=remote.secret_key.get_secret_value() if remote.secret_key else None,
                endpoint_url=remote.endpoint,
                client_kwargs={"region_name": remote.region} if remote.region else {},
                config_kwargs={
                    "connect_timeout": remote.timeout,
                    "read_timeout": remote.timeout,
                    "retries": {"mode": "standard", "max_attempts": 2},
                    "ignore_configured_endpoint_urls": True,
                    **path_style,
                },
                use_listings_cache=False,
                skip_instance_cache=True,
            )
        return self._fs

    def close(self) -> None:
        """End the connections, within a few seconds."""
        fs, self._fs = self._fs, None
        if fs is None:
            return

        async def leave() -> None:
            await (await fs.set_session()).close()

        with self.telling(""):
            sync(fs.loop, leave, timeout=_GOODBYE)

    def asking(self, call: str, path: str, which: str, **details: Any) -> Any:
        """Make a call to S3, within the time set for it; a path is the key of an object.

        Raises:
            SourceError: it is not there, may not be read, or the service does not answer.
        """
        keyed = details if call.startswith("list") else {"Key": path.lstrip("/"), **details}
        with self.telling(which):
            return self.connected().call_s3(call, Bucket=self.place.authority, timeout=2 * self.remote.timeout, **keyed)

    def look(self, path: str, which: str) -> Look:
        """Ask for the object of this key, or else whether there are keys below it."""
        if path != "/":
            try:
                return _look_of(self.asking("head_object", path, which, ChecksumMode="ENABLED"))
            except SourceMissing:
                pass
        below = self.asking("list_objects_v2", path, which, Prefix=_prefix(path), MaxKeys=1)
        if not below.get("KeyCount"):
            raise SourceMissing(which=which, advice=CHECK)
        return Look(stat.S_IFDIR)

    def list(self, path: str, which: str) -> Sequence[Entry]:
        """List the keys below a prefix, up to the next slash."""
        prefix, found = _prefix(path), list[Entry]()
        more: dict[str, str] = {}
        while True:
            page = self.asking("list_objects_v2", path, which, Prefix=prefix, Delimiter="/", **more)
            folders = (each["Prefix"].rstrip("/") for each in page.get("CommonPrefixes", ()))
            found += [Entry(each[len(prefix) :], Look(stat.S_IFDIR)) for each in folders if each != prefix.rstrip("/")]
            objects = (each for each in page.get("Contents", ()) if not each["Key"].endswith("/"))
            found += [Entry(each["Key"][len(prefix) :], _listed(each)) for each in objects]
            if not page.get("IsTruncated"):
                return found
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def open(self, path: str, which: str) -> Opened:
        """Read parts of an object."""
        return _Object(self, path, which)

    def stream(self, path: str, which: str, offset: int, expected: Look) -> Stream:
        """Read an object from somewhere on, if it still has the same ETag."""
        same = {"IfMatch": expected.version} if expected.version else {}
        ranged = {"Range": f"bytes={offset}-"} if offset else {}
        got = self.asking("get_object", path, which, **same, **ranged)
        return BodyStream(self, got["Body"].read, got["Body"].close, which)

    @contextmanager
    def telling(self, which: str) -> Iterator[None]:
        """Turn what S3 says into the courier's words."""
        try:
            with super().telling(which):
                try:
                    yield
                except OSError as failed:
                    self._judge(failed, which)
                    raise
        except NoCredentialsError:
            raise self._login_refused(which) from None
        except (BotoCoreError, aiohttp.ClientError) as failed:
            raise self.away(which) from failed

    def _judge(self, failed: OSError, which: str) -> None:
        response: Mapping[str, Any] = getattr(failed.__cause__, "response", None) or {}
        code = str(response.get("Error", {}).get("Code", ""))
        if code in _LOGIN:
            raise self._login_refused(which)
        if code in _CHANGED:
            raise SourceChanged("The object was replaced while it was read.", which=which) from failed

    def _login_refused(self, which: str) -> RemoteLoginRefused:
        return RemoteLoginRefused(f"{self.place} refuses the access key of the courier.", which=which)


class _Object:
    """An object that is read here and there."""

    def __init__(self, store: S3Store, path: str, which: str) -> None:
        self._store, self._path, self._which = store, path, which

    def at(self, offset: int, count: int) -> bytes:
        ranged = f"bytes={offset}-{offset + count - 1}"
        got = self._store.asking("get_object", self._path, self._which, Range=ranged)
        body = BodyStream(self._store, got["Body"].read, got["Body"].close, self._which)
        try:
            data = bytearray(count)
            return bytes(data[: body.readinto(memoryview(data))])
        finally:
            body.close()

    def close(self) -> None:
        """Nothing is open between two parts."""


def _prefix(path: str) -> str:
    return f"{path.strip('/')}/" if path.strip("/") else ""


def _listed(told: Mapping[str, Any]) -> Look:
    return Look(stat.S_IFREG, int(told["Size"]), _whole_seconds(told.get("LastModified")), str(told.get("ETag", "")))


def _look_of(told: Mapping[str, Any]) -> Look:
    etag = str(told.get("ETag", ""))
    modified = _whole_seconds(told.get("LastModified"))
    return Look(stat.S_IFREG, int(told["ContentLength"]), modified, etag, _promise(told, etag))


def _whole_seconds(when: object) -> int:
    """S3 tells fractions of a second in lists and not otherwise."""
    return nanoseconds(when) // 1_000_000_000 * 1_000_000_000


def _promise(told: Mapping[str, Any], etag: str) -> Promise | None:
    """Return a checksum over all bytes: one that was asked for when it was stored, or the ETag where that is an MD5.

    Of an object that was uploaded in parts, or encrypted with a key of the customer, it is none (S3: Object ETag).
    """
    for field, algorithm in _CHECKSUMS.items():
        if (value := told.get(field)) and "-" not in value and told.get("ChecksumType") != "COMPOSITE":
            return Promise(algorithm, base64.b64decode(value).hex())
    encrypted = told.get("SSECustomerAlgorithm") or str(told.get("ServerSideEncryption", "")).startswith("aws:kms")
    plain = etag.strip('"')
    return Promise("md5", plain) if _MD5.fullmatch(plain) and not encrypted else None
