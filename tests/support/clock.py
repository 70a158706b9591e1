"""A clock that stands still unless somebody sleeps: hours pass in milliseconds."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flows.core.worker_orders import Clock

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Wound(Clock):
    """A clock on which only sleeping takes time; `meanwhile` happens at every sleep."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.meanwhile: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += seconds
        self.meanwhile()
