"""One sandbox for all short faults, in which parts that die are started again; what takes long is begun at once."""

import random
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pytest

from flows.core.settings import Settings
from tests.faults.fleet import Accepted, Fleet, Kind, Templates
from tests.faults.ground import start
from tests.faults.harm import Scene, Stage, caught
from tests.faults.holdings import by_run, holdings
from tests.faults.judge import Verdict, judge_import, silent
from tests.faults.machine import Machine, NotHealed, until
from tests.faults.upkeep import Upkeep
from tests.support.sandbox import SandboxProcess

PATIENCE = 120.0
"""Seconds in which an import ends once all is well again."""
LARGE_MEGABYTES = 24
"""Three chunks of 8 MiB."""


@dataclass
class Hurt:
    """A courier that bad things happen to."""

    scene: Scene
    asleep: Accepted
    """An import whose process hangs for good, which nothing shows but its silence."""
    locking: Accepted
    """An import whose process was killed while it held a lock, which comes free a minute later."""

    @property
    def machine(self) -> Machine:
        return self.scene.machine

    @property
    def fleet(self) -> Fleet:
        return self.scene.fleet

    def outcome(self, accepted: Accepted, *, by_hand: bool = True) -> str:
        """Return the state that an import ends in; with housekeeping done by hand, nothing waits for its next round."""

        def over() -> bool:
            if by_hand:
                self.scene.upkeep.round_in_turn()
            return self.fleet.refresh(accepted).over

        until(over, PATIENCE, f"import {accepted.id} is over")
        return accepted.state

    def wrong_with(self, *accepted: Accepted) -> list[str]:
        """Compare OMERO, byte for byte, and the mailbox with what was accepted: what is lost, doubled, silent."""
        with suppress(NotHealed):
            until(lambda: not self._silent(accepted), PATIENCE, "everybody was told")
        verdict, held = Verdict(), holdings(self.machine.running)
        for each in accepted:
            judge_import(each, by_run(held)[each.id], held, verdict)
        return verdict.lost + verdict.doubled + silent(self.machine, accepted)

    def _silent(self, accepted: Sequence[Accepted]) -> list[str]:
        self.scene.upkeep.round_in_turn()
        return silent(self.machine, accepted)

    def states(self, accepted: Accepted) -> list[str]:
        """The types of the states that an import went through in Prefect."""
        return [state["type"] for state in self.machine.history(accepted.id)]

    def starts(self, accepted: Accepted) -> int:
        """How often a process began to carry out an import."""
        return self.states(accepted).count("RUNNING")

    def told(self, accepted: Accepted) -> str:
        """What Prefect says of its states, for who wants to know what happened."""
        states = self.machine.history(accepted.id)
        return "\n".join(f"{each['timestamp']} {each['name']}: {each['message']}" for each in states)

    def listed(self, state: str, accepted: Accepted) -> bool:
        """Whether an import is in the list of its user, with a reason."""
        found = self.fleet.caller(accepted.user).listed(state)
        return any(each["id"] == accepted.id and each["reason"] for each in found)

    @property
    def settings(self) -> Settings:
        """The courier's."""
        return Settings(_env_file=self.machine.home.settings)

    @contextmanager
    def missing_directory(self) -> Iterator[None]:
        """The directory that the deployment runs in is gone."""
        pull = "pull_steps"
        deployment = self.machine.deployment()
        step = "prefect.deployments.steps.set_working_directory"
        self.machine.change_deployment({pull: [{step: {"directory": "/nowhere/at/all"}}]})
        try:
            yield
        finally:
            self.machine.change_deployment({pull: deployment[pull]})


@pytest.fixture(scope="package")
def hurt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hurt]:
    """The sandbox that is hurt, with two imports in it for which time has to pass."""
    folder = tmp_path_factory.mktemp("faults")
    quickly = {"RETRIES__MINUTES": [0.02] * 10, "SERVERS__sandbox__RUNS": 6, "SERVERS__sandbox__RUNS_PER_USER": 6}
    sandbox = SandboxProcess(folder / "sandbox")
    try:
        machine = Machine(start(sandbox, **quickly))
        fleet = Fleet(machine.running, Templates(folder / "templates", large=(LARGE_MEGABYTES,)), seed=0)
        scene = Scene(machine, fleet, Upkeep(machine), random.Random(0))
        yield Hurt(scene, asleep=put_to_sleep(scene), locking=kill_with_its_lock(scene))
        fleet.close()
        machine.close()
    finally:
        sandbox.stop()


def put_to_sleep(scene: Scene) -> Accepted:
    """Let the process of an import hang."""
    accepted = scene.fleet.send(Kind.LARGE, "carol")
    scene.spared |= {accepted.id}
    with caught(scene, Stage.DURING, run=accepted.id, after=1, seconds=PATIENCE):
        for process in scene.machine.flows(accepted.id):
            process.send_signal(signal.SIGSTOP)
    return accepted


def kill_with_its_lock(scene: Scene) -> Accepted:
    """Kill the process of an import while it holds the lock under which filesets are made."""
    accepted = scene.fleet.send(Kind.SMALL, "bob")
    with caught(scene, Stage.BEFORE, run=accepted.id, seconds=PATIENCE):
        scene.machine.kill_flows(accepted.id)
    return accepted
