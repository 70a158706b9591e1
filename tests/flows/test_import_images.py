"""The whole way, through the sandbox: what OMERO and the mailbox hold afterwards."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from omero.gateway import BlitzGateway
from omero.rtypes import rstring
from omero.sys import ParametersI

from deployments.sandbox.home import Running
from deployments.sandbox.images import make_ome_tiff, make_ome_tiff_set, make_small_ome_tiff
from deployments.sandbox.understudy.control import Control
from flows.core.omero_client.annotations import PROVENANCE
from tests.support.courier import Courier, eventually

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(240)]


@pytest.fixture
def faults(sandbox: Running) -> Iterator[Control]:
    control = Control(sandbox.omero_control)
    yield control
    control.clear()


@pytest.fixture
def omero(sandbox: Running) -> Iterator[Any]:
    gateway = BlitzGateway(
        "alice", sandbox.logins["alice"], host=sandbox.omero_host, port=sandbox.omero_ssl_port, secure=True
    )
    assert gateway.connect(), gateway.getLastError()
    yield gateway
    gateway.close()


def images_of(omero: Any, dataset: str) -> list[Any]:
    (found,) = omero.getObjects("Dataset", attributes={"name": dataset})
    return list(omero.getObjects("Image", opts={"dataset": found.getId()}))


def broken(path: Path) -> Path:
    path.write_text("This was to be an image.")
    return path


def test_files_come_into_the_asked_for_dataset_with_what_was_said_of_them(alice: Courier, omero: Any) -> None:
    folder = alice.folder()
    make_small_ome_tiff(folder / "cells.ome.tiff")
    dataset = f"Dataset of {folder.name}"

    ended = alice.outcome(
        alice.asks(folder, target=f"Project:name:Flows/Dataset:name:{dataset}", key_values={"Cell line": "HeLa"})
    )

    assert ended["state"] == "completed"
    (image,) = images_of(omero, dataset)
    assert (image.getName(), image.getOwnerOmeName(), image.getSizeC()) == ("cells.ome.tiff", "alice", 2)
    said = {each.getNs(): dict(each.getValue()) for each in image.listAnnotations() if hasattr(each, "getValue")}
    assert said["openmicroscopy.org/omero/client/mapAnnotation"] == {"Cell line": "HeLa"}
    assert str(folder / "cells.ome.tiff").lstrip("/") in str(said[PROVENANCE])


@pytest.mark.parametrize("named", ["the folder", "one of its files"])
def test_files_that_belong_together_come_in_as_one_image(alice: Courier, omero: Any, named: str) -> None:
    folder = alice.folder()
    *_, last = make_ome_tiff_set(folder)
    number = alice.asks(folder if named == "the folder" else last)

    ended = alice.outcome(number)

    assert ended["state"] == "completed"
    (fileset,) = ended["filesets"]
    names = [Path(each).name for each in fileset["files"]]
    assert names == ["cells.companion.ome", "cells_DAPI.ome.tif", "cells_GFP.ome.tif"]
    (image,) = images_of(omero, folder.name)
    assert (image.getSizeZ(), image.getSizeC(), image.getSizeT()) == (3, 2, 1)


def test_one_broken_file_stops_no_other_and_everybody_is_told_why(alice: Courier, omero: Any) -> None:
    folder = alice.folder()
    make_small_ome_tiff(folder / "good.ome.tiff")
    broken(folder / "bad.tif")
    number = alice.asks(folder)

    ended = alice.outcome(number)

    assert ended["state"] == "partly_failed"
    assert {each["name"]: each["stage"] for each in ended["filesets"]} == {"good.ome.tiff": "done", "bad.tif": "failed"}
    assert [image.getName() for image in images_of(omero, folder.name)] == ["good.ome.tiff"]
    user, administrator = alice.mails(number)
    assert (user["To"], administrator["To"]) == ("alice@sandbox.example", "facility@sandbox.example")
    assert "Its name says TIFF, but it is a text." in str(user.get_body(("plain",)))


def test_an_import_goes_on_when_its_user_has_logged_out(alice: Courier, logged_in: Callable[[str], Courier]) -> None:
    folder = alice.folder()
    make_ome_tiff(folder / "cells.ome.tiff")
    number = alice.asks(folder)

    assert alice.http.delete("/v1/sessions/current").status_code == 204

    assert logged_in("alice").outcome(number)["state"] == "completed"


def test_the_audit_trail_says_who_asked_and_what_came_of_it(alice: Courier, sandbox: Running) -> None:
    image = make_small_ome_tiff(alice.folder() / "noted.ome.tiff")

    ended = alice.outcome(number := alice.asks(image))

    entries = map(json.loads, sandbox.home.audit_log.read_text().splitlines())
    asked, done = [each for each in entries if each.get("import_id") == number]
    assert (asked["action"], asked["who"]) == ("import", "user:alice")
    assert (done["action"], done["as_whom"], done["sources"]) == ("imported", "alice", [str(image)])
    assert done["images"] == [each["id"] for each in ended["filesets"][0]["images"]]


def test_what_a_run_shows_of_its_files_is_kept_once(alice: Courier, sandbox: Running) -> None:
    folder = alice.folder()
    for number in range(3):
        make_small_ome_tiff(folder / f"{number}.ome.tiff")
    number = alice.asks(folder)
    assert alice.outcome(number)["state"] == "completed"

    def events(what: str) -> int:
        asked = {"filter": {"event": {"name": [f"prefect.artifact.{what}"]}}}
        answer = httpx.post(f"{sandbox.prefect}/api/events/filter", json=asked, trust_env=False)
        total: int = answer.raise_for_status().json()["total"]
        return total

    eventually(lambda: events("created") or None, "Prefect keeps its events")
    assert events("updated") == 0


@pytest.mark.thorough
def test_the_audit_trail_says_what_was_deleted_and_what_was_skipped(
    alice: Courier, sandbox: Running, faults: Control
) -> None:
    image = make_small_ome_tiff(alice.folder() / "twice.ome.tiff")
    faults.fault("verifyUpload", "omero.DatabaseBusyException")

    first = alice.outcome(broken_off := alice.asks(image))
    alice.outcome(again := alice.asks(image))

    entries = [json.loads(line) for line in sandbox.home.audit_log.read_text().splitlines()]
    deleted, imported = [each for each in entries if each.get("import_id") == broken_off and "who" not in each]
    (skipped,) = [each for each in entries if each.get("import_id") == again and "who" not in each]
    assert (deleted["action"], imported["action"], skipped["action"]) == ("deleted", "imported", "skipped")
    assert deleted["filesets"][0] < first["filesets"][0]["fileset_id"]
    assert skipped["images"] == imported["images"]


def test_a_fault_that_passes_costs_a_second_attempt_and_no_second_image(
    alice: Courier, omero: Any, faults: Control
) -> None:
    folder = alice.folder()
    make_small_ome_tiff(folder / "cells.ome.tiff")
    faults.fault("verifyUpload", "omero.DatabaseBusyException")

    ended = alice.outcome(alice.asks(folder))

    assert ended["state"] == "completed"
    assert ended["filesets"][0]["attempts"] == 2
    assert len(images_of(omero, folder.name)) == 1


def test_copies_are_removed_when_they_were_imported(alice: Courier, sandbox: Running) -> None:
    folder = alice.folder()
    make_small_ome_tiff(folder / "cells.ome.tiff")

    ended = alice.outcome(number := alice.asks(folder, staging="stage"))

    assert ended["state"] == "completed"
    assert not (sandbox.home.staging / number).exists()


def test_a_cancel_leaves_nothing_half_imported_and_says_so(alice: Courier, omero: Any, faults: Control) -> None:
    folder = alice.folder()
    make_ome_tiff(folder / "cells.ome.tiff", t=12)
    faults.latency(write=0.5)
    number = alice.asks(folder)
    eventually(lambda: alice.status(number)["stages"].get("upload"), "an upload under way")

    assert alice.http.post(f"/v1/imports/{number}/cancel").status_code == 202

    assert alice.outcome(number)["state"] == "cancelled"
    assert images_of(omero, folder.name) == []
    held = "select f.id from Fileset f join f.usedFiles e where e.clientPath like :path"
    assert not _rows(omero, held, f"%{folder.name}%")
    letters = eventually(lambda: alice.mails(number), "a word about the cancelled import")
    assert "cancelled" in str(letters[0]["Subject"])


def test_a_folder_of_somebody_else_stays_closed_however_it_is_asked_for(
    alice: Courier, logged_in: Callable[[str], Courier]
) -> None:
    bobs = logged_in("bob").folder()
    make_small_ome_tiff(bobs / "secret.ome.tiff")
    link = alice.folder() / "link.ome.tiff"
    link.symlink_to(bobs / "secret.ome.tiff")

    answers = [
        alice.http.post("/v1/imports", json={"sources": [str(each)]}).status_code
        for each in (bobs, bobs / "secret.ome.tiff", bobs / "missing.ome.tiff", link)
    ]

    assert answers == [403, 403, 403, 403]


def _rows(omero: Any, hql: str, path: str) -> list[Any]:
    parameters = ParametersI()
    parameters.add("path", rstring(path))
    return list(omero.getQueryService().projection(hql, parameters))
