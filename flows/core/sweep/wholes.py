"""Says whether a folder is one thing as a whole, so that nothing in it is looked at for itself; by names only."""

import posixpath
from collections.abc import Iterable

from flows.core.verify.sets import Neighbours

_ZARR = frozenset({".zattrs", ".zgroup", ".zarray", ".zmetadata", "zarr.json"})


def whole(path: str, names: Iterable[str]) -> str:
    """Return what kind of set a folder is; empty where it is an ordinary one."""
    name = posixpath.basename(path).lower()
    if name.endswith(".zarr") or not _ZARR.isdisjoint(names):
        return "OME-Zarr"
    # All others are told by a suffix; asking for it costs more than looking for one.
    return (Neighbours(path, ()).folder_set or "") if "." in name else ""
