"""Folders that import themselves, in the sandbox: what OMERO holds after sweeps, whatever happened to the folder."""

import errno
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest

from deployments.sandbox.images import make_small_ome_tiff, make_truncated
from flows import sweeping
from flows.core.names import FOLDER_AWAY, UNDER_WAY
from flows.core.sweep import listing, walk
from flows.core.sweep.memory import Memory
from flows.core.sweep.verdicts import Verdict
from flows.core.worker_orders import Orders, write_orders
from flows.locks import alone
from tests.support.courier import eventually
from tests.support.instrument import Instrument
from tests.support.sweeps import Swept, WatchedFolder

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]

ImagesIn = Callable[[str], list[str]]


def test_what_lies_in_the_folder_is_imported_where_its_path_says(watched: WatchedFolder, images_in: ImagesIn) -> None:
    watched.is_defined()
    one, two = (watched.gets(f"{watched.name}-a/{name}") for name in ("one.ome.tiff", "two.ome.tiff"))
    assert watched.ended(watched.begins()).totals.handed_over == 2
    swept = watched.imports_everything()

    assert images_in(f"{watched.name}-a") == [one.name, two.name]
    assert swept.count(Verdict.IMPORTED) == 2


def test_a_dry_run_says_what_would_be_imported_and_changes_nothing(watched: WatchedFolder, images_in: ImagesIn) -> None:
    watched.is_defined()
    image = watched.gets(f"{watched.name}-dry/one.ome.tiff")
    swept = watched.is_swept(dry_run=True)

    row = swept.row(image)
    assert (row.verdict, row.user, row.target) == (Verdict.NEW, "alice", f"Dataset:name:{watched.name}-dry")
    assert (swept.totals.imports, watched.memory.exists()) == (0, False)


def test_nothing_is_imported_twice_though_the_memory_is_deleted(watched: WatchedFolder, images_in: ImagesIn) -> None:
    watched.is_defined()
    watched.gets(f"{watched.name}-b/one.ome.tiff")
    watched.imports_everything()
    for file in watched.memory.parent.glob(f"{watched.memory.name}*"):
        file.unlink()
    swept = watched.imports_everything()

    assert images_in(f"{watched.name}-b") == ["one.ome.tiff"]
    assert (swept.count(Verdict.IMPORTED), swept.totals.imports) == (1, 0)


def test_a_file_that_was_touched_or_renamed_is_not_imported_again(watched: WatchedFolder, images_in: ImagesIn) -> None:
    watched.is_defined()
    touched = watched.gets(f"{watched.name}-c/touched.ome.tiff")
    renamed = watched.gets(f"{watched.name}-c/before.ome.tiff")
    watched.imports_everything()
    os.utime(touched)
    renamed.rename(renamed.with_name("after.ome.tiff"))
    swept = watched.imports_everything()

    assert images_in(f"{watched.name}-c") == ["before.ome.tiff", "touched.ome.tiff"]
    assert swept.count(Verdict.IMPORTED) == 2


def test_a_file_whose_content_changed_is_new(watched: WatchedFolder, images_in: ImagesIn) -> None:
    watched.is_defined()
    image = watched.gets(f"{watched.name}-d/one.ome.tiff")
    watched.imports_everything()
    make_small_ome_tiff(image, seed=20261125)
    watched.imports_everything()

    assert images_in(f"{watched.name}-d") == ["one.ome.tiff", "one.ome.tiff"]


def test_a_vanished_folder_is_not_an_empty_one(watched: WatchedFolder, images_in: ImagesIn) -> None:
    watched.is_defined()
    watched.gets(f"{watched.name}-e/one.ome.tiff")
    watched.imports_everything()
    elsewhere = watched.root.rename(watched.root.with_name(f"{watched.root.name}-elsewhere"))
    away = watched.is_swept()
    watched.root.mkdir()
    empty = watched.is_swept()
    watched.root.rmdir()
    elsewhere.rename(watched.root)
    back = watched.is_swept()

    assert (away.state, empty.state, back.state) == (FOLDER_AWAY, FOLDER_AWAY, "Completed")
    assert (back.count(Verdict.IMPORTED), back.totals.imports) == (1, 0)


