"""OMERO's own importer, run as it is run in earnest, with a double in the place of Java: what OMERO holds afterwards.

Needs the stand-in: no OMERO.java can be had where these tests run.
"""

import hashlib
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import psutil
import pytest

from flows.core.control import Stage, Uncontrolled
from flows.core.errors import (
    DuplicateUnderWay,
    ImportCancelled,
    ImporterFailed,
    ImporterOutOfMemory,
    ImportRefused,
    OmeroFault,
    SourceChanged,
)
from flows.core.names import agent_of
from flows.core.omero_client import (
    Borrowed,
    ImportDetails,
    begin_java_import,
    fence,
    find_duplicates,
    find_earlier,
    find_earlier_of,
    keys_of_run,
    resolve_target,
    sudo,
)
from flows.core.omero_client.annotations import CLIENT_MAP, FINGERPRINT, PROVENANCE, RUN
from flows.core.omero_client.holdings import marked
from flows.core.omero_client.marked import find_marked
from flows.core.requests import Target
from tests.support.courier import eventually


class Watching(Uncontrolled):
    """Remembers what it heard, and cancels when it is told to."""

    def __init__(self, cancel_when=lambda: False):
        self.heard = []
        self._cancel_when = cancel_when

    def moved(self, key, stage, done, total):
        self.heard.append((stage, done, total))

    def check(self):
        if self._cancel_when():
            raise ImportCancelled


@pytest.fixture
def omero(stand_in):
    """The stand-in alone."""
    return stand_in


@pytest.fixture
def run_id(run_key):
    return run_key.split("/")[0]


@pytest.fixture
def attempt(omero, run_id):
    """Open the session of an attempt of the run: `attempt(1)`."""
    with ExitStack() as stack:

        def open_session(number):
            opened = sudo(omero.server, omero.user, agent=agent_of(run_id, number))
            stack.callback(opened.kill)
            return opened

        yield open_session


@pytest.fixture
def begin(*, omero, session, stage, run_key, run_id, java):
    """Announce the import of a file; the session in which it is done is the attempt's."""

    def begin(path, *, number=1, by=None, key=run_key, target=None, staged=None, settings=None, **details):
        by = by or session

        def borrow():
            own = sudo(omero.server, by.user, agent=agent_of(run_id, number), home=by.group)
            return Borrowed(own, own.kill)

        return begin_java_import(
            by,
            staged or stage(path),
            borrow=borrow,
            target=target,
            details=ImportDetails(**details),
            run_key=key,
            java=settings or java.settings(),
        )

    return begin


@pytest.fixture
def bring(begin):
    """Import a file."""
    return lambda path, control=None, **more: begin(path, **more).finish(control or Watching())


@pytest.fixture
def new_image(make_image, unique):
    """An image that OMERO does not hold under any name."""
    return make_image(f"{unique}.ome.tiff")


def comments_under(session, run_key):
    found = session.rows(
        "select a.id from CommentAnnotation a where a.ns = :ns and a.textValue = :key", ns=RUN, key=run_key
    )
    prints = session.rows(
        "select a.id from CommentAnnotation a where a.ns = :ns and a.description = :key", ns=FINGERPRINT, key=run_key
    )
    return len(found), len(prints)


def filesets_of(session, path):
    return [
        each
        for (each,) in session.rows(
            "select distinct f.id from FilesetEntry e join e.fileset f where e.clientPath = :path",
            path=str(path).lstrip("/"),
        )
    ]


