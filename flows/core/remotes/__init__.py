"""Reaches files on other machines: settings by host, connections through fsspec, one module for each protocol.

    configured.py   what the settings say of a remote folder
    place.py        how a remote path is written
    store.py        what can be asked of a remote folder, and the general answer through fsspec
    sftp.py s3.py http.py   what each protocol can do better
    connections.py  opens them, each once, and closes them

Nothing in here decides who may read what: `verify` does, before anything is asked of a host.
"""

from flows.core.remotes.configured import Remote
from flows.core.remotes.connections import Connections
from flows.core.remotes.place import Place, is_remote, normal
from flows.core.remotes.store import Entry, Look, Opened, Promise, Store, Stream

__all__ = [
    "Connections",
    "Entry",
    "Look",
    "Opened",
    "Place",
    "Promise",
    "Remote",
    "Store",
    "Stream",
    "is_remote",
    "normal",
]
