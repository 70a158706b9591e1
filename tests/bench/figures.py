"""Figures, their targets and how they are taken from interleaved rounds: pure, apart from the clock."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

Samples = Mapping[str, Sequence[float]]
"""By contender, one value for each round."""


@dataclass(frozen=True)
class Figure:
    """One measured value and what it should be."""

    name: str
    """`<group>: <what is measured>`."""
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    samples: Samples = field(default_factory=dict)
    """What it was computed from."""
    samples_unit: str = "s"

    @property
    def met(self) -> bool:
        """Whether the value is on the right side of its target; without a target it always is."""
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )

    @property
    def target(self) -> str:
        """The target, for people."""
        if self.at_least is not None:
            return f"at least {self.at_least:g} {self.unit}"
        return f"at most {self.at_most:g} {self.unit}" if self.at_most is not None else ""


@dataclass(frozen=True)
class Sizes:
    """How much is measured: pinned, so that runs can be compared."""

    rounds: int = 5
    one_file: int = 256 * 1024**2
    each_of_four: int = 64 * 1024**2
    sparse: int = 10_000_000_000
    staged: int = 1024**3
    requests: int = 60
    triggers: int = 5
    small_files: int = 1000
    swept_folders: int = 20_000
    arriving: int = 10_000


QUICK = Sizes(
    rounds=2,
    one_file=32 * 1024**2,
    each_of_four=8 * 1024**2,
    sparse=500_000_000,
    staged=128 * 1024**2,
    requests=15,
    triggers=2,
    small_files=100,
    swept_folders=1000,
    arriving=500,
)
"""For a try while developing: its figures say little."""


def interleaved(
    rounds: int, contenders: Mapping[str, Callable[[], float]], between: Callable[[], None] = lambda: None
) -> dict[str, list[float]]:
    """Let every contender run once in each round; who begins changes, so that nobody always follows the same one."""
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            between()
            samples[name].append(contenders[name]())
    return samples


def times_faster(samples: Samples, ours: str, peer: str) -> float:
    """Return how many times as long the peer took, as the median over the rounds: both had the same machine then."""
    return median(theirs / mine for theirs, mine in zip(samples[peer], samples[ours], strict=True))


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
