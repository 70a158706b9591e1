"""The files of one import that is over: moved or deleted as was asked with it, later than the import itself."""

from prefect import flow
from prefect.client.schemas.objects import State

from flows.core.names import PUT_AWAY_FLOW
from flows.departure import departure


@flow(name=PUT_AWAY_FLOW, persist_result=False)
def put_away(import_id: str) -> State[None]:
    """Move or delete the files of an import, as was asked with it, once its delay is over.

    It is made by the import and starts by itself. Each file is compared with what OMERO holds before it goes; what
    cannot be done is tried again, and told to the user at last. Retry tries it again; Cancel leaves the files.

    Args:
        import_id: The id of the import.
    """
    with departure(import_id) as files:
        files.put_away()
    return files.verdict()
