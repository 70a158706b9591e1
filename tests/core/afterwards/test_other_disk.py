"""Where `imported` is on another disk, files are copied and compared before they go."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from flows.core.afterwards.below import Below
from flows.core.afterwards.moving import move

from . import Died, Sweep, arrived, refused, write


@pytest.fixture
def other_disk(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that no rename leads into, as when another disk is mounted there."""
    real = os.rename

    def rename(old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        if os.fstat(src_dir_fd).st_ino != os.fstat(dst_dir_fd).st_ino:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        real(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "rename", rename)


@pytest.mark.usefixtures("other_disk")
def test_to_another_disk_files_are_copied_with_their_times_and_modes(sweep: Sweep, a: Path, root: Path) -> None:
    a.chmod(0o640)
    before = a.stat()

    assert sweep.put_away(arrived(a)) == [("moved", "moved")]
    after = (root / "imported/day/a.tif").stat()
    assert sweep.holds() == {"imported/day/a.tif": "a.tif"}
    assert (after.st_mtime_ns, after.st_mode) == (before.st_mtime_ns, before.st_mode)


@pytest.mark.usefixtures("other_disk")
@pytest.mark.parametrize("call", ["fsync", "write", "utime"])
def test_a_copy_that_fails_leaves_the_file_and_nothing_else(
    sweep: Sweep, a: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    real = getattr(os, call)

    def fail(target: int, *others: object, **more: object) -> object:
        if Path(f"/proc/self/fd/{target}").readlink().match("imported/day/.*.partial"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(target, *others, **more)

    monkeypatch.setattr(os, call, fail)

    assert sweep.put_away(arrived(a)) == [("kept", "source-error")]
    assert sweep.holds() == {"day/a.tif": "a.tif"}


@pytest.mark.usefixtures("other_disk")
@pytest.mark.parametrize("spoilt", ["copy", "original"])
def test_a_copy_that_is_not_the_same_in_the_end_is_given_up(
    sweep: Sweep, a: Path, monkeypatch: pytest.MonkeyPatch, spoilt: str
) -> None:
    real = os.fsync

    def fsync(target: int) -> None:
        if Path(f"/proc/self/fd/{target}").readlink().match("imported/day/.*.partial"):
            if spoilt == "copy":
                os.pwrite(target, b"x", 0)
            else:
                os.utime(a, ns=(1, 1))
        real(target)

    monkeypatch.setattr(os, "fsync", fsync)

    assert sweep.put_away(arrived(a)) == [("kept", "source-changed")]
    assert sweep.holds() == {"day/a.tif": "a.tif"}


@pytest.mark.usefixtures("other_disk")
def test_a_copy_whose_original_cannot_be_removed_goes(sweep: Sweep, a: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failures = os.unlink, [refused()]

    def unlink(path: str, **more: int) -> None:
        if path == a.name and failures:
            raise failures.pop()
        real(path, **more)

    monkeypatch.setattr(os, "unlink", unlink)

    assert sweep.put_away(arrived(a)) == [("kept", "source-error")]
    assert sweep.holds() == {"day/a.tif": "a.tif"}


@pytest.mark.usefixtures("other_disk")
def test_a_process_that_dies_after_the_copy_leaves_one_file_in_the_end(
    sweep: Sweep, a: Path, broken: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken("unlink", "a.tif", Died())
    with pytest.raises(Died):
        sweep.put_away(arrived(a))
    assert set(sweep.holds()) > {"day/a.tif", "imported/day/a.tif"}

    monkeypatch.undo()
    sweep.put_away()
    assert sweep.holds() == {"imported/day/a.tif": "a.tif"}


def test_between_disks_as_they_are_a_file_is_copied(tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second disk")
    source = write(tmp_path / "a.tif")
    with TemporaryDirectory(dir=memory) as folder:
        goal = Path(folder) / "new" / "a.tif"

        move(Below(Path("/")), source.relative_to("/"), goal.relative_to("/"))
        assert (goal.read_text(), source.exists()) == ("a.tif", False)
        assert [each.name for each in goal.parent.iterdir()] == ["a.tif"]
