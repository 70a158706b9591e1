"""`python -m tests.faults.chaos`: random faults for as long as asked, then the comparison; status 1 if any was felt."""

import argparse
import random
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.faults.fleet import Accepted, Fleet, Kind, Templates
from tests.faults.ground import start
from tests.faults.harm import ANY_STAGE, ARRIVE_SECONDS, AT_NO_STAGE, HARMS, Harm, Scene, Stage, caught
from tests.faults.judge import judge, silent
from tests.faults.machine import Machine, NotHealed, until
from tests.faults.report import Report, Struck
from tests.faults.upkeep import Upkeep
from tests.support.sandbox import SandboxProcess

ROOT = Path(__file__).parents[2]
IN_FLIGHT = 6
"""Imports that are kept going at any time."""
END_SECONDS = 600.0
"""How long the last imports may take when all is well again."""
LARGE_MEGABYTES = (6, 20, 60)
WRITE_LATENCY = 0.1
"""Seconds that the stand-in adds to each write of 8 MiB, so that uploads last."""
REPLAYS = 3
TOLD_SECONDS = 300.0
"""Within which everybody is told of the end of their imports: messages wait, too, when they could not be sent."""


class Traffic(threading.Thread):
    """Keeps several imports in flight, and cancels some of them."""

    def __init__(self, fleet: Fleet, seed: int) -> None:
        super().__init__(name="traffic", daemon=True)
        self._fleet = fleet
        self._random = random.Random(seed)
        self._enough = threading.Event()
        self.underway = 0
        self.trouble: Exception | None = None

    def run(self) -> None:
        """Go on until it is enough."""
        try:
            while not self._enough.wait(1.0):
                open_ = self._fleet.look()
                for each in open_:
                    self._perhaps_cancel(each)
                for _ in range(IN_FLIGHT - len(open_)):
                    self._fleet.send_any()
                self.underway = sum(not each.over for each in self._fleet.accepted)
        except Exception as trouble:  # noqa: BLE001 - told by the main thread
            self.trouble = trouble

    def _perhaps_cancel(self, accepted: Accepted) -> None:
        if accepted.kind is Kind.CANCELLED and not accepted.cancelled and self._random.random() < 0.2:
            self._fleet.cancel(accepted)

    def stop(self) -> None:
        """It is enough."""
        self._enough.set()
        self.join()
        if self.trouble is not None:
            raise self.trouble


class Chaos:
    """One run of the long form."""

    def __init__(self, machine: Machine, fleet: Fleet, seed: int, patience: float = END_SECONDS) -> None:
        self._machine, self._fleet, self._patience = machine, fleet, patience
        self._scene = Scene(machine, fleet, Upkeep(machine), random.Random(seed))
        self._traffic = Traffic(fleet, seed)
        self.report = Report(seed)

    def go(self, *, faults: int, minutes: float) -> Report:
        """Do harm, heal, wait for the end, and compare."""
        began = time.monotonic()
        self._machine.omero.latency(write=WRITE_LATENCY)
        self._traffic.start()
        while len(self.report.struck) < faults and time.monotonic() - began < 60 * minutes:
            if self._traffic.trouble is not None:
                break
            self._strike()
        self._traffic.stop()
        self._machine.omero.clear()
        self._machine.heal()
        self._finish()
        self.report.minutes = (time.monotonic() - began) / 60
        self._sum_up()
        return self.report

    def _strike(self) -> None:
        with suppress(NotHealed):
            until(self._scene.victim, ARRIVE_SECONDS, "an import runs")
        pick, began = self._scene.random, time.monotonic()
        harm: Harm = pick.choices(list(HARMS), list(HARMS.values()))[0]
        stage = None if harm in AT_NO_STAGE or pick.random() < 0.2 else pick.choice(ANY_STAGE)
        after = pick.randrange(4) if stage is Stage.DURING else 0
        with ExitStack() as held:
            run = held.enter_context(caught(self._scene, stage, after=after)) if stage is not None else None
            harm(self._scene)
        self._machine.heal()
        at = stage.word if stage is not None and run is not None else "any"
        self.report.struck.append(Struck(harm.__name__, at, self._traffic.underway, time.monotonic() - began))
        self._tell(
            f"{len(self.report.struck):>4} {harm.__name__:<26} {at:<10} {time.monotonic() - began:5.1f} s {run or ''}"
        )
        time.sleep(pick.uniform(0, 2))

    def _finish(self) -> None:
        """Wait until all is over; what failed although its files are sound is replayed, as people would."""
        for _ in range(REPLAYS + 1):
            with suppress(NotHealed):
                until(lambda: not self._fleet.look(), self._patience, "all imports are over")
            # Of an import that lost its process housekeeping may find out later that it is in OMERO.
            failed = [
                each for each in self._fleet.accepted if _is_unlucky(each) and _is_unlucky(self._fleet.refresh(each))
            ]
            self._tell(f"{len(failed)} imports of sound files have failed: {[each.id for each in failed]}")
            replayed = [each for each in failed if self._fleet.retry(each)]
            self.report.replayed += len(replayed)
            if not replayed:
                break
        with suppress(NotHealed):
            until(lambda: not silent(self._machine, self._fleet.accepted), TOLD_SECONDS, "everybody was told")

    def _sum_up(self) -> None:
        report, accepted = self.report, [self._fleet.refresh(each) for each in self._fleet.accepted]
        report.accepted = dict(Counter(each.kind.value for each in accepted))
        files = [wanted.path for each in accepted for wanted in each.wanted]
        report.files, report.megabytes = len(files), sum(path.stat().st_size for path in files) // 10**6
        report.verdict = judge(self._machine, accepted)

    def _tell(self, line: str) -> None:
        sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
        sys.stdout.flush()


def _is_unlucky(accepted: Accepted) -> bool:
    """Whether an import failed in which nothing was wrong with any file."""
    return accepted.state in ("failed", "partly_failed") and all(wanted.sound for wanted in accepted.wanted)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do it, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="which faults come; the time otherwise")
    parser.add_argument("--minutes", type=float, default=60, help="no further fault is begun afterwards")
    parser.add_argument("--faults", type=int, default=200, help="how many")
    parser.add_argument("--patience", type=float, default=END_SECONDS, help="seconds that the last imports may take")
    parser.add_argument("--data", type=Path, default=ROOT / ".chaos", help="directory of the sandbox, made anew")
    asked = parser.parse_args(arguments)
    for each in (signal.SIGTERM, signal.SIGINT):  # a shell's background job would ignore the second
        signal.signal(each, signal.default_int_handler)
    shutil.rmtree(asked.data, ignore_errors=True)
    asked.data.mkdir()
    templates = Templates(asked.data / "templates", large=LARGE_MEGABYTES)
    sandbox = SandboxProcess(asked.data / "sandbox")
    try:
        machine = Machine(start(sandbox))
        fleet = Fleet(machine.running, templates, asked.seed)
        report = Chaos(machine, fleet, asked.seed, asked.patience).go(faults=asked.faults, minutes=asked.minutes)
    finally:
        sandbox.stop()
    report.write(asked.data)
    sys.stdout.write(report.as_page())
    return 0 if report.verdict.clean else 1


if __name__ == "__main__":
    sys.exit(main())
