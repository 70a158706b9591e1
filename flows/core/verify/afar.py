"""Says below which configured remote folder a path lies and whether this user may import from there.

What is not listed is refused before anything is sent anywhere. Only then the host is asked where links lead, and what
it says is judged by the same rules: the deepest folder that holds it decides.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from flows.core.errors import SourceMissing, SourceNotAllowed
from flows.core.remotes import Connections, Place, Remote, Store


@dataclass(frozen=True)
class Afar:
    """A user before the configured remote folders."""

    user: str
    remotes: Mapping[str, Remote]
    may_use: Callable[[str], bool]
    connections: Connections | None

    def allowed(self, path: str) -> tuple[str, str]:
        """Return where a path really leads, and the name of the remote folder that it lies in.

        Raises:
            SourceNotAllowed: it lies in none that is this user's.
            SourceError: the host cannot be asked where it leads.
        """
        place = _parsed(path)
        name = self._deciding(place, path, lambda folder: folder)
        if self.connections is None:
            return str(place), name
        store = self.connections.to(name, path)
        real = place.at(store.real(place.path, path))
        if real != place:
            name = self._deciding(real, path, lambda folder: self._resolved(folder, store, path))
        return str(real), name

    def store(self, real: str) -> Store:
        """Return what reaches a path that `allowed` gave."""
        assert self.connections is not None, "asked only by those who look at files"
        return self.connections.to(self._reaching(_parsed(real)), real)

    def _deciding(self, place: Place, path: str, leads: Callable[[Place], Place | None]) -> str:
        holding = [
            (len(folder.path), name)
            for name, its in self._beside(place)
            if (folder := leads(its)) and folder.holds(place)
        ]
        deepest = max((depth for depth, _ in holding), default=0)
        for depth, name in holding:
            if depth == deepest and self.may_use(name):
                return name
        raise SourceNotAllowed(which=path)

    def _reaching(self, place: Place) -> str:
        """Return which of the user's remote folders on a host reaches a path of it: one that holds it, or any."""
        beside = [(folder.holds(place), len(folder.path), name) for name, folder in self._beside(place)]
        return max(each for each in beside if self.may_use(each[2]))[2]

    def _beside(self, place: Place) -> Iterator[tuple[str, Place]]:
        for name, remote in self.remotes.items():
            folder = remote.place_for(self.user)
            if folder is not None and folder.is_beside(place):
                yield name, folder

    def _resolved(self, folder: Place, store: Store, path: str) -> Place | None:
        """Return where a configured folder really is; None where it is not there."""
        assert self.connections is not None, "asked only where something was resolved"
        try:
            return self.connections.once(str(folder), lambda: folder.at(store.real(folder.path, path)))
        except SourceMissing:
            return None


def _parsed(path: str) -> Place:
    """Read a path; what cannot be one is refused as what is not listed."""
    try:
        place = Place.parse(path)
    except ValueError:
        raise SourceNotAllowed from None
    if ".." in path.split("/"):
        raise SourceNotAllowed("A path may not go up with '..'.", which=path)
    return place
