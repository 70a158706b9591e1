"""What a worker takes of what Prefect offers it."""

import uuid

import anyio
import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import WorkerFlowRunResponse

from deployments.worker.process_worker import CourierWorker, place


@pytest.fixture
def run() -> FlowRun:
    return FlowRun(flow_id=uuid.uuid4(), deployment_id=uuid.uuid4())


def offered(run: FlowRun) -> list[WorkerFlowRunResponse]:
    return [WorkerFlowRunResponse(work_pool_id=uuid.uuid4(), work_queue_id=uuid.uuid4(), flow_run=run)]


def test_a_run_that_was_given_back_waits_until_its_process_has_ended(run: FlowRun) -> None:
    async def offer() -> list[FlowRun]:
        worker = CourierWorker("omero-main", "one", 2, lambda: False)
        worker._limiter = anyio.CapacityLimiter(2)
        worker._limiter.acquire_on_behalf_of_nowait(run.id)
        worker._carried.add(run.id)
        return await worker._submit_scheduled_flow_runs(offered(run))

    assert anyio.run(offer) == []


def test_nothing_is_claimed_while_nothing_may_be_taken(run: FlowRun) -> None:
    async def claim() -> bool:
        return await CourierWorker("omero-main", "one", 2, lambda: True)._propose_pending_state(run)

    assert anyio.run(claim) is False


def test_what_goes_wrong_with_one_run_leaves_the_worker_alone(run: FlowRun) -> None:
    async def submit() -> int:
        worker = CourierWorker("omero-main", "one", 2, lambda: False)
        worker._limiter = anyio.CapacityLimiter(2)
        worker._limiter.acquire_on_behalf_of_nowait(run.id)
        worker._submitting_flow_run_ids.add(run.id)
        await worker._submit_run(run)  # it has no client: nothing of it can work
        assert worker._limiter.borrowed_tokens == 0
        return worker.busy

    assert anyio.run(submit) == 0


def test_a_place_is_kept_for_a_run_that_an_earlier_worker_left(run: FlowRun) -> None:
    async def keep() -> tuple[int, int]:
        worker = CourierWorker("omero-main", "one", 1, lambda: False)
        worker._limiter = anyio.CapacityLimiter(1)
        for who in ("first", "one too many"):
            worker.occupy(who)
        kept = worker._limiter.borrowed_tokens
        for who in ("first", "one too many"):
            worker.vacate(who)
        return kept, worker._limiter.borrowed_tokens

    assert anyio.run(keep) == (1, 0)


def test_it_takes_runs_of_all_queues_or_of_those_that_are_named() -> None:
    everything, some = (CourierWorker("courier", "one", 1, lambda: False, queues=each) for each in ((), ("rounds",)))

    assert (everything._work_queues, some._work_queues) == (set(), {"rounds"})


def test_a_process_is_named_by_host_and_number() -> None:
    host, _, pid = place(17).rpartition(":")

    assert host
    assert pid == "17"
