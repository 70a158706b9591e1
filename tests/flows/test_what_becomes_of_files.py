"""Files in place, and files that are moved or deleted after the import: through the sandbox, as users ask for it."""

from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.home import Running
from deployments.sandbox.images import make_small_ome_tiff
from tests.support.courier import Courier, eventually

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(240)]


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def put_away(answer: dict[str, Any]) -> dict[str, Any]:
    (fileset,) = answer["filesets"]
    told: dict[str, Any] = fileset["put_away"]
    return told


def test_a_file_is_linked_into_omeros_repository(alice: Courier, sandbox: Running) -> None:
    folder = alice.folder()
    image = folder / "cells.ome.tiff"
    make_small_ome_tiff(image)

    ended = alice.outcome(alice.asks(image, placement="ln_s"))

    assert ended["state"] == "completed"
    links = [path for path in (sandbox.home.omero / "ManagedRepository").rglob("*") if path.is_symlink()]
    assert image.resolve() in {link.resolve() for link in links}
    assert files_in(folder) == {"cells.ome.tiff"}


def test_files_are_moved_at_the_end_of_the_import_and_its_user_hears_of_it(alice: Courier) -> None:
    folder = alice.folder()
    make_small_ome_tiff(folder / "cells.ome.tiff")

    ended = alice.outcome(alice.asks(folder, after_import="move"))

    moved = folder.parent / "imported" / folder.name / "cells.ome.tiff"
    assert ended["state"] == "completed"
    assert (put_away(ended)["outcome"], put_away(ended)["moved_to"]) == ("moved", [str(moved)])
    assert moved.is_file()
    assert files_in(folder) == set()


def test_files_are_deleted_later_by_a_run_of_their_own(alice: Courier) -> None:
    folder = alice.folder()
    make_small_ome_tiff(folder / "cells.ome.tiff")

    number = alice.asks(folder, after_import="delete", after_delay_hours=0.002)
    ended = alice.outcome(number)

    assert ended["state"] == "completed"
    assert put_away(ended)["outcome"] in {"waiting", "deleted"}
    eventually(lambda: put_away(alice.status(number))["outcome"] == "deleted", "the file was deleted")
    assert files_in(folder) == set()
