"""Plates: made of an Operetta's index or an OME-Zarr, read back with omero-py and ezomero, deleted as a whole."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ezomero
import numpy as np
import pytest
from omero.model import ScreenI
from omero.rtypes import rstring

from deployments.sandbox.plates import make_operetta_plate, make_zarr_plate
from tests.understudy.conftest import Connect
from tests.understudy.plain import delete, do_import, project


@pytest.fixture(params=["Operetta", "OME-Zarr 0.4", "OME-Zarr 0.5"])
def plate_files(request: pytest.FixtureRequest, tmp_path: Path, unique: str) -> list[Path]:
    """What a client uploads of a plate, what it opens first; two wells, two fields each, two channels."""
    if request.param == "Operetta":
        index = make_operetta_plate(tmp_path / unique)
        return [index, *sorted(index.parent.glob("*.tiff"))]
    version = request.param.split()[1]
    folder = make_zarr_plate(tmp_path / f"{unique}.zarr", version=version)
    first = folder / (".zattrs" if version == "0.4" else "zarr.json")
    return [first, *sorted(path for path in folder.rglob("*") if path.is_file() and path != first)]


@pytest.fixture
def screen(connect: Connect, unique: str) -> Any:
    """An empty one of alice's."""
    made = ScreenI()
    made.name = rstring(unique)
    return connect("alice").getSession().getUpdateService().saveAndReturnObject(made)


@pytest.fixture
def imported(connect: Connect, plate_files: list[Path], screen: Any) -> Any:
    reader = f"loci.formats.in.{'Operetta' if plate_files[0].name == 'Index.idx.xml' else 'Zarr'}Reader"
    return do_import(connect("alice"), *plate_files, target=screen.proxy(), reader=reader)


def test_a_plate_has_its_wells_and_their_fields(
    imported: Any, plate_files: list[Path], gateway: Callable[..., Any], screen: Any
) -> None:
    # An OME-Zarr counts only the columns that it has, and Bio-Formats names its images after their arrays.
    place, name = ((1, 2), "Well B3, Field 2") if plate_files[0].name == "Index.idx.xml" else ((1, 1), "B/3/1/0")
    (answer,) = imported.objects
    alice = gateway("alice")

    plate = alice.getObject("Plate", answer.id.val)

    assert [each.getId() for each in alice.getObject("Screen", screen.id.val).listChildren()] == [plate.getId()]
    wells = {(well.row, well.column): well for well in plate.listChildren()}
    assert set(wells) == {(0, 0), place}
    assert wells[place].countWellSample() == 2
    image = wells[place].getImage(1)
    assert name in image.getName()
    assert (image.getSizeX(), image.getSizeY(), image.getSizeC()) == (32, 32, 2)


def test_the_pixels_of_a_field_are_its_own(imported: Any, gateway: Callable[..., Any]) -> None:
    plate = gateway("alice").getObject("Plate", imported.objects[0].id.val)

    planes = [
        well.getImage(field).getPrimaryPixels().getPlane(0, channel, 0)
        for well in plate.listChildren()
        for field in (0, 1)
        for channel in (0, 1)
    ]

    assert len({np.asarray(plane).tobytes() for plane in planes}) == 8
    assert all(plane.shape == (32, 32) for plane in planes)


def test_ezomero_finds_plate_wells_and_images(imported: Any, gateway: Callable[..., Any], screen: Any) -> None:
    alice, plate = gateway("alice"), imported.objects[0].id.val

    assert ezomero.get_plate_ids(alice, screen=screen.id.val) == [plate]
    wells = ezomero.get_well_ids(alice, plate=plate)
    assert len(wells) == 2
    assert len(ezomero.get_image_ids(alice, plate=plate)) == 4
    assert len(ezomero.get_image_ids(alice, well=wells[0])) == 2


@pytest.mark.parametrize("what", ["Screen", "Plate", "Fileset"])
def test_a_plate_goes_as_a_whole(imported: Any, connect: Connect, screen: Any, what: str) -> None:
    alice, plate = connect("alice"), imported.objects[0].id.val
    ((fileset,), *_) = project(alice, "select s.image.fileset.id from WellSample s where s.well.plate.id = :p", p=plate)

    delete(alice, what, {"Screen": screen.id.val, "Plate": plate, "Fileset": fileset}[what])

    for kind, number in (("Plate", plate), ("Fileset", fileset)):
        assert project(alice, f"select o.id from {kind} o where o.id = :id", id=number) == []
    assert project(alice, "select w.id from Well w where w.plate.id = :p", p=plate) == []
