"""The sweep of one watched folder: what is new and settled becomes imports."""

from prefect import flow
from prefect.client.schemas.objects import State

from flows.core.names import SWEEP_FLOW
from flows.sweep_tasks import hand_over, look_through, put_away, show, take_up
from flows.sweeping import name_sweep, sweeping


@flow(name=SWEEP_FLOW, flow_run_name=name_sweep, persist_result=False)
def sweep_folders(sweep: str, dry_run: bool = False) -> State[None]:
    """Look through a watched folder, and have what is new and settled there imported.

    It starts by itself. To see what it would do, choose Run and Custom run, and switch on the dry run: its table then
    says what would be imported, as whom, where, and why the rest would not. A dry run changes nothing.

    Args:
        sweep: The name of the watched folder; it stays as it is.
        dry_run: Only show what would be done.
    """
    with sweeping(sweep, dry_run=dry_run) as run:
        run.does(take_up, put_away, look_through, hand_over)
        run.does_in_any_case(show)
    return run.verdict()
