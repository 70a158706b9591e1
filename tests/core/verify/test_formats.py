"""The table of single-file formats, and the readers that it names."""

import zipfile

import pytest

from flows.core.bioformats import BioFormats, installed_jar
from flows.core.verify.formats import FORMATS, format_of
from tests.support.bioformats import needs_bioformats

NAMED = [each for each in FORMATS if each.reader]


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("a.czi", "loci.formats.in.ZeissCZIReader"),
        ("a.OME.TIFF", "loci.formats.in.OMETiffReader"),
        ("a.b.tif", "loci.formats.in.TiffDelegateReader"),
        ("a.ims", None),
    ],
)
def test_a_name_promises_a_reader_where_only_one_takes_it(name: str, reader: str | None) -> None:
    assert format_of(name).reader_class == reader


@needs_bioformats
def test_every_reader_is_one_of_bio_formats() -> None:
    jar = installed_jar()
    assert jar is not None
    with zipfile.ZipFile(jar) as packed:
        there = set(packed.namelist())

    assert {each.reader for each in NAMED if f"loci/formats/in/{each.reader}.class" not in there} == set()


@needs_bioformats
def test_none_of_them_keeps_parents_of_a_single_file(bioformats: BioFormats) -> None:
    kept = {each.name: bioformats.parents(each.reader_class, [f"/a/b/c/x{each.suffixes[0]}"]) for each in NAMED}

    assert {name: parents for name, parents in kept.items() if parents} == {}
