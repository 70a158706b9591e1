"""What holds of files on other machines, whatever protocol reaches them: against a real server of each kind."""

import hashlib
import struct
from pathlib import Path

import pytest

from deployments.sandbox.images import make_ome_tiff_set
from flows.core.errors import SourceAway, SourceChanged, SourceNotAllowed, StagingNeeded
from flows.core.settings import StagingArea
from flows.core.verify import verify_copies
from tests.core.remotes.rigs import LONG_AGO, Rig, tiff
from tests.core.transfer.arrangement import Watch, cancel, left_in

MEGABYTES = 1024 * 1024


LARGE = tiff(1800)
"""Six megabytes; chunks are made smaller than that."""


def with_its_table_at_the_end(size: int, claims: int) -> bytes:
    """A TIFF of one strip that says that it has more bytes than it has."""
    tags = {256: 1024, 257: 1024, 258: 16, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1024, 279: claims}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return struct.pack("<2sHI", b"II", 42, 8 + size) + bytes(size) + struct.pack("<H", len(tags)) + entries + bytes(4)


def test_a_file_becomes_a_fileset_whose_path_is_its_address(far: Rig) -> None:
    far.fill(**{"cells.tif": tiff()})

    found = far.expand(far.of("cells.tif"))

    assert [each.files[0].client_path for each in found.filesets] == [far.of("cells.tif")]
    assert found.refused == ()


def test_a_file_is_verified_and_copied_with_its_checksum(far: Rig, area: StagingArea) -> None:
    content = tiff()
    far.fill(**{"my cells 100%.tif": content})

    staged = far.staged(far.verified("my cells 100%25.tif"), area)
    verify_copies(staged)

    assert Path(staged.files[0].path).read_bytes() == content
    assert staged.files[0].sha1 == hashlib.sha1(content).hexdigest()
    assert (staged.staged, Path(staged.files[0].path).name) == (True, "my cells 100%.tif")


def test_to_look_into_a_file_costs_little(ranged: Rig) -> None:
    ranged.fill(**{"large.tif": LARGE})

    verified = ranged.verified("large.tif")

    assert (verified.format, verified.fileset.size) == ("TIFF", len(LARGE))
    assert ranged.wire.received < 400_000


def test_a_broken_file_is_told_before_it_is_copied(ranged: Rig) -> None:
    ranged.fill(**{"broken.tif": LARGE[:-MEGABYTES]})

    with pytest.raises(Exception, match="cut off"):
        ranged.verified("broken.tif")


def test_a_broken_file_that_cannot_be_looked_into_is_told_from_its_copy(plain: Rig, area: StagingArea) -> None:
    plain.fill(**{"broken.tif": with_its_table_at_the_end(2 * MEGABYTES, claims=3 * MEGABYTES)})
    staged = plain.staged(plain.verified("broken.tif"), area)

    with pytest.raises(Exception, match="cut off"):
        verify_copies(staged)


