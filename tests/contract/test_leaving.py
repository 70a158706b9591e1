"""What becomes of the files of an import that asked for it, with an OMERO to be asked about them."""

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet

from flows.core import pipeline
from flows.core.afterwards.begun import begun, files_begun
from flows.core.afterwards.below import Below
from flows.core.control import Stage
from flows.core.errors import SourceNotAllowed
from flows.core.job import Job
from flows.core.leaving import is_open, leave
from flows.core.ledger import Ledger
from flows.core.requests import AfterImport, ImportRequest
from flows.core.settings import Settings

pytestmark = pytest.mark.contract


class Died(BaseException):
    """The process was killed."""


@pytest.fixture
def root(tmp_path):
    """A folder of alice's."""
    folder = tmp_path / "data" / "alice"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def trail(tmp_path):
    """Read what the audit trail says of files."""

    def read():
        lines = map(json.loads, (tmp_path / "audit.jsonl").read_text().splitlines())
        return [each for each in lines if each["action"].endswith("-files")]

    return read


@pytest.fixture
def settings(stand_in, root, tmp_path):
    """One root, which allows everything."""

    def settings(after=("keep", "move", "delete"), **more):
        return Settings(
            servers={"main": stand_in.server},
            roots={"data": {"path": f"{root.parent}/{{user}}", "after": after}},
            verification={"settle_seconds": 0},
            audit={"file": tmp_path / "audit.jsonl"},
            seal_keys=[Fernet.generate_key().decode()],
            **more,
        )

    return settings


@pytest.fixture
def image(make_image, root):
    """Put an image of its own content into a folder of the root."""

    def image(name="cells.ome.tiff", folder="day"):
        path = root / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(make_image(name).read_bytes())
        return path

    return image


@pytest.fixture
def imports(settings, run_key):
    """Import as a run does, up to its end: `imports("move", path)`."""
    jobs, as_set = [], settings()

    def imports(after, *sources, ledger=None, attempt=1, run=run_key[:36], settings=None, **more):
        request = ImportRequest(
            on_behalf_of="alice",
            sources=[str(each) for each in sources],
            target=f"Dataset:name:{run_key[:36]}",
            after_import=after,
            **more,
        )
        job = Job(run, request, settings or as_set, ledger=ledger, attempt=attempt)
        jobs.append(job)
        for chunk in pipeline.prepare(job):
            for stage in (pipeline.verify, pipeline.transfer, pipeline.bring_in):
                assert stage(job, chunk) is None
        return job

    yield imports
    for job in jobs:
        job.account.close()


def outcomes(job):
    return [each.put_away.outcome for each in job.ledger.statuses()]


def codes(job):
    return [each.put_away.code for each in job.ledger.statuses()]


