"""Checks a fileset's files as far as that is cheap: milliseconds each, never the whole file."""

import stat
import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import PurePath

from flows.core.control import Control, Stage, Uncontrolled
from flows.core.errors import (
    NothingImportable,
    SourceBroken,
    SourceEmpty,
    SourceError,
    SourceIncomplete,
    SourceOpaque,
)
from flows.core.requests import Fileset, SourceFile, StagedFileset, VerifiedFileset
from flows.core.settings import Verification
from flows.core.verify import containers
from flows.core.verify.families import check_together, family_of
from flows.core.verify.formats import OME_TIFF, TIFF, UNKNOWN, Format, format_of, part_of
from flows.core.verify.found import source_file
from flows.core.verify.omexml import looks_like_ome_xml, read_ome_xml
from flows.core.verify.peek import LookInto, Peek, peeking
from flows.core.verify.roots import Gate
from flows.core.verify.sets import belongs_to_a_set
from flows.core.verify.settle import SYSTEM_CLOCK, Clock, settled
from flows.core.verify.tiff import check_tiff

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_LFS_LONGEST = 1024
"""Bytes of the longest pointer (git-lfs: docs/spec.md)."""
_OME_XML_READ = 1_000_000
"""Bytes of an OME-XML file that are looked through for the names of other files."""


