"""A sweep obeys its worker as imports do, and stops when another one may have begun."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.core.errors import RunPutOff, SweepUnderWay
from flows.core.settings import Worker
from flows.core.worker_orders import Orders, write_orders
from flows.sweep_control import SweepControl


@pytest.fixture
def settings(tmp_path: Path) -> Worker:
    return Worker(orders=tmp_path / "worker.orders.json", patience=0, drain_seconds=0)


def orders(settings: Worker, **what: object) -> None:
    assert settings.orders is not None
    write_orders(settings.orders, Orders.model_validate(what))


def test_it_goes_on_where_nobody_minds(settings: Worker) -> None:
    SweepControl(settings).check()


@pytest.mark.parametrize("order", ["held", "draining"])
def test_it_ends_where_its_machine_is_to_be_left_alone_or_its_worker_stops(settings: Worker, order: str) -> None:
    now = datetime.now(UTC)
    orders(settings, **({"held": "/run/acquiring is there", "held_since": now} if order == "held" else {order: now}))

    with pytest.raises(RunPutOff):
        SweepControl(settings).check()


def test_it_stops_when_another_one_may_have_begun_also_while_it_waits(settings: Worker) -> None:
    patient, lost = settings.model_copy(update={"patience": 600}), threading.Event()
    orders(patient, held="quiet hours 08:00-18:00", held_since=datetime.now(UTC))
    threading.Timer(0.1, lost.set).start()

    with pytest.raises(SweepUnderWay):
        SweepControl(patient, lost).check()
