"""What can go wrong, each as something that is done and undone: `HARMS`, by name."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

from tests.faults.fleet import Accepted, Fleet
from tests.faults.machine import API, DATABASE, HOUSEKEEPER, MAIL, OMERO, PREFECT, WORKER, Machine, NotHealed, until
from tests.faults.upkeep import Upkeep

SHORT, LONG, LONGER = 3.0, 6.0, 10.0
"""Seconds that something stays away; the last is more than a call to OMERO waits in the sandbox that is hurt."""
ARRIVE_SECONDS = 12.0
"""How long to wait for an import to come to a stage."""
REFUSALS = ("omero.ResourceError", "omero.DatabaseBusyException", "omero.InternalException", "omero.LockTimeout")
ASKED_OFTEN = ("importFileset", "getUploader", "write", "verifyUpload", "projection", "saveAndReturnObject")


class Stage(StrEnum):
    """How far an import is when harm is done; the value is where the stand-in holds it."""

    BEFORE = "importFileset"
    """Nothing of it is in OMERO."""
    BEGUN = "getUploader"
    """OMERO has its fileset and not a byte."""
    DURING = "FileStore.write"
    """Some of the bytes."""
    AFTER = "verifyUpload"
    """All bytes, no image."""
    READING = "step-0"
    """OMERO reads it; no image is committed."""
    COMMITTED = "step-1"
    """Its images are committed; OMERO goes on."""
    NOTING = "Handle.close"
    """OMERO has said that it is done, and we have not noted it."""

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass
class Scene:
    """Where harm is done."""

    machine: Machine
    fleet: Fleet
    upkeep: Upkeep
    random: random.Random
    run: str | None = None
    """The import that was caught in the stage."""
    spared: frozenset[str] = frozenset()
    """Imports that nothing else is done to."""

    def victim(self) -> str | None:
        """The import that was caught, or any that runs."""
        if self.run is not None:
            return self.run
        known = {each.id for each in self.fleet.accepted}
        running = [run for _, run in self.machine.flows_by_run() if run in known]
        return self.random.choice(running) if running else None


@contextmanager
def caught(
    scene: Scene, stage: Stage, *, run: str = "", after: int = 0, seconds: float = ARRIVE_SECONDS
) -> Iterator[str | None]:
    """Hold the next import that comes to this stage; it goes on when the block ends.

    Args:
        scene: where.
        stage: how far it is to be.
        run: this import; any, when left out.
        after: calls that pass first: with DURING, chunks that are written.
        seconds: how long to wait for it.

    Yields:
        The import's id, or None when none came.
    """
    machine = scene.machine
    machine.omero.hold(stage.value, after=after, agent=f"omero-courier/{run}")
    try:
        with suppress(NotHealed):
            until(lambda: bool(machine.omero.waiting()), seconds, f"an import is at {stage.word}")
        scene.run = next((agent.split("/")[1] for agent in machine.omero.waiting().get(stage.value, ())), None)
        yield scene.run
    finally:
        scene.run = None
        with suppress(OSError):
            machine.omero.let_go()


def kill_flow(scene: Scene) -> None:
    """kill -9 of the process of an import."""
    if (victim := scene.victim()) is not None:
        scene.machine.kill_flows(victim)


def kill_worker(scene: Scene) -> None:
    """kill -9 of the worker; its imports live on without it."""
    scene.machine.kill(WORKER)


def kill_worker_and_flows(scene: Scene) -> None:
    """kill -9 of the worker and of all imports."""
    scene.machine.kill(WORKER)
    kill_all_flows(scene)


def kill_machine(scene: Scene) -> None:
    """kill -9 of everything of the courier's own at once."""
    scene.machine.kill(WORKER, HOUSEKEEPER, API)
    kill_all_flows(scene)


def kill_all_flows(scene: Scene) -> None:
    """kill -9 of every process of a flow run."""
    _tell([each for each, run in scene.machine.flows_by_run() if run not in scene.spared], signal.SIGKILL)