def test_a_folder_stands_for_all_images_below_it(listed: Rig, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    make_ome_tiff_set(tmp_path / "set")
    for path in sorted((tmp_path / "set").iterdir()):
        listed.put(f"today/set/{path.name}", path.read_bytes(), LONG_AGO)
    listed.fill(**{"today/a.tif": tiff(), "today/notes.txt": b"x", "today/deep/er/b.tif": tiff(), "elsewhere.tif": b""})

    found = listed.expand(listed.of("today"))

    sets = [[each.client_path.removeprefix(listed.base) for each in fileset.files] for fileset in found.filesets]
    assert [names for names in sets if len(names) == 1] == [["/today/a.tif"], ["/today/deep/er/b.tif"]]
    assert [len(names) for names in sets if len(names) > 1] == [len(list((tmp_path / "set").iterdir()))]
    assert (found.refused, found.passed_over) == ((), 1)


def test_over_http_a_folder_cannot_be_named(http: Rig) -> None:
    http.fill(**{"today/a.tif": tiff()})

    found = http.expand(http.of("today"))

    assert found.filesets == ()
    assert len(found.refused) == 1


def test_what_is_not_there_is_told(far: Rig) -> None:
    found = far.expand(far.of("none.tif"))

    assert [each.code for each in found.refused] == ["source-missing"]


def test_a_host_that_is_not_listed_is_not_asked(far: Rig) -> None:
    elsewhere = far.base.replace("127.0.0.1", "localhost").replace("s3://", "s3://x")

    found = far.expand(f"{elsewhere}/cells.tif", far.base.rpartition("/")[0] + "/cells.tif")

    assert [each.code for each in found.refused] == [SourceNotAllowed().code] * 2
    assert far.wire.connections == 0


def test_a_host_that_is_away_is_tried_again_later(far: Rig) -> None:
    far.wire.cut()

    found = far.expand(far.of("cells.tif"))

    assert [(each.code, each.transient) for each in found.refused] == [("source-away", True)]


def test_a_copy_that_broke_off_goes_on_where_it_was(ranged: Rig, area: StagingArea) -> None:
    ranged.fill(**{"large.tif": LARGE})
    verified = ranged.verified("large.tif")
    ranged.wire.cut_after = 4 * MEGABYTES
    with pytest.raises(SourceAway):
        ranged.staged(verified, area)
    (partial,) = left_in(area)
    there = partial.stat().st_size
    ranged.wire.heal()
    ranged.wire.received = 0

    staged = ranged.staged(verified, area)

    assert there >= 2 * MEGABYTES
    assert ranged.wire.received < len(LARGE) - there + MEGABYTES
    assert Path(staged.files[0].path).read_bytes() == LARGE


def test_a_server_that_knows_no_ranges_is_asked_for_all_again(plain: Rig, area: StagingArea) -> None:
    plain.fill(**{"large.tif": LARGE})
    verified = plain.verified("large.tif")
    plain.wire.cut_after = 4 * MEGABYTES
    with pytest.raises(SourceAway):
        plain.staged(verified, area)
    plain.wire.heal()

    staged = plain.staged(verified, area)

    assert Path(staged.files[0].path).read_bytes() == LARGE


def test_a_file_that_changed_before_the_rest_was_fetched_is_not_put_together(far: Rig, area: StagingArea) -> None:
    far.fill(**{"large.tif": LARGE})
    verified = far.verified("large.tif")
    far.wire.cut_after = 4 * MEGABYTES
    with pytest.raises(SourceAway):
        far.staged(verified, area)
    far.wire.heal()
    far.put("large.tif", tiff(1800, seed=2), LONG_AGO + 60)

    with pytest.raises(SourceChanged):
        far.staged(verified, area)

    assert far.staged(far.verified("large.tif"), area).files[0].sha1 != hashlib.sha1(LARGE).hexdigest()


def test_a_file_that_changes_while_it_is_fetched_is_not_taken(far: Rig, area: StagingArea) -> None:
    far.fill(**{"large.tif": LARGE})
    verified = far.verified("large.tif")
    other = tiff(1800, seed=2)

    with pytest.raises((SourceChanged, SourceAway)):
        far.staged(verified, area, Watch(4, lambda: far.put("large.tif", other, LONG_AGO + 60)))
    staged = far.staged(far.verified("large.tif"), area)

    assert Path(staged.files[0].path).read_bytes() == other


def test_a_cancelled_copy_stops_at_the_next_chunk_and_leaves_nothing(far: Rig, area: StagingArea) -> None:
    far.fill(**{"large.tif": LARGE})
    verified = far.verified("large.tif")
    watch = Watch(4, cancel)

    with pytest.raises(Exception, match="cancelled"):
        far.staged(verified, area, watch)

    assert max(done for done, _ in watch.seen) < len(LARGE)
    assert left_in(area) == []


def test_what_is_fetched_is_paced(far: Rig, area: StagingArea) -> None:
    far.fill(**{"large.tif": LARGE})

    control = Watch()
    far.staged(far.verified("large.tif"), area, control)

    assert sum(control.paced) == len(LARGE)


def test_without_a_staging_area_it_is_said_what_to_do(far: Rig) -> None:
    far.fill(**{"cells.tif": tiff()})

    with pytest.raises(StagingNeeded, match=r"staging\.directory"):
        far.staged(far.verified("cells.tif"), StagingArea())


def test_no_secret_is_in_what_is_kept_or_shown(far: Rig) -> None:
    far.fill(**{"cells.tif": tiff()})

    shown = f"{far.remote!r} {far.access()!r} {far.verified('cells.tif')!r} {far.remote.model_dump()!r}"

    assert "s3cret" not in shown
    assert "='secret'" not in shown
