"""What an OMERO makes of files that belong together."""

import pytest

from deployments.sandbox.images import make_ome_tiff_set
from flows.core.control import Uncontrolled
from flows.core.errors import ImportRefused
from flows.core.omero_client import ImportDetails, import_fileset

pytestmark = pytest.mark.contract
READER = "loci.formats.in.OMETiffReader"


@pytest.fixture
def bring(session, stage, run_key):
    """Import files together, the first of them opened."""

    def bring(*paths, reader=READER):
        staged = stage(*paths)
        staged = staged.model_copy(update={"fileset": staged.fileset.model_copy(update={"reader": reader})})
        return import_fileset(
            session, staged, target=None, details=ImportDetails(), control=Uncontrolled(), run_key=run_key
        )

    return bring


@pytest.mark.parametrize("metadata", ["companion", "first", "each"])
@pytest.mark.parametrize("reader", [READER, None])
def test_a_set_is_one_image_with_all_its_planes(tmp_path, bring, metadata, reader) -> None:
    files = make_ome_tiff_set(tmp_path, metadata=metadata)

    (image,) = bring(*files, reader=reader).images

    assert (image.size_x, image.size_y, image.size_z, image.size_c, image.size_t) == (64, 64, 3, 2, 1)


def test_files_in_folders_keep_their_places(tmp_path, session, bring) -> None:
    companion, *tiffs = make_ome_tiff_set(tmp_path)
    (tmp_path / "raw").mkdir()
    moved = [tiff.rename(tmp_path / "raw" / tiff.name) for tiff in tiffs]
    text = companion.read_text()
    companion.write_text(text.replace('FileName="', 'FileName="raw/'))

    imported = bring(companion, *moved)

    rows = session.rows(
        "select o.path, o.name from FilesetEntry e join e.originalFile o where e.fileset.id = :id order by e.id",
        id=imported.fileset_id,
    )
    base = rows[0][0]
    assert [path.removeprefix(base) + name for path, name in rows] == [
        companion.name,
        *(f"raw/{tiff.name}" for tiff in tiffs),
    ]


def test_half_a_set_is_refused(tmp_path, bring) -> None:
    companion, first, _ = make_ome_tiff_set(tmp_path)

    with pytest.raises(ImportRefused):
        bring(companion, first)
