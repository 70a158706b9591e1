"""Files under the names of another machine: found, grouped, judged and refused as others, and told by those names."""

from pathlib import Path

import pytest

from deployments.sandbox.images import make_small_ome_tiff
from flows.core.errors import SourceElsewhere, SourceNotAllowed, SourceUnmapped
from flows.core.mounts import Mounts
from flows.core.requests import Fileset, SourceFile
from flows.core.settings import Mount, Root, Verification
from flows.core.transfer.area import places
from flows.core.verify import Access, expand, verify_fileset


@pytest.fixture
def mapped(home: Path) -> Access:
    """Alice, whose drive Z: is where all homes are."""
    rules = {
        "z": Mount(client="Z:\\", worker=home.parent),
        "loop": Mount(client=str(home), worker=home.parent / "bob"),
        "scope": Mount(client="D:\\", worker="/acquired", station="scope"),
    }
    roots = {
        "home": Root(path=home.parent / "{user}"),
        "scope": Root(path="/acquired/{user}", station="scope"),
        "deep": Root(path=home / "deep", everyone=True, station="bench"),
    }
    return Access(user="alice", groups=(), roots=roots, mounts=Mounts.of(rules))


def test_what_is_found_has_the_names_of_the_client(home: Path, mapped: Access, quick: Verification) -> None:
    make_small_ome_tiff(home / "a.ome.tiff")
    (home / "sub").mkdir()
    (home / "sub" / "notes.tif").write_text("no image")

    found = expand(["z:\\Alice\\..\\x", "Z:\\alice"], access=mapped, settings=quick)

    assert [each.files[0].client_path for each in found.filesets] == ["Z:/alice/a.ome.tiff", "Z:/alice/sub/notes.tif"]
    assert [(each.files[0].path) for each in found.filesets][:1] == [str(home / "a.ome.tiff")]
    assert [each.code for each in found.refused] == ["source-syntax"]
    assert verify_fileset(found.filesets[0], access=mapped, settings=quick).fileset.name == "a.ome.tiff"


def test_a_set_is_put_together_whatever_its_drive(home: Path, mapped: Access, quick: Verification) -> None:
    (home / "a.ics").write_text("ics_version\t1.0\nfilename\ta\n")
    (home / "a.ids").write_bytes(b"\1" * 100)

    found = expand(["Z:\\alice\\a.ids"], access=mapped, settings=quick)

    [fileset] = found.filesets
    assert [file.client_path for file in fileset.files] == ["Z:/alice/a.ics", "Z:/alice/a.ids"]


def test_a_rule_opens_nothing_that_no_root_opens(home: Path, mapped: Access) -> None:
    (home / "out").symlink_to(home.parent / "bob")

    for path in ("Z:/bob/x.tif", "Z:/", "Z:/alice/out/x.tif", "Z:/alicexyz", f"{home}/x.tif"):
        with pytest.raises(SourceNotAllowed) as refused:
            mapped.allowed(path)
        assert refused.value.which == path


def test_what_was_resolved_is_not_mapped_once_more(home: Path, mapped: Access) -> None:
    make_small_ome_tiff(home / "a.ome.tiff")

    mapped.check_real(str(home / "a.ome.tiff"), "Z:/alice/a.ome.tiff")


def test_what_another_machine_sees_is_told_to_lie_there(home: Path, mapped: Access) -> None:
    for path, station in (("D:/alice/x.tif", "scope"), ("/acquired/alice/x.tif", "scope"), ("Z:/alice/x.tif", None)):
        assert mapped.judge(path).station == station
    with pytest.raises(SourceElsewhere, match="It lies on the workstation scope"):
        mapped.allowed("D:/alice/x.tif")
    with pytest.raises(SourceUnmapped):
        mapped.judge("E:/alice/x.tif")


def test_on_a_workstation_only_its_own_roots_count(home: Path, mapped: Access) -> None:
    there = Access(user="alice", groups=(), roots=mapped.roots, mounts=mapped.mounts, here="scope")

    assert there.allowed("D:/alice/x.tif").root == "scope"
    with pytest.raises(SourceElsewhere):
        there.allowed("Z:/alice/x.tif")
    with pytest.raises(SourceNotAllowed):
        there.check_real(str(home / "x.tif"), "x.tif")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("C:/Data/a/x.tif", "C:/Data/b/x.tif"),
        ("//nas/data/x.tif", "//nas/data/sub/x.tif"),
        ("C:/x.tif", "D:/x.tif"),
        ("/data/x.tif", "/other/x.tif"),
    ],
)
def test_copies_of_files_of_any_machine_have_places_of_their_own(tmp_path: Path, first: str, second: str) -> None:
    files = tuple(SourceFile(path="/x", client_path=each, size=1, mtime_ns=1) for each in (first, second))

    finals = [place.final for place in places(tmp_path, Fileset(files=files))]

    assert len(set(finals)) == 2
    assert all(final.is_relative_to(tmp_path / "files") and ".." not in final.parts for final in finals)
