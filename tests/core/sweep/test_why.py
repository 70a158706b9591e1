"""Why has my file not been imported?"""

import errno
import os
import shutil
from pathlib import Path

import pytest

from flows.core.errors import SourceAway
from flows.core.sweep import why as module
from flows.core.sweep.verdicts import Decision, Verdict
from tests.support.watched import HOUR, MINUTE, Watched, of


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    watched = Watched(tmp_path, files={"exclude": ["*.bak.tif", "old"], "depth": 2})
    watched.write("alice/a.tif")
    return watched


def told(decision: Decision) -> str:
    return f"{decision.verdict} {decision.code}"


@pytest.mark.parametrize(
    ("path", "answer", "says"),
    [
        pytest.param("alice/.a.tif", "skipped hidden", "begins with a dot", id="hidden"),
        pytest.param(".cache/x/a.tif", "skipped hidden", ".cache: ", id="in a hidden folder"),
        pytest.param("alice/a.bak.tif", "skipped excluded", "*.bak.tif", id="excluded"),
        pytest.param("alice/old/a.tif", "skipped excluded", "alice/old: It is like old", id="in an excluded folder"),
        pytest.param("alice/a.tif.part", "skipped temporary", "*.part", id="temporary"),
        pytest.param("alice/1/2/a.tif", "skipped too-deep", "2 folders", id="too deep"),
        pytest.param("imported/a.tif", "skipped set-aside", "imported/", id="moved by the sweep"),
        pytest.param("alice/notes.txt", "skipped nothing-importable", ".txt", id="no image"),
        pytest.param("alice/empty.tif", "quarantined source-empty", "empty", id="empty"),
        pytest.param("alice/half.ids", "quarantined source-incomplete", "set", id="incomplete"),
        pytest.param("nobody/a.tif", "quarantined unassigned", "Nobody is named", id="nobody's"),
    ],
)
def test_it_names_the_reason(watched: Watched, path: str, answer: str, says: str) -> None:
    watched.write(path, content=b"" if "empty" in path else b"image")
    watched.second_look()

    decision = watched.why(watched.root / path)

    assert told(decision) == answer
    assert says in decision.reason
    assert decision.path == f"{watched.root}/{path}"


def test_before_the_first_look_it_is_seen_for_the_first_time(watched: Watched) -> None:
    assert told(watched.why("alice/a.tif")) == "settling first-look"


def test_what_settles_says_for_how_much_longer(watched: Watched) -> None:
    watched.write("alice/b.tif", age=0)
    watched.look(MINUTE)

    decision = watched.why("alice/b.tif")

    assert told(decision) == "settling quiet-period"
    assert "4 minutes more" in decision.reason


def test_what_the_next_sweep_takes_says_for_whom(watched: Watched) -> None:
    watched.look()
    watched.now += MINUTE

    decision = watched.why("alice/a.tif")

    assert told(decision) == "new settled"
    assert decision.assignment is not None
    assert decision.assignment.user == "alice"


@pytest.mark.parametrize("verdict", [Verdict.SUBMITTED, Verdict.IMPORTED, Verdict.FAILED])
def test_what_an_import_has_or_had_says_which(watched: Watched, verdict: Verdict) -> None:
    watched.remember(of(watched.second_look(), Verdict.NEW), verdict, run_id="run-7")

    decision = watched.why("alice/a.tif")

    assert decision.verdict is verdict
    assert decision.run_id == "run-7"
    assert decision.reason == f"It is {verdict}. Import run-7."


def test_what_was_imported_and_has_gone_says_so(watched: Watched) -> None:
    watched.imported("alice/b.tif")
    (watched.root / "alice/b.tif").unlink()

    decision = watched.why("alice/b.tif")

    assert decision.verdict is Verdict.IMPORTED
    assert decision.reason.endswith("It is not there any more.")


