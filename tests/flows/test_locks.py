"""The striped lock: who may be about the same files waits, everybody else does not."""

import threading
from collections.abc import Sequence
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client

from flows import locks as locks_of_courier
from flows.core.errors import ImportCancelled
from flows.core.names import lock_name
from flows.core.requests import Fileset, SourceFile
from flows.locks import stripe, striped_lock

WHOSE = ["omero-main", "alice"]


def fileset(name: str, size: int = 100) -> Fileset:
    path = f"/data/alice/{name}"
    return Fileset(files=(SourceFile(path=path, client_path=path, size=size, mtime_ns=0),))


@pytest.fixture(autouse=True, scope="module")
def locks(engine: object) -> None:
    """Those that the tests use, if the deployment did not make them."""
    with get_client(sync_client=True) as client:
        for size in (100, 101):
            name = lock_name(stripe(WHOSE, fileset("a.tif", size)))
            client.upsert_global_concurrency_limit_by_name(name, 1)


def test_files_of_the_same_size_share_a_lock_wherever_they_lie() -> None:
    assert stripe(WHOSE, fileset("a.tif")) == stripe(WHOSE, fileset("elsewhere/b.tif"))
    assert stripe(WHOSE, fileset("a.tif")) != stripe(["omero-main", "bob"], fileset("a.tif"))


def test_who_may_be_about_the_same_files_waits_until_the_first_has_finished() -> None:
    steps: list[str] = []
    waits, entered = threading.Event(), threading.Event()

    def second() -> None:
        with striped_lock([fileset("copy.tif")], whose=WHOSE, check=waits.set):
            steps.append("second")
            entered.set()

    with striped_lock([fileset("a.tif"), fileset("a.tif", 101)], whose=WHOSE):
        other = threading.Thread(target=second)
        other.start()
        assert waits.wait(30)
        steps.append("first")
        assert not entered.is_set()
    other.join(30)

    assert steps == ["first", "second"]


def test_of_the_chunks_of_an_import_one_asks_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asking: list[str] = []
    tried_twice = threading.Event()
    really_try = locks_of_courier._try

    def seen(client: SyncPrefectClient, names: Sequence[str]) -> UUID | None:
        asking.append(threading.current_thread().name)
        if len(asking) > 2:
            tried_twice.set()
        return really_try(client, names)

    def chunk() -> None:
        with striped_lock([fileset("a.tif")], whose=WHOSE):
            pass

    chunks = [threading.Thread(target=chunk, name=f"chunk {number}") for number in range(3)]
    with striped_lock([fileset("a.tif")], whose=WHOSE):
        monkeypatch.setattr(locks_of_courier, "_try", seen)
        for each in chunks:
            each.start()
        assert tried_twice.wait(30)
        assert len(set(asking)) == 1
    for each in chunks:
        each.join(30)

    assert {each.name for each in chunks} == set(asking)


def test_a_lock_is_free_again_after_a_failure() -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="no image"), striped_lock([fileset("a.tif")], whose=WHOSE):
            raise ValueError("no image")


def test_who_waits_still_hears_the_cancel() -> None:
    def cancelled() -> None:
        raise ImportCancelled

    second = striped_lock([fileset("a.tif")], whose=WHOSE, check=cancelled)

    with striped_lock([fileset("a.tif")], whose=WHOSE), pytest.raises(ImportCancelled):
        second.__enter__()
