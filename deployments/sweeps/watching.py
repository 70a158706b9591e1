"""`python -m deployments.sweeps watch`: has folders swept as soon as they change, where their file systems tell.

Only sooner: a change that nobody tells of, as on most network shares, is found by the schedule. So nothing is lost
when this ends.
"""

import argparse
import hashlib
import logging
import sys
import threading
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import httpx
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound

from flows.core.afterwards.names import is_set_aside
from flows.core.names import SWEEP_FLOW
from flows.core.settings import Settings, read_settings
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.loading import load_sweeps
from flows.core.sweep.sooner import LOOK_SECONDS, Sooner

log = logging.getLogger(__name__)

TICK = 1.0
"""Seconds between two looks at what is due."""
AGAIN = 30.0
"""Seconds until a folder that could not be watched is tried again."""


def watch(_asked: argparse.Namespace) -> None:
    """Watch until a signal ends it.

    Raises:
        CourierError: a definition is at fault.
        ValueError: there is nothing to watch, or nothing to watch with.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if find_spec("watchfiles") is None:
        raise ValueError("watchfiles is not installed: pip install 'omero-courier[watch]'")
    wanted = wished(read_settings())
    if not wanted:
        raise ValueError("no active sweep has `schedule: watch: true`: there is nothing to watch")
    stop = threading.Event()
    watchers = [
        threading.Thread(target=Watcher(name, definition).watch, args=(stop,), name=name, daemon=True)
        for name, definition in wanted.items()
    ]
    for each in watchers:
        each.start()
    sys.stdout.write(f"watching {', '.join(wanted)}\n")
    sys.stdout.flush()
    try:
        for each in watchers:
            each.join()
    except KeyboardInterrupt:
        stop.set()


def wished(settings: Settings) -> Mapping[str, SweepDefinition]:
    """Return the sweeps that are to be made sooner."""
    if settings.sweeps.folder is None:
        return {}
    found = load_sweeps(settings.sweeps.folder, settings)
    return {name: each for name, each in found.items() if each.active and each.schedule.watch}


class Watcher:
    """Watches one folder."""

    def __init__(self, name: str, definition: SweepDefinition) -> None:
        """Begin with nothing changed."""
        self._name = name
        self._root = definition.root
        self._sooner = Sooner(definition.quiet.total_seconds())

    def watch(self, stop: threading.Event) -> None:
        """Ask for sweeps as the folder changes; a folder that is away is waited for."""
        while not stop.is_set():
            try:
                self._watch(stop)
            except (OSError, RuntimeError) as away:  # the second: what watchfiles knows no better name for
                log.warning("%s: %s cannot be watched, tried again in %.0f s: %s", self._name, self._root, AGAIN, away)
                stop.wait(AGAIN)

    def _watch(self, stop: threading.Event) -> None:
        import watchfiles  # noqa: PLC0415 - an extra: whoever does not watch need not have it

        # Of a folder that is not there watchfiles, told to pass over what it may not look into, says nothing either.
        watched = self._folder()
        changes = watchfiles.watch(
            self._root,
            watch_filter=None,
            stop_event=stop,
            rust_timeout=int(TICK * 1000),
            yield_on_timeout=True,
            raise_interrupt=False,
            ignore_permission_denied=True,
        )
        for each in changes:
            self.heard({Path(path) for _, path in each}, time.time())
            if self._folder() != watched:
                raise FileNotFoundError(f"another folder is there now: {self._root} was mounted anew")

    def _folder(self) -> tuple[int, int]:
        """Say which folder is watched; raises OSError where there is none."""
        look = self._root.stat()
        return look.st_dev, look.st_ino

    def heard(self, paths: set[Path], now: float) -> None:
        """Take note of changes, and ask for the sweep that is due."""
        if any(not is_set_aside(path.relative_to(self._root)) for path in paths if path.is_relative_to(self._root)):
            self._sooner.changed(now)
        if self._sooner.is_due(now) and ask_for_sweep(self._name, now):
            self._sooner.looked(now)


def ask_for_sweep(name: str, now: float) -> bool:
    """Have Prefect make a sweep now; whether it answered. What is asked for twice within seconds is made once."""
    key = hashlib.sha256(f"{name} changed {int(now / LOOK_SECONDS)}".encode()).hexdigest()
    try:
        with get_client(sync_client=True) as client:
            deployment = client.read_deployment_by_name(f"{SWEEP_FLOW}/{name}")
            client.create_flow_run_from_deployment(deployment.id, idempotency_key=key, tags=["watched"])
    except ObjectNotFound:
        log.warning("%s: it is not deployed: run `make deploy`", name)
        return False
    except httpx.HTTPError as away:
        log.warning("%s: Prefect does not answer: %s", name, type(away).__name__)
        return False
    log.info("%s changed: it is swept", name)
    return True
