"""Keeps two that make something of the same name from both making it: threads of this process, and other processes.

OMERO takes any number of projects, datasets, screens and tags of one name.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

Alone = Callable[[Sequence[str]], AbstractContextManager[None]]
"""Keeps out, for the time of a block, everybody else who makes something of one of these names."""

_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
_guard = threading.Lock()


@contextmanager
def alone_here(names: Sequence[str]) -> Iterator[None]:
    """Keep out other threads of this process."""
    with _guard:
        locks = [_locks[name] for name in sorted(set(names))]
    with ExitStack() as held:
        for lock in locks:
            held.enter_context(lock)
        yield
