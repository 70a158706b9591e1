"""The order of an import, as OMERO wants it."""

import pytest
from omero.model import MapAnnotation, UploadJob
from omero.rtypes import unwrap

from flows.core.omero_client.annotations import FINGERPRINT, RUN, fingerprint, key_values
from flows.core.omero_client.orders import new_fileset, repository_path
from flows.core.requests import Fileset, SourceFile, StagedFile, StagedFileset

PATHS = [
    ("/data/alice/cells.tiff", "data/alice/cells.tiff"),
    ("C:\\scans/a.lsm", "C;!scans/a.lsm"),
    ('/d/what?"is"*this|<a>:b', "d/what%'is'xthis![a];b"),
    ("/d/tab\there", "d/tab_here"),
    ("/d/con/aux.tiff", "d/con_/_aux.tiff"),
    ("/d/$MFT", "d/_$MFT"),
    ("/d/contour.tiff", "d/contour.tiff"),
    ("/d/über/x.tiff", "d/über/x.tiff"),
    ("/d/bad\udcff.tiff", "d/bad�.tiff"),
]


def _staged(*names, reader=None):
    files = tuple(SourceFile(path=f"/real/{n}", client_path=f"/data/{n}", size=3, mtime_ns=5) for n in names)
    staged = tuple(StagedFile(path=f.path, client_path=f.client_path, size=f.size) for f in files)
    return StagedFileset(fileset=Fileset(files=files, reader=reader), files=staged, staged=False)


@pytest.mark.parametrize(("path", "kept"), PATHS, ids=[kept for _, kept in PATHS])
def test_a_path_is_written_as_omeros_own_importer_writes_it(path, kept):
    assert repository_path(path) == kept


def test_the_entries_of_a_fileset_keep_their_order():
    fileset = new_fileset(_staged("b.ome.tiff", "a.ome.tiff"), "run/key", "nonce")

    assert [unwrap(e.clientPath) for e in fileset.copyUsedFiles()] == ["data/b.ome.tiff", "data/a.ome.tiff"]


def test_a_fileset_carries_its_key_and_fingerprint_from_the_start():
    staged = _staged("a.tiff")
    marks = {unwrap(a.ns): unwrap(a.textValue) for a in new_fileset(staged, "run/key", "nonce").linkedAnnotationList()}

    assert marks == {RUN: "run/key", FINGERPRINT: fingerprint(staged.fileset)}


def test_a_fileset_has_one_upload_job_that_names_the_reader():
    links = new_fileset(_staged("a.xml", reader="loci.formats.in.OperettaReader"), "run/key", "nonce").copyJobLinks()

    assert [isinstance(link.child, UploadJob) for link in links] == [True]
    assert {v.name: v.value for v in links[0].child.versionInfo}[
        "bioformats.reader"
    ] == "loci.formats.in.OperettaReader"


@pytest.mark.parametrize("change", [{"size": 4}, {"mtime_ns": 6}, {"client_path": "/data/b.tiff"}], ids=str)
def test_a_touched_file_has_another_fingerprint(change):
    fileset = _staged("a.tiff").fileset
    touched = Fileset(files=(fileset.files[0].model_copy(update=change),))

    assert fingerprint(touched) != fingerprint(fileset)


def test_key_values_keep_order_and_repetition():
    made = key_values("ns", [("Stain", "DAPI"), ("Stain", "GFP")])

    assert isinstance(made, MapAnnotation)
    assert [(pair.name, pair.value) for pair in made.mapValue] == [("Stain", "DAPI"), ("Stain", "GFP")]
