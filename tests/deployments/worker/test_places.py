"""Workers of a machine enter themselves where others find them."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deployments.worker.places import Entry, Places, WorkerProblem, directory_of, entered, running
from flows.core.settings import Worker


def test_a_worker_is_found_while_it_runs(tmp_path: Path) -> None:
    with entered(tmp_path, "host.example-omero-main", "omero-main"):
        assert [(each.name, each.pid) for each in running(tmp_path)] == [("host.example-omero-main", os.getpid())]
        assert running(tmp_path, "omero-main") != []
        assert running(tmp_path, "omero-other") == []

    assert running(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_two_workers_of_one_name_do_not_run_side_by_side(tmp_path: Path) -> None:
    with entered(tmp_path, "one", "omero-main"), pytest.raises(WorkerProblem, match="one runs on this machine"):
        entered(tmp_path, "one", "omero-other").__enter__()


def test_a_dead_worker_is_no_worker(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    entry = Entry(name="dead", pool="omero-main", pid=process.pid, began=psutil.Process(process.pid).create_time())
    Places(tmp_path, "dead").entry.write_text(entry.model_dump_json())
    assert [each.name for each in running(tmp_path)] == ["dead"]

    process.communicate()

    assert running(tmp_path) == []


def test_another_process_of_the_same_number_is_no_worker(tmp_path: Path) -> None:
    entry = Entry(name="earlier", pool="omero-main", pid=os.getpid(), began=1.0)
    Places(tmp_path, "earlier").entry.write_text(entry.model_dump_json())

    assert running(tmp_path) == []


def test_an_order_to_stop_does_not_outlive_the_worker_that_it_was_for(tmp_path: Path) -> None:
    Places(tmp_path, "one").drain.touch()

    with entered(tmp_path, "one", "omero-main") as places:
        assert not places.drain.exists()


def test_the_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    directory = directory_of(Worker(directory=tmp_path / "run" / "courier"))

    assert directory.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)

    with pytest.raises(WorkerProblem, match="another account"):
        directory_of(Worker(directory=tmp_path))