def test_an_image_comes_in_whole_with_all_that_was_said_of_it(session, bring, small_ome_tiff, run_key, unique):
    target = resolve_target(session, Target.parse(f"Dataset:name:{unique}"), make=True)
    imported = bring(
        small_ome_tiff,
        target=target,
        name=f"Name of {unique}",
        description="two\nlines",
        key_values={"Cell line": "HeLa"},
        tags=(unique,),
        comments=("seen",),
    )

    (image,) = imported.images
    assert (image.name, image.size_x, image.size_z, image.size_c, image.size_t) == (f"Name of {unique}", 64, 3, 2, 2)
    assert (imported.name, imported.key) == (small_ome_tiff.name, run_key.split("/")[1])
    linked = session.rows("select l.child.id from DatasetImageLink l where l.parent.id = :id", id=target.id)
    assert linked == [(image.id,)]
    assert (imported.target_kind, imported.target_id) == ("Dataset", target.id)
    said = session.rows(
        "select l.child.ns from ImageAnnotationLink l where l.parent.id = :image order by l.child.ns", image=image.id
    )
    assert {ns for (ns,) in said} == {None, CLIENT_MAP, PROVENANCE}
    assert len(said) == 4
    rows = session.rows(
        "select o.hash from FilesetEntry e join e.originalFile o where e.fileset.id = :id", id=imported.fileset_id
    )
    assert rows == [(hashlib.sha1(small_ome_tiff.read_bytes()).hexdigest(),)]


def test_its_fileset_carries_the_marks_that_our_own_importer_writes(session, bring, small_ome_tiff, stage, run_key):
    imported = bring(small_ome_tiff)

    assert marked(session, "Fileset", RUN, run_key) == [imported.fileset_id]
    found = find_marked(session, [stage(small_ome_tiff).fileset])
    assert [each.fileset_id for each in found.values()] == [imported.fileset_id]
    assert find_earlier(session, run_key) == imported