def verify_fileset(
    fileset: Fileset,
    *,
    access: Gate,
    settings: Verification,
    control: Control | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> VerifiedFileset:
    """Say that a fileset is allowed, there, settled, readable and not visibly broken.

    Its sizes are brought up to date, and of a single file it is then known which reader takes it.

    Raises:
        SourceError: one of its files is not, and why.
        ImportCancelled: the import is not wanted any more.
    """
    control = control or Uncontrolled()

    def look_into(file: SourceFile) -> AbstractContextManager[Peek]:
        return peeking(file.path, file.client_path, access.store(file.path))

    known = _family(fileset)
    files: list[SourceFile] = []
    key, total, done = fileset.key, fileset.size, 0
    for file in fileset.files:
        control.check()
        control.moved(key, Stage.VERIFY, done, total)
        files.append(_file_as_it_is(file, access, settings, control, clock))
        done += files[-1].size
        with _as_far_as_it_goes():
            known = _looked_into(files[-1], known, look_into)
        # What could not be looked into may be something else in the end.
        known = known or _promised(files[-1])._replace(reader="")
    with _as_far_as_it_goes():
        check_together(fileset.reader, files, look_into)
    assert known is not None, "a fileset has a file"
    as_it_is = {"files": tuple(files), "reader": fileset.reader or known.reader_class}
    return VerifiedFileset(fileset=fileset.model_copy(update=as_it_is), format=known.name)


def verify_copies(staged: StagedFileset) -> None:
    """Look into copies: on the machine that they came from that was done as far as it cost little.

    Raises:
        SourceError: one of them is not sound, and why.
    """
    states = zip(staged.files, staged.fileset.files, strict=True)
    copies = [file.model_copy(update={"path": copy.path, "size": copy.size}) for copy, file in states]
    known = _family(staged.fileset)
    for file in copies:
        known = _looked_into(file, known, _look_at_copy)
    check_together(staged.fileset.reader, copies, _look_at_copy)


def _look_at_copy(file: SourceFile) -> AbstractContextManager[Peek]:
    return peeking(file.path, file.client_path)


@contextmanager
def _as_far_as_it_goes() -> Iterator[None]:
    """Leave to the look at the copy what cannot be seen from here, or at a price."""
    with suppress(SourceOpaque):
        yield


def _family(fileset: Fileset) -> Format | None:
    """Return what a set was put together as; None for a file that is an image by itself."""
    name = family_of(fileset.reader) or fileset.format
    return Format(name, ()) if name else None


def _looked_into(file: SourceFile, family: Format | None, look_into: LookInto) -> Format:
    """Look into a file, and return the format of its set: that of its family, or what it is itself."""
    if family is None:
        return _format(file, look_into)
    _check_member(file, look_into)
    return family


def _file_as_it_is(
    file: SourceFile, access: Gate, settings: Verification, control: Control, clock: Clock
) -> SourceFile:
    which = file.client_path
    access.check_real(file.path, which)
    store = access.store(file.path)
    look = settled(file.path, which, settings=settings, control=control, clock=clock, store=store)
    if not stat.S_ISREG(look.st_mode):
        raise NothingImportable("It is no ordinary file.", which=which)
    if look.st_size == 0:
        raise SourceEmpty(which=which)
    return source_file(which, file.path, look)


def _format(file: SourceFile, look_into: LookInto) -> Format:
    """Return the format of a file that is an image by itself, after looking at it."""
    which = file.client_path
    promised = _promised(file)
    with _looking_into(file, look_into) as peek:
        container = _container(peek, promised)
        if container is containers.TIFF:
            return _tiff(peek, promised, which)
        if container is containers.XML:
            _ome_xml(peek, which)
        elif container is not None:
            container.check(peek)
        return promised


def _promised(file: SourceFile) -> Format:
    """Return what a file's name promises.

    Raises:
        NothingImportable: nothing that we know.
    """
    promised = format_of(file.client_path)
    if promised is None:
        raise NothingImportable(which=file.client_path)
    return promised


def _check_member(file: SourceFile, look_into: LookInto) -> None:
    """Look at a file of a set, as far as its kind is known by its name; what it says of others was read before."""
    promised = part_of(file.client_path)
    if promised is None and file.size > _LFS_LONGEST:
        return
    with _looking_into(file, look_into) as peek:
        container = _container(peek, promised or UNKNOWN)
        if container is containers.TIFF:
            check_tiff(peek)
        elif container is not None:
            container.check(peek)


@contextmanager
def _looking_into(file: SourceFile, look_into: LookInto) -> Iterator[Peek]:
    which = file.client_path
    with look_into(file) as peek:
        try:
            yield peek
        except struct.error as nonsense:
            raise SourceBroken("Its table of contents makes no sense.", which=which) from nonsense
        except SourceError as refusal:
            raise refusal.about(which) from refusal.__cause__


def _container(file: Peek, promised: Format) -> containers.Container | None:
    """Return how a file is laid out, as its name promises; None where that cannot be said."""
    head = file.head(512)
    if head.startswith(_LFS_POINTER):
        raise SourceBroken(
            "It is a Git LFS pointer: a short text that stands for the image, not the image.",
            advice="Fetch the real file with `git lfs pull`, then import it.",
        )
    container = next((each for each in promised.containers if each.fits(head)), None)
    if promised.containers and container is None:
        raise SourceBroken(f"Its name says {promised.name}, but it {_what_it_is(head)}.")
    return container


def _what_it_is(head: bytes) -> str:
    if not any(head):
        return "begins with zeros: the copy was never completed"
    if all(byte >= 32 or byte in b"\t\n\r\f" for byte in head):
        return "is a text"
    return "does not begin as such a file does"


def _tiff(file: Peek, promised: Format, which: str) -> Format:
    description = check_tiff(file)
    if looks_like_ome_xml(description):
        if others := read_ome_xml(description).others(PurePath(which).name):
            raise SourceIncomplete(
                f"It is one file of an OME-TIFF of several: {others[0]} belongs to it.",
                which=which,
                advice="Give these files names that end in .ome.tif, so that they are found and imported together.",
            )
        return promised if promised is not TIFF else OME_TIFF
    if description.lstrip().startswith(b"<MetaData>") and b"Scan" in description:
        raise belongs_to_a_set("a MetaMorph plate", which)
    return promised if promised is not OME_TIFF else TIFF


def _ome_xml(file: Peek, which: str) -> None:
    """Refuse OME-XML whose pixels are in TIFFs beside it: Bio-Formats reads it from a companion or a TIFF only."""
    if b"<TiffData" in file.head(_OME_XML_READ):
        raise SourceIncomplete(
            "It is OME-XML whose pixels are in other files.",
            which=which,
            advice="Give it a name that ends in .companion.ome, beside the TIFFs that it names.",
        )