def test_asking_changes_nothing(watched: Watched) -> None:
    for _ in range(3):
        watched.why("alice/a.tif")
        watched.now += HOUR

    assert watched.look().counts == {Verdict.SETTLING: 1}


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        pytest.param("/etc/passwd", "skipped outside-root", id="outside the root"),
        pytest.param("../other/a.tif", "skipped outside-root", id="outside by going up"),
        pytest.param("alice/gone.tif", "skipped source-missing", id="missing"),
        pytest.param("gone/gone.tif", "skipped source-missing", id="in a missing folder"),
        pytest.param("alice/a.tif/b.tif", "skipped source-missing", id="below a file"),
        pytest.param("alice", "skipped folder", id="a folder"),
        pytest.param("", "skipped folder", id="the root itself"),
        pytest.param("alice/\udce4.tif", "quarantined name-not-utf8", id="not UTF-8"),
        pytest.param("alice/out.tif", "quarantined outside-root", id="a link out of the root"),
        pytest.param("alice/in.tif", "skipped link", id="a link to what is looked at anyway"),
        pytest.param("day", "skipped link", id="a link to a folder"),
    ],
)
def test_any_path_has_an_answer(watched: Watched, tmp_path: Path, path: str, answer: str) -> None:
    (watched.root / "alice/out.tif").symlink_to(tmp_path)
    (watched.root / "alice/in.tif").symlink_to("a.tif")
    (watched.root / "day").symlink_to("alice")

    assert told(watched.why(path)) == answer


def test_of_a_folder_it_says_what_was_found_in_it(watched: Watched) -> None:
    watched.write("alice/notes.txt", "alice/b.bak.tif")
    watched.second_look()

    reason = watched.why("alice").reason

    assert "1 new" in reason
    assert "1 skipped: excluded" in reason


def test_a_path_may_be_given_as_it_is_without_links(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(watched.root)
    watched.root = tmp_path / "link"
    watched.defined()

    for root in ("link", "watched"):
        assert told(watched.why(tmp_path / root / "alice/a.tif")) == "settling first-look"


def test_what_is_in_a_folder_that_is_one_thing_is_told_with_it(watched: Watched) -> None:
    watched.write("alice/plate.zarr/.zattrs", "alice/plate.zarr/0/0")
    watched.look()
    watched.now += HOUR

    inside = watched.why("alice/plate.zarr/0/0")
    whole = watched.why("alice/plate.zarr")

    assert inside.code == whole.code
    assert inside.fileset == whole.fileset


def test_each_file_of_a_set_that_lacks_one_is_told_so(watched: Watched) -> None:
    pieces = (f"<TiffData><UUID FileName='{name}.tif'>{name}</UUID></TiffData>" for name in "abc")
    watched.write("alice/x.companion.ome", content=f"<OME>{''.join(pieces)}</OME>".encode())
    watched.write("alice/a.tif", "alice/b.tif")
    watched.second_look()

    for name in ("a.tif", "b.tif", "x.companion.ome"):
        decision = watched.why(watched.root / "alice" / name)
        assert told(decision) == "quarantined source-incomplete"
        assert "c.tif" in decision.reason


def test_a_share_that_is_away_is_no_answer(watched: Watched) -> None:
    watched.second_look()
    shutil.rmtree(watched.root)
    watched.root.mkdir()

    with pytest.raises(SourceAway):
        watched.why("alice/a.tif")


@pytest.mark.parametrize(("error", "answer"), [(errno.EACCES, "quarantined source-unreadable"), (errno.EIO, None)])
def test_a_folder_that_cannot_be_listed(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, error: int, answer: str | None
) -> None:
    def failing(path: str, root: str) -> None:
        raise OSError(error, os.strerror(error), path)

    monkeypatch.setattr(module, "list_folder", failing)

    if answer is None:
        with pytest.raises(SourceAway):
            watched.why("alice/a.tif")
    else:
        assert told(watched.why("alice/a.tif")) == answer
