"""Holds sweep definitions against the settings and against each other: what a type alone cannot see."""

import os
import re
import zoneinfo
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from cronsim import CronSim, CronSimError

from flows.core.errors import Misdefined, SourceError, UnknownServer
from flows.core.requests import Placement
from flows.core.settings import Root, Settings
from flows.core.sources import is_at_or_below
from flows.core.sweep.definition import BUILT_IN, DESTINATIONS, Assign, Schedule, SweepDefinition
from flows.core.sweep.lines import Place
from flows.core.sweep.templates import Filling
from flows.core.sweep.texts import read_table

_USER = "{user}"


class Fault(NamedTuple):
    """What cannot be meant, and where it stands."""

    place: Place
    what: str


def server_of(definition: SweepDefinition, settings: Settings) -> str:
    """Name the OMERO server that a sweep imports into.

    Raises:
        UnknownServer: it is not configured, or left out where there are several.
    """
    there_are = f"There are: {', '.join(sorted(settings.servers))}."
    if definition.server is None and len(settings.servers) > 1:
        raise UnknownServer(f"There are several OMERO servers: say which. {there_are}")
    name = definition.server or next(iter(settings.servers))
    if name not in settings.servers:
        raise UnknownServer(f"{name} is no OMERO server of this courier. {there_are}")
    return name


def faults_of(definition: SweepDefinition, settings: Settings) -> Iterator[Fault]:
    """Say what of a definition cannot be meant with these settings."""
    yield from _of_server(definition, settings)
    yield from _of_root(definition, settings)
    yield from _of_schedule(definition.schedule)
    yield from _of_receivers(definition.assign, settings)
    yield from _of_variables(definition.assign)


def overlaps(definitions: Mapping[str, SweepDefinition]) -> Iterator[tuple[str, str]]:
    """Return the pairs of which one watches what the other does: each once, the later one first."""
    folders = {name: os.path.realpath(each.root) for name, each in definitions.items()}
    for number, (name, folder) in enumerate(folders.items()):
        for earlier in list(folders)[:number]:
            if is_at_or_below(folder, folders[earlier]) or is_at_or_below(folders[earlier], folder):
                yield name, earlier


def _of_server(definition: SweepDefinition, settings: Settings) -> Iterator[Fault]:
    try:
        server = server_of(definition, settings)
    except UnknownServer as unknown:
        yield Fault(("server",), unknown.what)
        return
    allowed = {Placement.UPLOAD.value, *settings.servers[server].in_place.placements}
    if definition.placement.value not in allowed:
        what = f"{server} takes files by {', '.join(sorted(allowed, reverse=True))}: see its `in_place` in the settings"
        yield Fault(("placement",), what)
    if definition.placement.is_link and definition.afterwards.imported != "keep":
        yield Fault(
            ("afterwards", "imported"),
            f"OMERO reads the files where they are, with placement {definition.placement}: keep them",
        )
    if settings.servers[server].service_account is None:
        yield Fault(
            ("server",), f"{server} has no service account, and a sweep has no caller whose session it could use"
        )


def _of_root(definition: SweepDefinition, settings: Settings) -> Iterator[Fault]:
    roots = _roots_of(definition.root, settings.roots)
    if not roots:
        known = ", ".join(str(root.path) for root in settings.roots.values()) or "none"
        yield Fault(("root",), f"{definition.root} lies in none of the courier's roots: {known}")
        return
    afterwards = definition.afterwards
    for place, wish in (("imported", afterwards.imported), ("failed", afterwards.failed)):
        for name in sorted(
            name for name, root in roots.items() if wish in ("move", "delete") and wish not in root.after
        ):
            yield Fault(
                ("afterwards", place),
                f"the root {name} does not allow to {wish} its files: add {wish!r} to its `after` in the settings",
            )


def _roots_of(folder: Path, roots: Mapping[str, Root]) -> dict[str, Root]:
    """Return the root that a folder lies in, the deepest; or the `{user}` roots above which it lies."""
    real = os.path.realpath(folder)
    holding = {
        name: len(found[0]) for name, root in roots.items() if (found := _expression(root).match(real)) is not None
    }
    if holding:
        return {name: roots[name] for name, depth in holding.items() if depth == max(holding.values())}
    return {
        name: root
        for name, root in roots.items()
        if _USER in str(root.path) and is_at_or_below(_above_users(root), real)
    }


def _above_users(root: Root) -> str:
    """Return the folder that holds the folder of each user."""
    return os.path.realpath(root.path).partition(_USER)[0].rpartition("/")[0] or "/"


def _expression(root: Root) -> re.Pattern[str]:
    """Find a root, for whatever user, at the beginning of a path."""
    path = os.path.realpath(root.path).rstrip("/")
    return re.compile(re.escape(path).replace(re.escape(_USER), "[^/]+") + r"(?=/|\Z)", re.DOTALL)


def _of_schedule(schedule: Schedule) -> Iterator[Fault]:
    if schedule.cron is not None:
        try:
            if len(schedule.cron.split()) != 5:
                raise CronSimError("it has five fields")
            next(CronSim(schedule.cron, datetime.now(UTC)))
        except CronSimError as wrong:
            yield Fault(
                ("schedule", "cron"), f"{schedule.cron!r} is no cron line: {wrong}, for example */10 7-20 * * 1-5"
            )
        except StopIteration:
            yield Fault(("schedule", "cron"), f"{schedule.cron!r} never comes")
    if schedule.timezone not in _timezones():
        yield Fault(
            ("schedule", "timezone"), f"{schedule.timezone!r} is no time zone: write for example Europe/London or UTC"
        )


@cache
def _timezones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _of_receivers(assign: Assign, settings: Settings) -> Iterator[Fault]:
    for number, receiver in enumerate(assign.notify):
        place = ("assign", "notify", number)
        if "@" in receiver and settings.notifications.mail is None:
            yield Fault(place, f"{receiver}: the settings have no mail server, notifications.mail")
        if "@" not in receiver and receiver not in settings.notifications.channels:
            known = ", ".join(sorted(settings.notifications.channels)) or "none"
            yield Fault(place, f"no channel is named {receiver}; there are: {known}")


def _of_variables(assign: Assign) -> Iterator[Fault]:
    """Find variables that nothing ever gives a value."""
    sure = {*BUILT_IN, *assign.from_path}
    if assign.table is not None:
        yield from _unknown(("assign", "table", "key"), assign.table.key, sure)
        try:
            sure |= set(read_table(str(assign.table.file)).columns)
        except (Misdefined, SourceError) as wrong:
            yield Fault(("assign", "table", "file"), f"{assign.table.file}: {wrong.what}")
            return
        if not (assign.user or assign.sidecars or "user" in sure):
            yield Fault(("assign",), "say whose the files are: the table has no column named user")
    for place, template in assign.templates.items():
        further = set(DESTINATIONS) if assign.sidecars and place != ("user",) else set()
        yield from _unknown(("assign", *place), template, sure | further)


def _unknown(place: Place, template: str, known: set[str]) -> Iterator[Fault]:
    if unknown := [variable for variable in Filling(template).variables if variable not in known]:
        yield Fault(place, f"nothing says what {{{unknown[0]}}} is; there are: {', '.join(sorted(known))}")
