"""DICOM series and directories."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian, MediaStorageDirectoryStorage

from flows.core.errors import SourceError
from flows.core.settings import Verification
from flows.core.verify import Access, verify_fileset
from tests.core.verify.families.conftest import Look
from tests.core.verify.families.sets import make, refusals, sets


def save(data: Dataset, path: Path, kind: str, syntax: str = ExplicitVRLittleEndian) -> Path:
    data.SOPClassUID, data.SOPInstanceUID = kind, "1.2.3"
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path


def make_slice(path: Path, *, syntax: str = ExplicitVRLittleEndian, **tags: object) -> Path:
    """A slice of series 1, which was acquired at noon."""
    data = Dataset()
    data.Rows = data.Columns = 4
    data.BitsAllocated, data.SamplesPerPixel = 16, 1
    data.PixelData = np.zeros((4, 4), np.uint16).tobytes()
    for name, value in (
        {"SeriesNumber": 1, "AcquisitionDate": "20261125", "AcquisitionTime": "120000.5"} | tags
    ).items():
        if value is not None:
            setattr(data, name, value)
    return save(data, path, CTImageStorage, syntax)


def make_series(folder: Path, *names: str, **tags: object) -> None:
    for number, name in enumerate(names):
        make_slice(folder / name, InstanceNumber=number + 1, **tags)


def make_directory(folder: Path, *names: str) -> None:
    """A DICOMDIR that names images and a report."""
    data = Dataset()
    data.DirectoryRecordSequence = []
    for name in (*names, "REPORT"):
        record = Dataset()
        record.DirectoryRecordType = "SR DOCUMENT" if name == "REPORT" else "IMAGE"
        record.ReferencedFileID = name.split("/")
        data.DirectoryRecordSequence.append(record)
    save(data, folder / "DICOMDIR", MediaStorageDirectoryStorage)


@pytest.mark.parametrize("source", [".", "ct/b.dcm", "ct/a.dcm"])
def test_any_file_stands_for_its_series(home: Path, look: Look, sound, source: str) -> None:
    make_series(home / "ct", "a.dcm", "b.dcm", "c.DCM")

    found = look(source)

    assert (sets(found, home), found.refused) == ([["ct/a.dcm", "ct/b.dcm", "ct/c.DCM"]], ())
    assert [each.reader for each in found.filesets] == ["loci.formats.in.DicomReader"]
    assert sound(found) == ["DICOM"]


@pytest.mark.parametrize(
    "other",
    [
        {"SeriesNumber": 2},
        {"AcquisitionDate": "20261126"},
        {"AcquisitionTime": "12:02:30.5"},
        {"SeriesNumber": None},
        {"AcquisitionTime": None},
        {"AcquisitionDate": None},
        {"InstanceNumber": None},
    ],
    ids=str,
)
def test_what_differs_is_another_image(home: Path, look: Look, other: dict[str, object]) -> None:
    make_series(home, "a.dcm", "b.dcm")
    make_slice(home / "x.dcm", **({"InstanceNumber": 3} | other))

    assert sets(look("x.dcm", "a.dcm"), home) == [["x.dcm"], ["a.dcm", "b.dcm"]]


def test_what_differs_little_is_of_the_series(home: Path, look: Look) -> None:
    make_series(home, "a.dcm")
    make_slice(home / "b.dcm", InstanceNumber=2, AcquisitionTime="120229.9")
    make_slice(home / "c.dcm", InstanceNumber=3, AcquisitionTime=None, AcquisitionDateTime="20261125120001.25")
    make_slice(home / "d.dcm", InstanceNumber=4, syntax=ImplicitVRLittleEndian)

    assert sets(look("d.dcm"), home) == [["a.dcm", "b.dcm", "c.dcm", "d.dcm"]]


def test_specimens_are_kept_apart(home: Path, look: Look) -> None:
    for name, specimen in (("a.dcm", "S1"), ("b.dcm", "S2"), ("c.dcm", "S1")):
        described = Dataset()
        described.SpecimenIdentifier = specimen
        make_slice(home / name, InstanceNumber=1, SpecimenDescriptionSequence=[described])

    assert sets(look(), home) == [["a.dcm", "c.dcm"], ["b.dcm"]]


def test_files_without_a_suffix_are_told_by_their_beginning(home: Path, look: Look) -> None:
    make_series(home, "IM0001", "1.2.840.7")
    make(home, "README", "notes.7", "empty")

    found = look()

    assert sets(found, home) == [["1.2.840.7", "IM0001"]]
    assert found.passed_over == 3


def test_folders_are_series_of_their_own(home: Path, look: Look) -> None:
    make_series(home / "1", "a.dcm")
    make_series(home / "2", "a.dcm")

    assert sets(look(), home) == [["1/a.dcm"], ["2/a.dcm"]]


@pytest.mark.parametrize("source", [".", "DICOMDIR"])
def test_a_directory_stands_for_all_images_that_it_names(home: Path, look: Look, sound, source: str) -> None:
    make_series(home / "CT1", "1", "2")
    make_series(home / "CT2", "1", SeriesNumber=2)
    make_directory(home, "CT1/1", "CT1/2", "CT2/1")
    make(home, "REPORT")

    found = look(source)

    assert (sets(found, home), found.refused) == ([["DICOMDIR", "CT1/1", "CT1/2", "CT2/1"]], ())
    assert sound(found) == ["DICOM"]


def test_an_image_of_a_directory_stands_for_its_series(home: Path, look: Look) -> None:
    make_series(home / "CT1", "1", "2")
    make_directory(home, "CT1/1", "CT1/2")

    assert sets(look("CT1/2"), home) == [["CT1/1", "CT1/2"]]


def test_what_a_directory_names_in_vain_is_said(home: Path, look: Look) -> None:
    make_series(home / "CT1", "1", "2")
    make_directory(home, "CT1/1", "CT1/2", "CT1/3")

    found = look()

    assert not found.filesets
    assert [each.code for each in found.refused] == ["source-incomplete"]
    assert "CT1/3" in found.refused[0].what


@pytest.mark.parametrize(("content", "code"), [(b"", "source-empty"), (b"no image", "source-broken")])
def test_what_is_no_dicom_is_refused(home: Path, look: Look, content: bytes, code: str) -> None:
    make(home, "a.dcm", content=content)

    assert refusals(look(), home) == [(code, "a.dcm")]


def test_a_report_is_no_image(home: Path, look: Look) -> None:
    make_series(home, "a.dcm")
    data = Dataset()
    data.ContentDate = "20261125"
    save(data, home / "report.dcm", "1.2.840.10008.5.1.4.1.1.88.11")

    found = look()

    assert sets(found, home) == [["a.dcm"]]
    assert refusals(found, home) == [("nothing-importable", "report.dcm")]


@pytest.mark.parametrize("lost", [1, 33, 300], ids=["the last byte", "all pixels", "half of the header"])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian], ids=["explicit", "implicit"])
def test_a_file_that_is_cut_off_is_refused(home: Path, look: Look, access: Access, lost: int, syntax: str) -> None:
    path = make_slice(home / "a.dcm", InstanceNumber=1, syntax=syntax)
    (fileset,) = look().filesets
    path.write_bytes(path.read_bytes()[:-lost])

    with pytest.raises(SourceError) as refused:
        verify_fileset(fileset, access=access, settings=Verification(settle_seconds=0))

    assert (refused.value.code, refused.value.which) == ("source-broken", str(path))


@pytest.mark.parametrize("at", range(132, 420, 7))
def test_a_damaged_header_is_refused_or_harmless(home: Path, look: Look, at: int) -> None:
    content = make_slice(home / "a.dcm", InstanceNumber=1).read_bytes()
    (home / "a.dcm").write_bytes(content[:at] + b"\xff" * 6 + content[at + 6 :])

    found = look()

    assert len(found.filesets) + len(found.refused) == 1
