"""The import of images for one user into one OMERO server: verify -> transfer -> import -> notify."""

from prefect import flow
from prefect.client.schemas.objects import State

from flows.attempt import Attempt, attempt, name_run
from flows.core.job import Chunk
from flows.core.requests import ImportRequest
from flows.tasks import import_files, notify, prepare, put_away_files, transfer_files, verify_files


@flow(name="import-images", flow_run_name=name_run, persist_result=False)
def import_images(request: ImportRequest) -> State[None]:
    """Bring microscopy images into OMERO for one of its users, who need not be logged in.

    To start one, choose Run and Custom run, and name the files or folders and the OMERO user they belong to.
    The run checks the files, imports them, reads the images back, and tells the user what went in and what did not.
    One bad file does not stop the others. How far it is, and its report, stand among its artifacts.
    """
    with attempt(request, afterwards=put_away_files, at_the_end=notify) as run:
        run.side_by_side(bring_in, prepare(run.job))
        run.side_by_side(bring_in, run.stragglers())
    return run.verdict()


def bring_in(run: Attempt, chunk: Chunk) -> None:
    """Pass one chunk of filesets through the stages; each takes up what the one before let through."""
    run.outcome(verify_files(run.job, chunk, return_state=True))
    run.outcome(transfer_files(run.job, chunk, return_state=True))
    run.outcome(import_files(run.job, chunk, return_state=True))