def test_the_key_stands_on_no_command_line_and_in_no_environment(bring, begin, small_ome_tiff, java):
    java.behave(at="sending", hang=True)
    begun = begin(small_ome_tiff)
    with ThreadPoolExecutor(1) as pool:
        cancelled = []
        running = pool.submit(begun.finish, Watching(lambda: cancelled))
        eventually(lambda: java.reached, "the importer is at work")
        (call,) = java.calls
        key = call["command"][call["command"].index("-k") + 1]
        every = [" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])]
        files = [each for folder in java.leftovers for each in folder.rglob("*") if each.is_file()]
        modes = {each.stat().st_mode & 0o077 for folder in java.leftovers for each in (folder,)}
        holding = [each.name for each in files if key in each.read_text()]
        cancelled.append(True)
        with pytest.raises(ImportCancelled):
            running.result()

    assert len(key) == 36
    assert not any(key in line for line in every)
    assert key not in str(call["environment"])
    assert (modes, holding) == ({0}, [])
    assert java.leftovers == []


def test_it_is_called_as_the_omero_command_calls_it(bring, small_ome_tiff, java, omero):
    bring(small_ome_tiff, settings=java.settings(heap="3g"))

    (call,) = java.calls
    command = call["command"]
    machine = command[: command.index("ome.formats.importer.cli.CommandLineImporter")]
    assert f"{java.jars / 'omero-blitz.jar'}" in machine[machine.index("-cp") + 1]
    assert [each for each in machine if each.startswith("-Xmx")][-1] == "-Xmx3g"
    assert command[-1] == str(small_ome_tiff)
    assert {"--no-upgrade-check", "--output=yaml", "--encrypted=true"} <= set(command)
    assert call["cmdline"].count(f"@{call['cwd']}/arguments") == 1
    assert not [name for name in call["environment"] if name.startswith(("COURIER", "PREFECT", "PYTHONPATH"))]
    assert call["group"] == call["pid"]


def test_progress_counts_every_byte_and_then_the_steps_of_omero(bring, small_ome_tiff, java):
    size, control = small_ome_tiff.stat().st_size, Watching()
    java.behave(block=size // 3)
    bring(small_ome_tiff, control)

    uploads = [done for stage, done, _ in control.heard if stage is Stage.UPLOAD]
    imports = [done for stage, done, _ in control.heard if stage is Stage.IMPORT]
    assert uploads == sorted(uploads)
    assert (uploads[0], uploads[-1], imports[0], imports[-1]) == (0, size, 0, size)
    assert len(uploads) > 3


def test_a_copy_is_known_in_omero_by_the_name_of_its_source(session, bring, stage, make_image, tmp_path):
    source = make_image("named.ome.tiff")
    copy = tmp_path / "staging" / "0.ome.tiff"
    copy.parent.mkdir()
    copy.write_bytes(source.read_bytes())
    plain = stage(source)
    file = plain.files[0].model_copy(update={"path": str(copy), "sha1": hashlib.sha1(copy.read_bytes()).hexdigest()})
    imported = bring(source, staged=plain.model_copy(update={"files": (file,), "staged": True}))

    assert filesets_of(session, source) == [imported.fileset_id]
    assert filesets_of(session, copy) == []
    rows = session.objects(
        "select a from MapAnnotation a where a.ns = :ns and a.id in"
        " (select l.child.id from ImageAnnotationLink l where l.parent.id = :image)",
        ns=PROVENANCE,
        image=imported.images[0].id,
    )
    assert {each.name: each.value for each in rows[0].mapValue}["Source"] == str(source)


FAILURES = {
    "killed with a fileset that nobody heard of": (
        {"at": "created", "signal": 9},
        ImporterFailed,
        "SIGKILL, as happens when",
    ),
    "a heap that is too small": (
        {"at": "sending", "status": 3, "print": "Terminating due to java.lang.OutOfMemoryError: Java heap space"},
        ImporterOutOfMemory,
        "ran out of memory",
    ),
    "garbage in place of its result": ({"garbage": "---\n- Fileset: [7\n"}, ImporterFailed, "no result"),
    "the fileset of somebody else": ({"garbage": "---\n- Fileset: 1\n  Image: [1]\n"}, ImporterFailed, "not"),
}


@pytest.mark.parametrize(("told", "kind", "words"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_is_told_and_leaves_nothing(*, session, bring, small_ome_tiff, java, run_key, told, kind, words):
    java.behave(**told)

    with pytest.raises(kind, match=words):
        bring(small_ome_tiff)
    assert filesets_of(session, small_ome_tiff) == []
    assert comments_under(session, run_key) == (0, 0)
    assert java.leftovers == []


def test_what_is_no_image_is_refused(bring, tmp_path, java):
    path = tmp_path / "notes.tif"
    path.write_text("This was to be an image.")

    with pytest.raises(ImportRefused, match="finds no image"):
        bring(path)


def test_what_omero_refuses_it_says_as_to_our_own_importer(session, bring, small_ome_tiff, trouble, run_key):
    trouble.fail_import("import-unknown-format", 0)

    with pytest.raises(ImportRefused, match="OMERO knows no image format"):
        bring(small_ome_tiff)
    assert comments_under(session, run_key) == (0, 0)


def test_files_that_nobody_asked_for_are_not_kept(session, bring, make_image, java):
    one, other = make_image("one.ome.tiff"), make_image("other.ome.tiff")
    java.behave(extra=[str(other)])

    with pytest.raises(ImportRefused, match=r"takes further files as part of this image: .*other\.ome\.tiff"):
        bring(one)
    assert filesets_of(session, one) == []


def test_a_file_that_changed_meanwhile_is_not_kept(session, begin, small_ome_tiff):
    begun = begin(small_ome_tiff)
    small_ome_tiff.write_bytes(small_ome_tiff.read_bytes() + b"more")

    with pytest.raises(SourceChanged):
        begun.finish(Watching())
    assert filesets_of(session, small_ome_tiff) == []


@pytest.mark.parametrize("at", ["committed", "done"])
def test_a_crash_after_omero_was_done_counts_only_when_it_was_heard_of(session, bring, small_ome_tiff, java, at):
    java.behave(at=at, signal=9)

    if at == "committed":
        with pytest.raises(ImporterFailed):
            bring(small_ome_tiff)
        assert filesets_of(session, small_ome_tiff) == []
    else:
        imported = bring(small_ome_tiff)
        assert filesets_of(session, small_ome_tiff) == [imported.fileset_id]


@pytest.mark.parametrize(("at", "stubborn"), [("created", True), ("importing", False)])
def test_a_cancel_ends_it_within_seconds_and_leaves_nothing(
    *, session, begin, small_ome_tiff, java, run_key, at, stubborn
):
    java.behave(at=at, hang=True, stubborn=stubborn)
    begun, ended = begin(small_ome_tiff), time.monotonic()

    with pytest.raises(ImportCancelled):
        begun.finish(Watching(lambda: java.reached))
    assert time.monotonic() - ended < 15
    assert not psutil.pid_exists(java.calls[-1]["pid"])
    assert filesets_of(session, small_ome_tiff) == []
    assert comments_under(session, run_key) == (0, 0)


@pytest.mark.parametrize("at", ["start", "created", "importing"])
def test_what_an_attempt_left_that_died_is_found_and_done_once(
    *, omero, attempt, run_id, run_key, begin, small_ome_tiff, java, at
):
    java.behave(at=at, hang=True, times=1)
    first, second = attempt(1), attempt(2)
    begun = begin(small_ome_tiff, by=first)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(begun.finish, Watching())
        eventually(lambda: java.reached, "the importer is at work")
        (call,) = java.calls
        fence(second, run_id, 2)
        found = find_earlier(second, run_key)
        os.kill(call["pid"], signal.SIGKILL)
        with pytest.raises(Exception, match=r"session|Java importer"):
            running.result()
    if found is None:
        found = begin(small_ome_tiff, by=second, number=2).finish(Watching())
    assert filesets_of(second, small_ome_tiff) == [found.fileset_id]
    assert marked(second, "Fileset", RUN, run_key) == [found.fileset_id]
    assert find_earlier(second, run_key) == found


def test_what_came_in_before_its_attempt_died_gets_what_was_to_be_said_of_it(
    *, session, begin, small_ome_tiff, java, run_key, trouble
):
    trouble.fault("getRow", "omero.ResourceError")
    begun = begin(small_ome_tiff, comments=("seen",))
    begun._clear = lambda: None  # what a process that is killed does

    with pytest.raises(OmeroFault):
        begun.finish(Watching())
    trouble.clear()
    found = find_earlier_of(session, [run_key], wishes=lambda key: ImportDetails(comments=("seen",)))
    find_earlier_of(session, [run_key], wishes=lambda key: ImportDetails(comments=("seen",)))
    texts = session.rows(
        "select a.textValue from CommentAnnotation a where a.id in"
        " (select l.child.id from ImageAnnotationLink l where l.parent.id = :image)",
        image=found[run_key].images[0].id,
    )
    assert texts == [("seen",)]
    assert filesets_of(session, small_ome_tiff) == [found[run_key].fileset_id]


def look(session, staged, *, run_id="another run", over=False):
    return find_duplicates(session, [staged], run_id=run_id, is_over=lambda run: over, control=Uncontrolled())


def test_what_is_announced_is_under_way_for_everybody_else(session, begin, new_image, stage, run_id):
    staged = stage(new_image)
    begun = begin(new_image, staged=staged)
    key = staged.fileset.key

    assert isinstance(look(session, staged).under_way[key], DuplicateUnderWay)
    assert look(session, staged, run_id=run_id).under_way == {}
    imported = begun.finish(Watching())
    assert look(session, staged).found[key].fileset_id == imported.fileset_id


def test_what_was_announced_by_a_run_that_is_over_keeps_nobody_waiting(session, begin, new_image, stage):
    staged = stage(new_image)
    begun = begin(new_image, staged=staged)
    begun._give_back()

    assert look(session, staged, over=True).under_way == {}
    begun.abandon()


def test_an_announced_import_can_be_abandoned(session, begin, small_ome_tiff, run_key, run_id):
    begun = begin(small_ome_tiff)
    assert keys_of_run(session, run_id) == [run_key]

    begun.abandon()
    assert keys_of_run(session, run_id) == []
    assert comments_under(session, run_key) == (0, 0)


def test_who_comes_second_without_the_lock_gives_way_and_leaves_nothing(session, begin, small_ome_tiff, run_key):
    first = begin(small_ome_tiff)

    with pytest.raises(DuplicateUnderWay):
        begin(small_ome_tiff)
    assert comments_under(session, run_key) == (1, 1)
    imported = first.finish(Watching())
    assert marked(session, "Fileset", RUN, run_key) == [imported.fileset_id]


def test_an_announcement_in_vain_is_removed_by_who_looks_next(session, begin, small_ome_tiff, run_key):
    begin(small_ome_tiff)._give_back()

    assert find_earlier(session, run_key) is None
    assert comments_under(session, run_key) == (0, 0)
