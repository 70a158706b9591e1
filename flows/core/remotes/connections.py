"""Opens what reaches each configured remote folder, once, and closes it in the end; may be shared by threads."""

from collections.abc import Callable, Mapping
from importlib import import_module
from threading import Lock
from types import TracebackType
from typing import Self, cast

from flows.core.remotes.configured import Remote
from flows.core.remotes.place import Place
from flows.core.remotes.store import OtherStore, Store, lacking

_OWN = {"sftp": "sftp.SftpStore", "s3": "s3.S3Store", "http": "http.HttpStore", "https": "http.HttpStore"}
"""The modules of the protocols that we know better than fsspec does; each needs its part of the extra `remote`."""


class Connections:
    """The connections of one import."""

    def __init__(self, remotes: Mapping[str, Remote]) -> None:
        """Connect to nobody yet."""
        self._remotes = remotes
        self._stores: dict[str, Store] = {}
        self._real: dict[str, Place] = {}
        self._lock = Lock()

    def to(self, name: str, which: str = "") -> Store:
        """Return what reaches the remote folder of this name; nothing is sent before something is asked of it.

        Raises:
            SourceUnreadable: what speaks its protocol is not installed.
        """
        with self._lock:
            if name not in self._stores:
                self._stores[name] = _store(self._remotes[name], which)
            return self._stores[name]

    def once(self, folder: str, ask: Callable[[], Place]) -> Place:
        """Return where a configured folder really is, asking once."""
        if folder not in self._real:
            self._real[folder] = ask()
        return self._real[folder]

    def close(self) -> None:
        """End all connections."""
        with self._lock:
            stores, self._stores = list(self._stores.values()), {}
        for store in stores:
            store.close()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all connections."""
        self.close()


def _store(remote: Remote, which: str) -> Store:
    place = Place.parse(remote.url)
    if place.scheme not in _OWN:
        return OtherStore(remote, place)
    module, _, kind = _OWN[place.scheme].partition(".")
    try:
        driver = import_module(f"flows.core.remotes.{module}")
    except ImportError as missing:
        raise lacking(place.scheme, which) from missing
    return cast("Store", getattr(driver, kind)(remote, place))
