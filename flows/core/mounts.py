r"""Finds where the workers see what a client named: the rules of the settings, the longest prefix first.

A rule counts whole names only: one for `C:\Data` says nothing of `C:\Database`. Where Windows is, capitals make no
difference to the rule; what follows the prefix keeps its own. What is found lies below the rule's folder, whatever
was written: a name never is `..`, and never has a separator in it.
"""

import ipaddress
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

from flows.core.errors import RequestError, SourceUnmapped
from flows.core.settings import Mount, Settings
from flows.core.sources import Kind, Source


class Seen(NamedTuple):
    """Where a worker sees a source."""

    path: str
    """Absolute; links are not resolved."""
    by_rule: bool
    """Whether a rule says so; else it is what the client wrote."""
    station: str | None = None
    """The workstation whose own worker alone sees it there, as far as a rule says so."""


class _Rule(NamedTuple):
    prefix: Source
    mount: Mount

    def takes(self, source: Source, workstation: str | None) -> bool:
        if self.mount.workstations and workstation not in self.mount.workstations:
            return False
        return self.prefix.holds(source)

    def apply(self, source: Source) -> Seen:
        below = source.parts[len(self.prefix.parts) :]
        folder = str(self.mount.worker).rstrip("/")
        return Seen("/".join((folder, *below)) or "/", by_rule=True, station=self.mount.station)


@dataclass(frozen=True)
class Mounts:
    """The rules, for what one workstation says."""

    rules: tuple[_Rule, ...] = ()
    """The longest prefix first; of two that are the same, that of a workstation before that of all."""
    workstation: str | None = None
    """Whose names these are; None is of nobody in particular."""

    @classmethod
    def of(cls, mounts: Mapping[str, Mount], workstation: str | None = None) -> Self:
        """Put the rules of the settings in order."""
        rules = [_Rule(Source.parse(mount.client), mount) for mount in mounts.values()]
        rules.sort(key=lambda rule: (-len(rule.prefix.parts), not rule.mount.workstations))
        return cls(tuple(rules), workstation)

    def seen(self, source: Source) -> Seen:
        """Say where a worker sees a source.

        Raises:
            SourceUnmapped: no rule says so, and it is no path that could be a worker's own.
        """
        rule = next((rule for rule in self.rules if rule.takes(source, self.workstation)), None)
        if rule is not None:
            return rule.apply(source)
        if source.kind is Kind.POSIX:
            return Seen(source.client_path, by_rule=False)
        raise self._unmapped(source)

    def _unmapped(self, source: Source) -> SourceUnmapped:
        if source.kind is Kind.REMOTE:
            what = f"Nothing is configured here for {source.scheme}://{source.authority}."
            return SourceUnmapped(what, which=source.client_path, advice="Ask the operator to set it up.")
        whose = f" when the workstation {self.workstation} says it" if self.workstation else ""
        others = {name for rule in self.rules if rule.prefix.holds(source) for name in rule.mount.workstations}
        if others and self.workstation is None:
            return SourceUnmapped(
                "What it means depends on the workstation that says it, and none was named.",
                which=source.client_path,
                advice=f"Name it in `workstation`: {', '.join(sorted(others))}.",
            )
        return SourceUnmapped(f"No rule says where the courier sees this path{whose}.", which=source.client_path)


NO_MOUNTS = Mounts()


def known_workstations(settings: Settings) -> frozenset[str]:
    """Return the names that a request may give as its workstation."""
    named = {name for mount in settings.mounts.values() for name in mount.workstations}
    return frozenset(named | settings.workstations.keys() | stations(settings))


def stations(settings: Settings) -> frozenset[str]:
    """Return the workstations that have workers of their own, since a root or a rule names them so."""
    named = {each.station for each in settings.mounts.values()} | {each.station for each in settings.roots.values()}
    return frozenset(each for each in named if each is not None)


def check_workstation(settings: Settings, workstation: str | None) -> None:
    """See that a workstation is one of those that the settings know.

    Raises:
        RequestError: it is not.
    """
    known = known_workstations(settings)
    if workstation is not None and workstation not in known:
        there_are = f"there are {', '.join(sorted(known))}" if known else "there are none in the settings"
        raise RequestError(f"{workstation!r} is no workstation that the courier knows: {there_are}.")


def workstation_at(settings: Settings, address: str) -> str | None:
    """Return the workstation whose address or network this is; of several, that of the smallest network."""
    try:
        caller = ipaddress.ip_address(address)
    except ValueError:
        return None
    found = [
        (network.prefixlen, name)
        for name, workstation in settings.workstations.items()
        for network in map(ipaddress.ip_network, workstation.addresses)
        if caller in network
    ]
    return max(found)[1] if found else None


def tell_of_missing(settings: Settings, tell: Callable[[str], object]) -> None:
    """Tell of rules whose folder is not there, as soon as that is known: a share that hangs holds nobody up."""

    def look() -> None:
        for missing in missing_folders(settings):
            tell(missing)

    threading.Thread(target=look, name="mounts", daemon=True).start()


def missing_folders(settings: Settings) -> list[str]:
    """Say which rules lead to a folder that this machine does not have, although it should."""
    return [
        f"mounts.{name}: {mount.worker} is not there on this machine; nothing of {mount.client} can be imported here"
        for name, mount in settings.mounts.items()
        if mount.station == settings.station and not os.path.isdir(mount.worker)  # noqa: PTH112  no error of any kind
    ]