def files_in(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def now():
    return datetime.now(UTC)


def test_files_are_moved_once_omero_was_seen_to_hold_them(imports, image, root, trail):
    source = image()
    content = hashlib.sha1(source.read_bytes()).hexdigest()
    job = imports("move", source.parent)
    leave(job, job.found, over=now())

    moved = root / "imported" / "day" / "cells.ome.tiff"
    assert files_in(root) == {"imported/day/cells.ome.tiff"}
    assert hashlib.sha1(moved.read_bytes()).hexdigest() == content
    (status,) = job.ledger.statuses()
    assert (status.put_away.outcome, status.put_away.moved_to) == ("moved", (str(moved),))
    (line,) = trail()
    assert (line["action"], line["sources"], line["destinations"]) == ("moved-files", [str(source)], [str(moved)])
    assert ("who" in line, line["as_whom"], line["import_id"]) == (False, "alice", job.run_id)


def test_files_are_deleted(imports, image, root, trail):
    source = image()
    job = imports("delete", source)
    leave(job, job.found, over=now())

    assert files_in(root) == set()
    assert outcomes(job) == ["deleted"]
    assert trail()[0]["action"] == "deleted-files"


def test_nothing_is_replaced(imports, image, root):
    (root / "imported" / "day").mkdir(parents=True)
    (root / "imported" / "day" / "cells.ome.tiff").write_text("an earlier one")
    job = imports("move", image())
    leave(job, job.found, over=now())

    assert files_in(root) == {"imported/day/cells.ome.tiff", "imported/day/cells (2).ome.tiff"}


def test_what_omero_had_already_is_put_away_too(imports, image, root):
    source = image()
    imports("keep", source)
    source.rename(source.with_name("again.ome.tiff"))
    job = imports("delete", source.parent, run=str(uuid4()))
    leave(job, job.found, over=now())

    assert [(each.duplicate, each.put_away.outcome) for each in job.ledger.statuses()] == [(True, "deleted")]


def test_with_a_delay_files_stay_until_their_time(imports, image):
    source = image()
    job = imports("delete", source, after_delay_hours=24)
    over = now()
    leave(job, job.found, over=over)

    (status,) = job.ledger.statuses()
    assert (status.put_away.outcome, status.put_away.due) == ("waiting", over + timedelta(hours=24))
    assert source.is_file()
    assert is_open(AfterImport.DELETE, job.ledger.statuses())

    leave(job, job.found, over=over, now=over + timedelta(hours=25))
    assert outcomes(job) == ["deleted"]
    assert not source.exists()


def test_a_file_that_changed_since_stays(imports, image):
    source = image()
    job = imports("delete", source)
    source.write_bytes(b"something else")
    leave(job, job.found, over=now())

    assert (outcomes(job), codes(job)) == (["kept"], ["source-changed"])
    assert source.read_bytes() == b"something else"
    assert not is_open(AfterImport.DELETE, job.ledger.statuses())


def test_where_the_root_does_not_allow_it_nothing_is_imported(imports, settings, image):
    with pytest.raises(SourceNotAllowed, match="may not be deleted"):
        imports("delete", image(), settings=settings(after=("keep", "move")))


def test_where_omero_is_away_files_stay_and_it_is_tried_again(imports, image, trouble, root):
    image(), image("other.ome.tiff")
    job = imports("delete", root / "day")
    trouble.fault("projection", "drop-connection", times=50)
    leave(job, job.found, over=now())

    assert outcomes(job) == ["kept", "kept"]
    assert is_open(AfterImport.DELETE, job.ledger.statuses())
    trouble.clear()
    leave(job, job.found, over=now())
    assert outcomes(job) == ["deleted", "deleted"]


def test_what_a_dead_process_had_begun_is_finished_by_the_next_attempt(imports, image, root, monkeypatch):
    image(), image("other.ome.tiff")
    job = imports("move", root / "day")
    real = os.rename

    def die(source, goal, **more):
        real(source, goal, **more)
        raise Died

    monkeypatch.setattr(os, "rename", die)
    with pytest.raises(Died):
        leave(job, job.found, over=now())
    monkeypatch.undo()

    ledger = Ledger()
    ledger.restore(job.ledger.statuses(), failed_too=False)
    again = imports("move", root / "day", ledger=ledger, attempt=2)
    assert {each.stage for each in ledger.statuses()} == {Stage.DONE}
    leave(again, again.found, over=now())

    assert outcomes(again) == ["moved", "moved"]
    assert files_in(root) == {"imported/day/cells.ome.tiff", "imported/day/other.ome.tiff"}


def test_what_an_import_had_begun_no_sweep_takes_for_its_own(imports, image, root, monkeypatch):
    source = image()
    job = imports("move", source)
    monkeypatch.setattr(os, "rename", lambda *_, **__: (_ for _ in ()).throw(Died))
    with pytest.raises(Died):
        leave(job, job.found, over=now())

    assert begun(Below(root)) == []
    assert [deed.item.run_id for deed in begun(Below(root), job.run_id)] == [job.run_id]
    assert files_begun(root) == {str(source)}


def test_what_was_put_away_is_not_imported_with_the_folder_again(imports, image, root):
    job = imports("move", image())
    leave(job, job.found, over=now())
    image("next.ome.tiff")
    again = imports("move", root, attempt=2)

    assert [each.name for each in again.found] == ["next.ome.tiff"]


def test_within_a_swept_folder_files_go_where_sweeps_put_them(imports, settings, image, root, tmp_path):
    definitions = tmp_path / "sweeps"
    definitions.mkdir()
    (definitions / "people.yaml").write_text(f"root: {root.parent}\nassign:\n  path: '{{user}}'\n")
    job = imports("move", image(), settings=settings(sweeps={"folder": definitions}))
    leave(job, job.found, over=now())

    assert files_in(root.parent) == {"imported/alice/day/cells.ome.tiff"}
