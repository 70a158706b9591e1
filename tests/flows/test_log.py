"""A run's log is read by people: what they need is in it, and what alarms without reason is not."""

import logging
import sys

import pytest
from prefect.exceptions import CancelledRun, FailedRun

from flows.log import says_something


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
