"""The servants that clients can reach now: publishing them, finding them, taking them away."""

import threading
from typing import Any

import Ice

from deployments.sandbox.understudy.servants import Around, servant


def identity(category: str, name: str) -> Any:
    """An Ice identity."""
    made = Ice.Identity()
    made.category, made.name = category, name
    return made


class Registry:
    """The object adapter's active servants, by category and name."""

    def __init__(self, adapter: Any, around: Around) -> None:
        self._adapter = adapter
        self._around = around
        self._lock = threading.Lock()
        self._published: dict[tuple[str, str], Any] = {}

    def publish(self, category: str, name: str, skeleton: Any, implementation: Any) -> Any:
        """Make an implementation callable; returns its proxy. The same address again replaces the earlier one."""
        address = identity(category, name)
        with self._lock:
            if (category, name) in self._published:
                self._adapter.remove(address)
            self._published[category, name] = implementation
            return self._adapter.add(servant(skeleton, implementation, self._around), address)

    def proxy(self, category: str, name: str) -> Any:
        """A proxy to an address, whether or not anybody is there."""
        return self._adapter.createProxy(identity(category, name))

    def find(self, category: str, name: str) -> Any:
        """The implementation at an address, or None."""
        return self._published.get((category, name))

    def names(self, category: str) -> list[str]:
        """What is published in a category."""
        with self._lock:
            return [name for found, name in self._published if found == category]

    def withdraw(self, category: str, name: str) -> None:
        """Make an address unknown: calls to it raise Ice.ObjectNotExistException."""
        with self._lock:
            if self._published.pop((category, name), None) is not None:
                self._adapter.remove(identity(category, name))

    def withdraw_all(self, category: str) -> list[Any]:
        """Withdraw what a category holds; returns the implementations, so that they can be closed."""
        with self._lock:
            found = [(key, thing) for key, thing in self._published.items() if key[0] == category]
            for key, _ in found:
                del self._published[key]
                self._adapter.remove(identity(*key))
        return [thing for _, thing in found]

    def withdraw_everywhere(self, name: str) -> None:
        """Withdraw a name from every category: the service factories of all clients of a session."""
        with self._lock:
            found = [key for key in self._published if key[1] == name]
            for key in found:
                del self._published[key]
                self._adapter.remove(identity(*key))
