import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from deployments.sandbox.supervisor import Part, PartFailed, Supervisor

RUNS = "import time; time.sleep(600)"
IGNORES_SIGTERM = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def supervisor(told: list[str]) -> Iterator[Supervisor]:
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield Supervisor({"PATH": ""}, told.append)
    for each, handler in handlers.items():
        signal.signal(each, handler)


def part(
    name: str, code: str, tmp_path: Path, *, needs: tuple[str, ...] = (), ready: bool = True, patience: float = 0.2
) -> Part:
    command = (sys.executable, "-c", code)
    return Part(name, command, needs, ready=lambda: ready, log=tmp_path / f"{name}.log", patience=patience)


def step(name: str, code: str, tmp_path: Path, *, needs: tuple[str, ...] = ()) -> Part:
    return Part(name, (sys.executable, "-c", code), needs, log=tmp_path / f"{name}.log")


def children() -> list[psutil.Process]:
    return psutil.Process().children()


def test_parts_start_when_what_they_need_is_ready(supervisor: Supervisor, told: list[str], tmp_path: Path) -> None:
    with supervisor:
        supervisor.start(
            [
                part("last", RUNS, tmp_path, needs=("middle",)),
                step("middle", "pass", tmp_path, needs=("first",)),
                part("first", RUNS, tmp_path),
            ]
        )

    assert [line.split()[0] for line in told] == ["first", "middle", "last"]


def test_nothing_runs_afterwards(supervisor: Supervisor, tmp_path: Path) -> None:
    before = children()

    with supervisor:
        supervisor.start([part("one", RUNS, tmp_path), part("two", RUNS, tmp_path, needs=("one",))])
        assert len(children()) == len(before) + 2

    assert children() == before


def test_a_part_that_ends_is_named_with_its_log(supervisor: Supervisor, tmp_path: Path) -> None:
    code = "print('the reason'); raise SystemExit(3)"

    with supervisor, pytest.raises(PartFailed) as failed:
        supervisor.start([part("broken", code, tmp_path, ready=False, patience=60)])

    assert "broken: ended with status 3" in str(failed.value)
    assert str(tmp_path / "broken.log") in str(failed.value)
    assert "the reason" in str(failed.value)


GOES_ON = """
import os, pathlib, sys
while not (pid := pathlib.Path(sys.argv[0]).read_text()) or os.path.exists(f"/proc/{pid.strip()}"): pass
"""


def test_the_others_go_on_without_a_part_that_may_end(supervisor: Supervisor, told: list[str], tmp_path: Path) -> None:
    leaver = replace(part("leaver", "import os; print(os.getpid())", tmp_path), may_end=True)
    waits = GOES_ON.replace("sys.argv[0]", repr(str(leaver.log)))

    with supervisor:
        supervisor.start([leaver, step("other", waits, tmp_path, needs=("leaver",))])

    assert [" ".join(line.split()[:3]) for line in told].count("leaver has ended,") == 1


def test_a_part_that_is_killed_later_is_named(supervisor: Supervisor, tmp_path: Path) -> None:
    before = children()
    with supervisor:
        supervisor.start([part("victim", RUNS, tmp_path)])
        (victim,) = set(children()) - set(before)
        victim.kill()

        with pytest.raises(PartFailed, match="victim: killed by SIGKILL"):
            supervisor.wait()


def test_a_part_that_never_gets_ready_is_not_waited_for_for_ever(supervisor: Supervisor, tmp_path: Path) -> None:
    with supervisor, pytest.raises(PartFailed, match="slow: not ready after"):
        supervisor.start([part("slow", RUNS, tmp_path, ready=False)])


def test_a_step_that_fails_stops_the_start(supervisor: Supervisor, tmp_path: Path) -> None:
    with supervisor, pytest.raises(PartFailed, match="step: ended with status 1"):
        supervisor.start(
            [step("step", "raise SystemExit(1)", tmp_path), part("after", RUNS, tmp_path, needs=("step",))]
        )

    assert not (tmp_path / "after.log").exists()


def test_parts_take_signals_although_the_supervisor_was_started_where_they_are_ignored(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = "import signal, sys; sys.exit(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"

    with supervisor:
        supervisor.start([step("asks", code, tmp_path)])


def test_who_does_not_listen_is_killed(supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployments.sandbox.supervisor.STOP_SECONDS", 0.2)
    log = tmp_path / "deaf.log"
    deaf = Part("deaf", (sys.executable, "-c", IGNORES_SIGTERM), ready=lambda: "deaf" in log.read_text(), log=log)
    before = children()

    with supervisor:
        supervisor.start([deaf])

    assert children() == before


def test_the_log_of_the_last_start_is_kept(tmp_path: Path, told: list[str]) -> None:
    for word in ("first", "second"):
        with Supervisor({}, told.append) as supervisor:
            supervisor.start([step("speaks", f"print('{word}')", tmp_path)])

    assert (tmp_path / "speaks.log").read_text() == "second\n"
    assert (tmp_path / "speaks.previous.log").read_text() == "first\n"