def suspend_flow(scene: Scene) -> None:
    """A process that is thought dead, and wakes up when its successor is at work."""
    victim = scene.victim()
    asleep = scene.machine.flows(victim) if victim is not None else []
    if victim is None or not asleep:
        return
    _tell(asleep, signal.SIGSTOP)
    try:
        scene.upkeep.count_as_lost(victim)
        scene.upkeep.round()
        with suppress(NotHealed):
            until(lambda: successor_works(scene, victim, asleep), 15, "its successor is at work")
    finally:
        _tell(asleep, signal.SIGCONT)


def successor_works(scene: Scene, run: str, predecessors: Sequence[psutil.Process]) -> bool:
    """Whether another process carries out the run, or has done so."""
    others = {each.pid for each in scene.machine.flows(run)} - {each.pid for each in predecessors}
    (state,) = scene.machine.prefect("/flow_runs/filter", flow_runs={"id": {"any_": [run]}})
    return bool(others) or state["state_type"] in ("COMPLETED", "FAILED", "CANCELLED")


def suspend_worker(scene: Scene) -> None:
    """A worker that hangs."""
    with scene.machine.suspended(WORKER):
        time.sleep(LONG)


def stop_worker(scene: Scene) -> None:
    """The worker is stopped in order, as for an upgrade, and comes back."""
    scene.machine.signal(WORKER, signal.SIGTERM)


def kill_housekeeper(scene: Scene) -> None:
    """kill -9 of the worker of housekeeping, and of what it does at the moment."""
    ours = {each.id for each in scene.fleet.accepted}
    scene.machine.kill(HOUSEKEEPER)
    _tell([each for each, run in scene.machine.flows_by_run() if run not in ours], signal.SIGKILL)


def kill_prefect(scene: Scene) -> None:
    """Prefect's server dies and comes back."""
    scene.machine.kill(PREFECT)


def prefect_away(scene: Scene) -> None:
    """Prefect's server is away for a while."""
    _away(scene, PREFECT, seconds=LONG)


def kill_prefect_and_workers(scene: Scene) -> None:
    """Prefect's server comes back while the workers die."""
    with scene.machine.down(PREFECT):
        time.sleep(SHORT)
        kill_worker_and_flows(scene)


def kill_database(scene: Scene) -> None:
    """PostgreSQL dies and comes back."""
    scene.machine.kill(DATABASE)


def database_away(scene: Scene) -> None:
    """PostgreSQL is away for a while."""
    _away(scene, DATABASE, seconds=SHORT)


def kill_omero(scene: Scene) -> None:
    """OMERO dies and comes back, all its sessions forgotten."""
    scene.machine.kill(OMERO)


def omero_away(scene: Scene) -> None:
    """OMERO is away for a while."""
    _away(scene, OMERO, seconds=LONG)


def omero_frozen(scene: Scene) -> None:
    """OMERO takes calls and answers none, for longer than a call may take."""
    with scene.machine.suspended(OMERO):
        time.sleep(LONGER)


def omero_refuses(scene: Scene) -> None:
    """OMERO answers with errors."""
    for _ in range(3):
        operation, refusal = scene.random.choice(ASKED_OFTEN), scene.random.choice(REFUSALS)
        scene.machine.omero.fault(operation, refusal, after=scene.random.randrange(3))


def omero_import_fails(scene: Scene) -> None:
    """OMERO gives up on an import, before or after it has saved the images."""
    scene.machine.omero.fail_import("run-fail", step=scene.random.randrange(4))


def omero_disk_full(scene: Scene) -> None:
    """OMERO's disk is full for a while."""
    scene.machine.omero.disk_full()
    try:
        time.sleep(SHORT)
    finally:
        scene.machine.omero.disk_full(on=False)


