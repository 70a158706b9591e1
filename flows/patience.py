"""Waits for a Prefect server that is away: an import that runs does not end because of it."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

import httpx

log = logging.getLogger(__name__)

LONGEST = 3600.0
"""Seconds after which the process ends; housekeeping then starts the run again once Prefect is back."""
PAUSES = (0.5, 1.0, 2.0, 5.0)
"""Seconds before each further question; the last one repeats."""
T = TypeVar("T")


def patiently(ask: Callable[[], T], *, check: Callable[[], None] = lambda: None) -> T:
    """Ask Prefect until it answers.

    Args:
        ask: the question; may be asked several times.
        check: called while waiting; what it raises ends the wait.

    Raises:
        httpx.HTTPError: it refused, or was away for too long.
    """
    end, tries = time.monotonic() + LONGEST, 0
    while True:
        try:
            return ask()
        except httpx.HTTPError as error:
            if not is_away(error) or time.monotonic() > end:
                raise
            if tries == 0:
                log.warning("Prefect does not answer, waiting for it: %s", type(error).__name__)
        check()
        time.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
        tries += 1


def is_away(error: httpx.HTTPError) -> bool:
    """Tell a server that does not answer, or is in trouble, from one that says no."""
    return not isinstance(error, httpx.HTTPStatusError) or error.response.is_server_error