def test_a_folder_in_it_that_cannot_be_listed_is_set_aside_and_told(
    watched: WatchedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.is_defined()
    closed = watched.gets(f"{watched.name}-closed/one.ome.tiff").parent

    def list_folder(path: str, root: str) -> listing.Listing:
        if path == str(closed):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return listing.list_folder(path, root)

    monkeypatch.setattr(walk, "list_folder", list_folder)  # as root, modes say nothing
    swept = watched.is_swept_here()

    assert (swept.state, swept.count(Verdict.QUARANTINED)) == ("Completed", 1)
    assert (swept.row(closed).code, swept.row(closed).verdict) == ("folder-unreadable", Verdict.QUARANTINED)
    (mail,) = eventually(watched.mails, "the mail")
    assert "cannot be looked into" in str(mail.get_body(("plain",)))


def test_a_fault_on_the_way_fails_the_sweep_and_is_told_once_a_day(
    watched: WatchedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.is_defined()

    def look(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sweeping, "look", look)
    first, second = watched.is_swept_here(), watched.is_swept_here()

    assert (first.state, second.state) == ("Failed", "Failed")
    assert "No space left on device" in first.totals.problem
    (mail,) = eventually(watched.mails, "the mail")
    assert str(mail["Subject"]).startswith("A watched folder is not swept")


def test_a_definition_that_was_broken_since_fails_the_sweep_with_its_line_and_is_told_once_a_day(
    watched: WatchedFolder,
) -> None:
    watched.is_defined()
    file = watched.sandbox.home.sweeps / f"{watched.name}.yaml"
    sound = file.read_text()
    file.write_text(f"{sound}depht: 3\n")
    try:
        first, second = watched.is_swept(), watched.is_swept()
    finally:
        file.write_text(sound)

    assert (first.state, second.state) == ("Failed", "Failed")
    assert f"{watched.name}.yaml:{len(sound.splitlines()) + 1}: " in str(first.run.state and first.run.state.message)
    (mail,) = eventually(watched.mails, "the mail")
    assert str(mail["Subject"]).startswith("A watched folder is not swept")


def test_while_its_machine_is_to_be_left_alone_nothing_is_looked_at(
    watched: WatchedFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    watched.is_defined()
    watched.gets(f"{watched.name}-k/one.ome.tiff")
    orders = tmp_path / "worker.orders.json"
    write_orders(orders, Orders(held="quiet hours 08:00-18:00", held_since=datetime(2026, 1, 1, tzinfo=UTC)))
    monkeypatch.setenv("COURIER_WORKER__ORDERS", str(orders))
    held = watched.is_swept_here()
    write_orders(orders, Orders())
    free = watched.is_swept_here()

    assert (held.state, held.totals.files, free.state, free.totals.files) == ("PutOff", 0, "Completed", 1)
    assert "quiet hours 08:00-18:00" in held.totals.problem
    assert watched.mails() == []


def test_sweeps_of_one_folder_never_overlap(watched: WatchedFolder) -> None:
    watched.is_defined()
    with alone(watched.name):
        swept = watched.ended(watched.begins())

    assert swept.state == UNDER_WAY


def test_files_of_a_user_whom_omero_does_not_know_are_set_aside_and_told_once(watched: WatchedFolder) -> None:
    watched.is_defined(assign={"path": "{user}/{dataset}"})
    image = watched.gets("nobody-of-that-name/day/one.ome.tiff")
    watched.is_swept()
    watched.is_swept()
    swept = watched.is_swept()

    assert (swept.row(image).verdict, swept.row(image).code) == (Verdict.QUARANTINED, "unknown-user")
    assert len(eventually(watched.mails, "the mail")) == 1


def test_what_failed_is_not_tried_again_until_it_is_released(watched: WatchedFolder) -> None:
    watched.is_defined()
    (watched.root / watched.name).mkdir()
    broken = make_truncated(watched.root / watched.name / "broken.ome.tiff")
    first = watched.imports_everything()
    second = watched.is_swept()
    with Memory.opened(watched.memory) as memory:
        memory.release()
    third = watched.imports_everything()

    assert [each.row(broken).verdict for each in (first, second, third)] == [Verdict.FAILED] * 3
    assert first.row(broken).import_id == second.row(broken).import_id != third.row(broken).import_id


@pytest.mark.thorough
def test_limits_cut_what_is_new_into_imports_and_leave_the_rest_for_later(watched: WatchedFolder) -> None:
    watched.is_defined(limits={"filesets_per_run": 2, "filesets_per_sweep": 3})
    for number in range(4):
        watched.gets(f"{watched.name}-f/{number}.ome.tiff")
    swept = watched.is_swept()

    assert (swept.totals.imports, swept.totals.handed_over, swept.count(Verdict.WAITING)) == (2, 3, 1)
    assert watched.imports_everything().count(Verdict.IMPORTED) == 4


def test_odd_names_and_files_stop_nothing(watched: WatchedFolder, images_in: ImagesIn) -> None:
    watched.is_defined()
    folder = watched.root / f"{watched.name}-g"
    watched.gets(f"{folder.name}/two\nlines.ome.tiff")
    watched.gets(f"{folder.name}/{'long' * 60}.ome.tiff")
    (folder / "empty.tif").touch()
    (folder / "five.tif").write_bytes(b"II*\0\0")
    (folder / "loop").symlink_to(folder)
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.tif")).write_bytes(b"II*\0")
    swept = watched.imports_everything()

    # OMERO keeps no line feed in a name of its repository (omero-common: FilePathRestrictions).
    assert images_in(folder.name) == [f"{'long' * 60}.ome.tiff", "two_lines.ome.tiff"]
    set_aside = {each.path.rpartition("/")[2]: each.verdict for each in swept.rows if each.code != "imported"}
    assert {set_aside[name] for name in ("empty.tif", "caf�.tif")} == {Verdict.QUARANTINED}
    assert set_aside["five.tif"] in {Verdict.FAILED, Verdict.QUARANTINED}


@pytest.mark.parametrize(
    ("sets", "images"), [(False, 10), pytest.param(True, 12, marks=pytest.mark.thorough)], ids=["files", "sets too"]
)
def test_what_an_instrument_finished_is_in_omero_once(
    watched: WatchedFolder, images_in: ImagesIn, tmp_path: Path, sets: bool, images: int
) -> None:
    quiet = timedelta(seconds=2)
    watched.is_defined(settled={"quiet_minutes": quiet / timedelta(minutes=1)})
    folder = watched.root / f"{watched.name}-h"
    folder.mkdir()
    instrument = Instrument(folder, tmp_path, seed=7, sets=sets)
    at_work = instrument.steps(images)
    while next(at_work, "over") != "over":
        for _ in range(8):
            next(at_work, None)
        watched.is_swept()
    watched.imports_everything()

    assert images_in(folder.name) == sorted(instrument.finished)
    assert instrument.begun


def test_what_was_imported_is_moved_once_omero_was_seen_to_hold_it(watched: WatchedFolder, images_in: ImagesIn) -> None:
    watched.is_defined(afterwards={"imported": "move"})
    image = watched.gets(f"{watched.name}-i/one.ome.tiff")
    content = image.read_bytes()
    swept = eventually(lambda: _put_away(watched.is_swept()), "the file is put away")

    moved = watched.root / "imported" / image.relative_to(watched.root)
    assert (image.exists(), moved.read_bytes() == content, swept.totals.put_away) == (False, True, 1)
    assert images_in(f"{watched.name}-i") == [image.name]
    assert watched.is_swept().totals.files == 0


@pytest.mark.thorough
def test_what_failed_is_moved_with_the_reason_beside_it(watched: WatchedFolder) -> None:
    watched.is_defined(afterwards={"failed": "move"})
    (watched.root / watched.name).mkdir()
    broken = make_truncated(watched.root / watched.name / "broken.ome.tiff")
    eventually(lambda: _put_away(watched.is_swept()), "the file is put away")

    moved = watched.root / "failed" / broken.relative_to(watched.root)
    assert (broken.exists(), moved.exists()) == (False, True)
    assert "could not be imported into OMERO" in moved.with_name(f"{moved.name}.reason.txt").read_text()


def _put_away(swept: Swept) -> Swept | None:
    return swept if swept.totals.put_away else None
