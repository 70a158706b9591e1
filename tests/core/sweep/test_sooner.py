"""When a folder that changed is swept sooner."""

import pytest

from flows.core.sweep.sooner import Sooner


def asked(changes: list[float], quiet: float, until: int) -> list[int]:
    """At which seconds a sweep is asked for."""
    sooner, found = Sooner(quiet), []
    for now in range(until):
        if now in changes:
            sooner.changed(now)
        if sooner.is_due(now):
            found.append(now)
            sooner.looked(now)
    return found


@pytest.mark.parametrize(
    ("changes", "quiet", "sweeps"),
    [
        pytest.param([], 20, [], id="nothing changed"),
        pytest.param([5], 20, [5, 26], id="one change: seen, and settled"),
        pytest.param([5], 0, [5, 15], id="no quiet period: two looks all the same"),
        pytest.param([5, 9], 20, [5, 15, 30], id="changed again after the first look"),
        pytest.param([5, 60], 20, [5, 26, 60, 81], id="two changes apart"),
        pytest.param([float(each) for each in range(30)], 20, [0, 10, 20, 30, 50], id="written for half a minute"),
    ],
)
def test_a_change_is_looked_at_at_once_and_when_it_has_settled(
    changes: list[float], quiet: float, sweeps: list[int]
) -> None:
    assert asked(changes, quiet, 120) == sweeps
