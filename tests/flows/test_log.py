"""A run's log is read by people: what they need is in it, and what alarms without reason is not."""

import io
import logging
import sys

import pytest
from prefect.exceptions import CancelledRun, FailedRun
from prefect.logging.handlers import PrefectConsoleHandler

from flows.log import says_something, tidy_log


def logged(error: Exception | None) -> logging.LogRecord:
    try:
        if error is not None:
            raise error
    except Exception:  # noqa: BLE001 - what a logger does
        return logging.LogRecord("prefect.flow_runs", logging.ERROR, "", 1, "", None, sys.exc_info())
    return logging.LogRecord("prefect.flow_runs", logging.ERROR, "", 1, "", None, None)


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        pytest.param(None, True, id="a line"),
        pytest.param(KeyError("a bug"), True, id="a bug's traceback"),
        pytest.param(FailedRun("2 of 4 files are in OMERO, 2 are not"), False, id="the run's own failure"),
        pytest.param(CancelledRun("cancelled"), False, id="the run's own cancellation"),
    ],
)
def test_a_traceback_is_shown_where_it_explains_something(error: Exception | None, shown: bool) -> None:
    assert says_something(logged(error)) is shown


@pytest.mark.parametrize("terminal", [True, False])
def test_lines_are_coloured_in_a_terminal_only(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stderr(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    written = Stderr()
    monkeypatch.setattr(sys, "stderr", written)
    coloured = PrefectConsoleHandler(stream=written, level=logging.INFO)
    coloured.setFormatter(logging.Formatter("%(levelname)s | %(message)s"))
    logger = logging.getLogger("tests.coloured")
    logger.addHandler(coloured)
    tidy_log()
    (handler,) = logger.handlers
    logger.removeHandler(handler)
    handler.handle(logging.LogRecord("tests.coloured", logging.INFO, "", 1, "%d files", (3,), None))

    assert (handler is coloured) is terminal
    assert written.getvalue() == "INFO | 3 files\n"
    assert handler.level == logging.INFO
