"""After the upload: steps, callbacks, cancelling, and how many imports are processed at once."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import omero
from omero.callbacks import CmdCallbackI

from tests.support.understudy import Understudy
from tests.understudy.conftest import Connect
from tests.understudy.plain import SECONDS, begin, project, response, upload


class Steps(CmdCallbackI):  # type: ignore[misc]
    """Remembers the steps it was told of."""

    def __init__(self, *arguments: Any) -> None:
        self.seen: list[int] = []
        super().__init__(*arguments)

    def step(self, complete: int, total: int, current: Any = None) -> None:
        self.seen.append(complete)


def test_five_steps_are_told_to_callbacks(connect: Connect, limited: Understudy, image: Path) -> None:
    client = connect("alice", to=limited)
    process = begin(client, [image])
    steps = Steps(client, process.verifyUpload(upload(process, [image])))

    assert steps.event.wait(SECONDS)
    # Calls overtake each other.
    assert until(lambda: steps.getStatus().steps == 5 and sorted(steps.seen)[-2:] == [3, 4])


def test_a_running_import_outlives_its_client_s_session(connect: Connect, limited: Understudy, image: Path) -> None:
    client, watcher = connect("alice", to=limited), connect("alice", to=limited)
    process = begin(client, [image])
    handle = process.verifyUpload(upload(process, [image]))
    before = limited.control.stats()
    client.closeSession()

    assert handle is not None
    assert before.imports_running == 1
    assert until(lambda: limited.control.stats().imports_running == 0)
    assert limited.control.stats().sessions == before.sessions - 1
    assert project(watcher, "select j.status.value from UploadJob j order by j.id desc")[0] == ["Finished"]


def until(condition: Callable[[], bool]) -> bool:
    """Ask until it holds, each time a call to the server, for some seconds at most."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if condition():
            return True
    return False


def test_a_running_import_is_cancelled_between_steps(connect: Connect, limited: Understudy, image: Path) -> None:
    client = connect("alice", to=limited)
    process = begin(client, [image])
    handle = process.verifyUpload(upload(process, [image]))

    assert handle.cancel()
    assert handle.getResponse().name == "cancel-called"
    assert omero.cmd.State.CANCELLED in handle.getStatus().flags


def verify_all(client: Any, image: Path, how_many: int) -> list[Any]:
    """Asked for at once; each answers with a handle or an exception."""
    processes = [begin(client, [image]) for _ in range(how_many)]
    hashes = [upload(process, [image]) for process in processes]
    calls = [process.begin_verifyUpload(sent) for process, sent in zip(processes, hashes, strict=True)]
    answers: list[Any] = []
    for process, call in zip(processes, calls, strict=True):
        try:
            answers.append(process.end_verifyUpload(call))
        except omero.InternalException as rejected:
            answers.append(rejected)
    return answers


def test_more_imports_than_threads_wait_in_verify_upload(connect: Connect, limited: Understudy, image: Path) -> None:
    client = connect("alice", to=limited)
    limited.control.clear()
    handles = verify_all(client, image, 4)

    assert all(isinstance(response(client, handle), omero.grid.ImportResponse) for handle in handles)
    assert limited.control.stats().imports_at_once == 2


def test_who_waits_too_long_for_a_thread_is_rejected(connect: Connect, limited: Understudy, image: Path) -> None:
    answers = verify_all(connect("alice", to=limited), image, 7)
    rejected = [answer.message for answer in answers if isinstance(answer, omero.InternalException)]

    assert rejected
    assert all("Failed to execute" in message for message in rejected)
