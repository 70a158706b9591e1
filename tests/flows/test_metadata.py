"""What is said of images and where they go, through the sandbox, read back as other clients of OMERO read it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ezomero
import openpyxl
import pytest

from deployments.sandbox.home import Running
from deployments.sandbox.images import make_small_ome_tiff
from deployments.sandbox.plates import make_operetta_plate, make_zarr_plate
from tests.support.courier import Courier

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(240)]
CLIENT_MAP = "openmicroscopy.org/omero/client/mapAnnotation"


@pytest.fixture
def omero(sandbox: Running) -> Iterator[Any]:
    gateway = ezomero.connect(
        "alice", sandbox.logins["alice"], "", sandbox.omero_host, sandbox.omero_ssl_port, secure=True
    )
    assert gateway
    yield gateway
    gateway.close()


def write_workbook(path: Path, *rows: list[Any]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def test_each_image_carries_what_its_row_of_a_workbook_says(alice: Courier, omero: Any) -> None:
    folder = alice.folder()
    for name in ("one", "two", "three"):
        make_small_ome_tiff(folder / f"{name}.ome.tiff")
    (folder / "protocol.txt").write_text(f"Fix, stain, wash: {folder.name}")
    table = write_workbook(
        folder / "metadata.xlsx",
        ["File", "Name", "Tags", "Cell line", "Target"],
        ["one.ome.tiff", "First", f"{folder.name}; control", "HeLa", None],
        ["two.ome.tiff", None, f"{folder.name}", 7, f"Dataset:name:{folder.name} other"],
    )
    project = f"Project:name:{folder.name}/Dataset:name:{folder.name}"

    ended = alice.outcome(
        alice.asks(
            folder,
            target=project,
            table=str(table),
            key_values={"Lab": "x"},
            key_values_namespace="example.org/lab",
            attachments=[str(folder / "protocol.txt")],
        )
    )

    assert ended["state"] == "completed", ended
    images = {each["name"]: each["images"][0] for each in ended["filesets"]}
    assert images["one.ome.tiff"]["name"] == "First"
    pairs = {
        name: ezomero.get_map_annotation(
            omero, ezomero.get_map_annotation_ids(omero, "Image", image["id"], ns="example.org/lab")[0]
        )
        for name, image in images.items()
    }
    assert pairs == {
        "one.ome.tiff": {"Lab": "x", "Cell line": "HeLa"},
        "two.ome.tiff": {"Lab": "x", "Cell line": "7"},
        "three.ome.tiff": {"Lab": "x"},
    }
    tags = {name: ezomero.get_tag_ids(omero, "Image", image["id"]) for name, image in images.items()}
    assert len(tags["one.ome.tiff"]) == 2
    assert set(tags["two.ome.tiff"]) < set(tags["one.ome.tiff"])
    files = {tuple(ezomero.get_file_annotation_ids(omero, "Image", image["id"])) for image in images.values()}
    assert len(files) == 1
    (other,) = omero.getObjects("Dataset", attributes={"name": f"{folder.name} other"})
    assert ezomero.get_image_ids(omero, dataset=other.getId()) == [images["two.ome.tiff"]["id"]]


def test_a_bulk_file_of_omero_is_imported_as_it_says(alice: Courier, omero: Any) -> None:
    folder = alice.folder()
    for name in ("one", "two"):
        make_small_ome_tiff(folder / f"{name}.ome.tiff")
    (folder / "files.tsv").write_text(
        f"Dataset:name:{folder.name} a\tFirst\tone.ome.tiff\nDataset:name:{folder.name} b\tSecond\ttwo.ome.tiff\n"
    )
    bulk = folder / "bulk.yml"
    bulk.write_text("path: files.tsv\ncolumns: [target, name, path]\ndescription: Of all\nexclude: clientpath\n")

    answer = alice.http.post("/v1/imports/bulk", json={"file": str(bulk)})
    assert answer.status_code == 202, answer.text
    ended = alice.outcome(answer.json()["id"])

    assert ended["state"] == "completed", ended
    found = {}
    for dataset in ("a", "b"):
        (container,) = omero.getObjects("Dataset", attributes={"name": f"{folder.name} {dataset}"})
        (image,) = container.listChildren()
        found[dataset] = (image.getName(), image.getDescription())
    assert found == {"a": ("First", "Of all"), "b": ("Second", "Of all")}


def test_a_folder_of_plates_and_images_goes_where_omero_keeps_them(alice: Courier, omero: Any) -> None:
    folder = alice.folder()
    make_small_ome_tiff(folder / "overview.ome.tiff")
    make_operetta_plate(folder / "plate1")
    make_zarr_plate(folder / "plate2.zarr")

    ended = alice.outcome(alice.asks(folder))

    assert ended["state"] == "completed", ended
    (screen,) = omero.getObjects("Screen", attributes={"name": folder.name})
    (dataset,) = omero.getObjects("Dataset", attributes={"name": folder.name})
    plates = {plate["id"] for each in ended["filesets"] for plate in each["plates"]}
    assert set(ezomero.get_plate_ids(omero, screen=screen.getId())) == plates
    assert len(plates) == 2
    for plate in plates:
        assert len(ezomero.get_well_ids(omero, plate=plate)) == 2
        assert len(ezomero.get_image_ids(omero, plate=plate)) == 4
    assert len(ezomero.get_image_ids(omero, dataset=dataset.getId())) == 1


@pytest.mark.thorough
def test_runs_that_name_the_same_missing_things_make_them_once(alice: Courier, omero: Any) -> None:
    folder = alice.folder()
    images = [make_small_ome_tiff(folder / f"{number}.ome.tiff", seed=number) for number in range(4)]
    attachment = folder / "notes.txt"
    attachment.write_text(folder.name)
    wishes = {"tags": [folder.name], "attachments": [str(attachment)], "attach_to": "target"}

    with ThreadPoolExecutor(4) as pool:
        numbers = list(
            pool.map(
                lambda pair: alice.asks(
                    pair[1],
                    target=f"Project:name:{folder.name}/Dataset:name:{'even' if pair[0] % 2 else 'odd'}",
                    **wishes,
                ),
                enumerate(images),
            )
        )
    ended = [alice.outcome(number) for number in numbers]

    assert [each["state"] for each in ended] == ["completed"] * 4, ended
    (project,) = omero.getObjects("Project", attributes={"name": folder.name})
    datasets = list(project.listChildren())
    assert sorted(each.getName() for each in datasets) == ["even", "odd"]
    assert len(list(omero.getObjects("TagAnnotation", attributes={"textValue": folder.name}))) == 1
    attached = [ezomero.get_file_annotation_ids(omero, "Dataset", each.getId()) for each in datasets]
    assert attached[0] == attached[1]
    assert len(attached[0]) == 1


def test_a_table_that_does_not_fit_is_refused_before_anything_is_uploaded(alice: Courier) -> None:
    folder = alice.folder()
    make_small_ome_tiff(folder / "one.ome.tiff")

    asked = {"sources": [str(folder)], "table_text": "file,stain\none.ome.tif,DAPI\n"}
    answer = alice.http.post("/v1/imports", json=asked)

    assert answer.status_code == 422
    assert "row 2: 'one.ome.tif' is no file of this import" in answer.text
