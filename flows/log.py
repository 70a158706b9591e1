"""What a run's log in Prefect shows: the courier's own lines, and no traceback for an end that the report explains."""

import logging
import sys

from prefect.exceptions import CancelledRun, FailedRun
from prefect.logging.handlers import PrefectConsoleHandler


def tidy_log() -> None:
    """Let the courier's lines through, and keep out what says nothing."""
    # Prefect adds its handler to the loggers that PREFECT_LOGGING_EXTRA_LOGGERS names, but gives them no level.
    logging.getLogger("flows").setLevel(logging.INFO)
    logging.getLogger("prefect.flow_runs").addFilter(says_something)
    if not sys.stderr.isatty():
        _without_colours()


def _without_colours() -> None:
    """Write plain lines into a file: Prefect looks for what it would colour there too, in every line."""
    known = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    for logger in (logging.root, *known):
        for each in [handler for handler in logger.handlers if type(handler) is PrefectConsoleHandler]:
            plain = logging.StreamHandler(each.stream)
            plain.setFormatter(each.formatter)
            plain.setLevel(each.level)
            plain.filters = each.filters
            logger.removeHandler(each)
            logger.addHandler(plain)


def says_something(record: logging.LogRecord) -> bool:
    """Tell whether a line is worth its place: of a run that ends in a state other than Completed, Prefect's is not."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, FailedRun | CancelledRun)
