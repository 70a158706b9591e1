"""What a run's log in Prefect shows: the courier's own lines, and no traceback for an end that the report explains."""

import logging

from prefect.exceptions import CancelledRun, FailedRun


def tidy_log() -> None:
    """Let the courier's lines through, and keep out what says nothing."""
    # Prefect adds its handler to the loggers that PREFECT_LOGGING_EXTRA_LOGGERS names, but gives them no level.
    logging.getLogger("flows").setLevel(logging.INFO)
    logging.getLogger("prefect.flow_runs").addFilter(says_something)


def says_something(record: logging.LogRecord) -> bool:
    """Tell whether a line is worth its place: of a run that ends in a state other than Completed, Prefect's is not."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, FailedRun | CancelledRun)
