"""What housekeeping keeps in mind from round to round: Prefect Variables with JSON, which an operator can read."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import VariableCreate, VariableUpdate
from prefect.client.schemas.objects import Variable
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

PAGE = 200
TAGS = ["courier"]


def read(client: SyncPrefectClient, name: str) -> dict[str, Any] | None:
    """Return what was noted under this name; None when nothing was."""
    found = client.read_variable_by_name(name)
    return found.value if found is not None and isinstance(found.value, dict) else None


def begin(client: SyncPrefectClient, name: str, content: dict[str, Any]) -> bool:
    """Note something unless there is a note of this name; say whether it was this call that made it."""
    try:
        client.create_variable(VariableCreate(name=name, value=content, tags=TAGS))
    except ObjectAlreadyExists:
        return False
    return True


def write(client: SyncPrefectClient, name: str, content: dict[str, Any] | str) -> None:
    """Note something, in place of what was noted before."""
    try:
        client.create_variable(VariableCreate(name=name, value=content, tags=TAGS))
    except ObjectAlreadyExists:
        client.update_variable(VariableUpdate(name=name, value=content))


def drop(client: SyncPrefectClient, name: str) -> None:
    """Forget a note, if there is one."""
    with suppress(ObjectNotFound):
        client.delete_variable_by_name(name)


def starting_with(client: SyncPrefectClient, prefix: str) -> Iterator[Variable]:
    """Return all notes whose name begins so."""
    wanted = {"name": {"like_": f"{prefix}%"}}
    for offset in count(0, PAGE):
        asked = {"variables": wanted, "limit": PAGE, "offset": offset, "sort": "NAME_ASC"}
        page = Variable.model_validate_list(client.request("POST", "/variables/filter", json=asked).json())
        yield from (each for each in page if each.name.startswith(prefix))
        if len(page) < PAGE:
            return