def omero_forgets(scene: Scene) -> None:
    """OMERO forgets all sessions."""
    scene.machine.omero.forget_sessions()


def omero_drops(scene: Scene) -> None:
    """OMERO's connections break in the midst of a chunk."""
    scene.machine.omero.fault("write", "drop-connection", times=2, after=scene.random.randrange(3))


def staging_full(scene: Scene) -> None:
    """The staging disk has no room for those that look at it now."""
    with no_room(scene.machine):
        time.sleep(LONG)


@contextmanager
def no_room(machine: Machine) -> Iterator[None]:
    """Let the staging area seem full to every attempt that begins now: more is to be kept free than there is."""
    settings = machine.home.settings
    before = settings.read_text()
    others = [line for line in before.splitlines() if "STAGING__KEEP_FREE" not in line]
    _replace(settings, "\n".join([*others, f"COURIER_STAGING__KEEP_FREE='{10**18}'", ""]))
    try:
        yield
    finally:
        _replace(settings, before)


def share_away(scene: Scene) -> None:
    """The folder that a user's files are in vanishes and comes back."""
    with without_share(scene, scene.random.choice(("alice", "bob", "carol"))):
        time.sleep(SHORT)


@contextmanager
def without_share(scene: Scene, user: str) -> Iterator[None]:
    """Move a user's folder away."""
    share = scene.machine.home.shares / user
    elsewhere = share.with_name(f".{user}")
    with scene.fleet.shares:
        share.rename(elsewhere)
        try:
            yield
        finally:
            elsewhere.rename(share)


def source_changes(scene: Scene) -> None:
    """A file gets other content while it is imported."""
    victim = scene.victim()
    accepted = next((each for each in scene.fleet.accepted if each.id == victim), None)
    if accepted is not None:
        with scene.fleet.shares:
            change_source(accepted)


def change_source(accepted: Accepted) -> None:
    """Append to the first file of an import; from now on either content is right, but no mixture."""
    wanted = accepted.wanted[0]
    with wanted.path.open("ab") as file:
        file.write(os.urandom(16))
    wanted.reread()


def mail_away(scene: Scene) -> None:
    """The mail server is down for a while."""
    _away(scene, MAIL, seconds=LONG)


def kill_api(scene: Scene) -> None:
    """The HTTP interface dies and comes back."""
    scene.machine.kill(API)


def _away(scene: Scene, part: str, seconds: float) -> None:
    with scene.machine.down(part):
        time.sleep(seconds)


def _tell(asked: Sequence[psutil.Process], what: signal.Signals) -> None:
    for each in asked:
        with suppress(psutil.NoSuchProcess):
            each.send_signal(what)


def _replace(path: Path, text: str) -> None:
    partial = path.with_suffix(".changed")
    partial.write_text(text)
    partial.chmod(0o600)
    partial.rename(path)


Harm = Callable[[Scene], None]
ANY_STAGE = tuple(Stage)
HARMS: dict[Harm, int] = {
    kill_flow: 6,
    kill_worker: 2,
    kill_worker_and_flows: 3,
    kill_machine: 2,
    suspend_flow: 4,
    suspend_worker: 1,
    stop_worker: 2,
    kill_housekeeper: 1,
    kill_prefect: 2,
    prefect_away: 2,
    kill_prefect_and_workers: 1,
    kill_database: 2,
    database_away: 1,
    kill_omero: 2,
    omero_away: 1,
    omero_frozen: 2,
    omero_refuses: 3,
    omero_import_fails: 1,
    omero_disk_full: 1,
    omero_forgets: 2,
    omero_drops: 2,
    staging_full: 1,
    share_away: 2,
    source_changes: 1,
    mail_away: 1,
    kill_api: 1,
}
"""How often each comes, compared with the others."""
AT_NO_STAGE: frozenset[Harm] = frozenset({omero_refuses, omero_import_fails, omero_drops, staging_full, mail_away})
"""Harm that imports run into by themselves."""
