"""How long a run waits before it is tried again."""

from datetime import timedelta

import pytest

from flows.core.settings import Retries
from flows.later import wait_before


@pytest.mark.parametrize(("tries", "minutes"), [(0, 10), (1, 10), (2, 120), (3, 1440), (5, 1440), (6, None), (9, None)])
def test_a_run_waits_along_the_intervals_and_then_no_more(tries: int, minutes: int | None) -> None:
    wait = wait_before(tries, Retries(jitter=0))

    assert wait == (None if minutes is None else timedelta(minutes=minutes))


def test_waits_are_lengthened_at_random_so_that_runs_do_not_come_back_together() -> None:
    waits = {wait_before(0, Retries(minutes=(10,), jitter=0.5)) for _ in range(20)}

    assert len(waits) > 1
    assert all(timedelta(minutes=10) <= wait <= timedelta(minutes=15) for wait in waits if wait)
