"""The tasks of a sweep: each is a policy and one call. None is tried again: the next sweep does that."""

from collections.abc import Callable

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from prefect.tasks import Task

from flows.core.errors import CourierError
from flows.sweeping import Sweeping


def step(name: str) -> Callable[[Callable[[Sweeping], None]], Task[[Sweeping], State[None]]]:
    """Make a task with the policy that all steps share: what stops the sweep shows red, in words."""

    def made(work: Callable[[Sweeping], None]) -> Task[[Sweeping], State[None]]:
        def ended(run: Sweeping) -> State[None]:
            try:
                work(run)
            except CourierError as error:
                run.stopped_by(error)
                return Failed(message=str(error))
            return Completed()

        ended.__doc__ = work.__doc__
        return task(name=name, task_run_name=name, cache_policy=NO_CACHE, persist_result=False)(ended)

    return made


@step("take up")
def take_up(run: Sweeping) -> None:
    """See what became of what earlier sweeps handed over."""
    run.take_up()


@step("look through")
def look_through(run: Sweeping) -> None:
    """Look at every file, and decide what is new and settled, whose it is and where it goes."""
    run.look_through()


@step("hand over")
def hand_over(run: Sweeping) -> None:
    """Ask for imports of what is new."""
    run.hand_over()


@step("put away")
def put_away(run: Sweeping) -> None:
    """Move or delete what was imported and confirmed, as the definition says."""
    run.put_away()


@step("show")
def show(run: Sweeping) -> None:
    """Leave the table and the totals, and tell administrators what is newly set aside."""
    run.show()
