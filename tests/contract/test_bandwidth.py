"""What is sent to OMERO keeps to the rate that a worker grants its runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.images import make_tiff
from flows.core.control import Uncontrolled
from flows.core.omero_client import ImportDetails, OmeroSession, import_fileset
from flows.core.settings import Worker
from flows.core.worker_orders import Gate, Orders, write_orders
from tests.support.clock import Wound

pytestmark = pytest.mark.contract

RATE = 2_000_000
CHUNK = 8 * 1024 * 1024


class Paced(Uncontrolled):
    """Holds an import to the orders of a worker."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def check(self) -> None:
        self._gate.check()

    def pace(self, count: int) -> None:
        self._gate.pace(count)


def test_an_upload_takes_as_long_as_its_rate_demands(
    session: OmeroSession, stage: Callable[..., Any], run_key: str, tmp_path: Path
) -> None:
    file = make_tiff(tmp_path / "large.tif", size=(2048, 2048), pages=4)
    size, clock, orders = file.stat().st_size, Wound(), tmp_path / "orders.json"
    write_orders(orders, Orders(bytes_per_second=RATE))
    control = Paced(Gate(Worker(orders=orders), clock=clock))

    imported = import_fileset(
        session, stage(file), target=None, details=ImportDetails(), control=control, run_key=run_key
    )

    assert len(imported.images) == 1
    assert (size - CHUNK) / RATE - 1 <= clock.passed <= size / RATE
    assert clock.passed > 5, "the first chunk goes at once, each further one waits for the one before"
