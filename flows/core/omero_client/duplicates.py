"""Finds files that the user has in OMERO already, or that another import is bringing in at this moment.

Only filesets count that the user owns, in the group of the session, and whose images this very session can read back:
never is anything skipped for an image that its user cannot see. Filesets of the present run do not count: what one
request names under two names is brought in twice, in whatever order and attempt its files get done.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from flows.core.checksums import new_hash
from flows.core.control import Control
from flows.core.errors import DuplicateUnderWay, SourceChanged, SourceError
from flows.core.omero_client.annotations import FINGERPRINT, fingerprint, without_provenance
from flows.core.omero_client.contents import Content, contents_of, owned, run_keys_of, with_hash, with_size
from flows.core.omero_client.earlier import Done, describe, remove
from flows.core.omero_client.faults import speaking_to
from flows.core.omero_client.fence import sessions_of
from flows.core.omero_client.holdings import NOTHING, carriers, comments_of, holdings, unreadable
from flows.core.omero_client.session import OmeroSession
from flows.core.omero_client.upload import CHUNK, opened
from flows.core.requests import Fileset, ImportedFileset, StagedFile, StagedFileset
from flows.core.settings import Checksum

log = logging.getLogger(__name__)

ATTEMPTS = 20
"""As many attempts of a run are looked for: more than the settings as shipped allow."""
SURE: frozenset[Checksum] = frozenset({"SHA1-160", "MD5-128", "Murmur3-128"})
"""Checksums that are as good as the bytes; the others are too short, or no more than a size."""


class Duplicates(NamedTuple):
    """What became known of some filesets, by their keys; of those in neither there is nothing in OMERO."""

    found: Mapping[str, ImportedFileset]
    """In OMERO already."""
    under_way: Mapping[str, DuplicateUnderWay]
    """Another import is bringing them in: to be looked at again later."""


def find_duplicates(
    session: OmeroSession,
    filesets: Sequence[StagedFileset],
    *,
    run_id: str,
    is_over: Callable[[str], bool],
    control: Control,
) -> Duplicates:
    """Look which of these filesets the user has in OMERO already, with the same content.

    Cheap first: only a file whose size OMERO holds is hashed (unless it was while it was staged), as OMERO hashed its
    own; then all files of the set have to agree, whatever they are called. An import that has not got that far is
    found by its mark; once its run is over, what it left without images is removed.

    Args:
        session: of the user.
        filesets: with their bytes at hand.
        run_id: of the present run.
        is_over: says whether the run of this id has ended, or is not known any more.
        control: asked on every chunk that is hashed whether to go on.

    Raises:
        OmeroError: OMERO cannot say, or cannot remove what a run that is over left.
        ImportCancelled: `control` said so.
    """
    with speaking_to(session.server.host, doing="looking for duplicates"):
        marks = Marks(session, [staged.fileset for staged in filesets])
        same = _same_content(session, filesets, Local(control), run_id)
        candidates, promised = _with_marked(same, marks), marks.announced()
        every = sorted({each for its in candidates.values() for each in its})
        if not every and not promised:
            return Duplicates({}, {})
        look = _Look(session, every, run_id, cache(is_over))
        found = {key: done for key, its in candidates.items() if (done := look.complete(its)) is not None}
        busy = {key for key, its in candidates.items() if key not in found and look.is_under_way(its)}
        busy |= {key for key, its in promised.items() if key not in found and look.is_awaited(its)}
    remove(session, look.debris())
    with speaking_to(session.server.host, doing="reading back what is in OMERO already"):
        return Duplicates(describe(session, found, duplicate=True), {key: DuplicateUnderWay() for key in busy})


def _with_marked(same: defaultdict[str, dict[int, bool]], marks: "Marks") -> Mapping[str, Mapping[int, bool]]:
    """Return, by key, the filesets in OMERO that are alike, and whether they hold the very same bytes."""
    for key, marked in marks.same().items():
        same[key] = dict.fromkeys(marked, False) | same[key]
    return same


class Local:
    """The checksums of files on disk, each computed once."""

    def __init__(self, control: Control) -> None:
        """Compute nothing yet."""
        self._control = control
        self._known: dict[tuple[str, Checksum], str | None] = {}

    def checksum(self, file: StagedFile, algorithm: Checksum) -> str | None:
        """Return the checksum of a file, in the form in which OMERO keeps it; None where it cannot be read."""
        if algorithm == "SHA1-160" and file.sha1:
            return file.sha1
        if (file.path, algorithm) not in self._known:
            try:
                self._known[file.path, algorithm] = checksum_of(file, algorithm, self._control)
            except SourceError as error:
                # Whoever uploads it will say so, of this file alone.
                log.info("%s", error)
                self._known[file.path, algorithm] = None
        return self._known[file.path, algorithm]


def checksum_of(file: StagedFile, algorithm: Checksum, control: Control) -> str:
    """Read a file, and return its checksum in the form in which OMERO keeps it.

    Raises:
        SourceError: it cannot be read, or is not as long as it was.
        ImportCancelled: `control` said so, as it may on every chunk.
    """
    checksum, size = new_hash(algorithm), 0
    with opened(file) as source:
        buffer = memoryview(bytearray(min(CHUNK, max(file.size, 1))))
        while count := source.readinto(buffer):
            control.check()
            checksum.update(buffer[:count])
            size += count
    if size != file.size:
        raise SourceChanged("The file changed since it was checked.", which=file.client_path)
    return checksum.hexdigest()


def _same_content(
    session: OmeroSession, filesets: Sequence[StagedFileset], local: Local, run_id: str
) -> defaultdict[str, dict[int, bool]]:
    """Return, by key, the filesets in OMERO that hold the very same bytes; not those of the present run."""
    anchors = {staged.fileset.key: max(staged.files, key=lambda file: file.size) for staged in filesets}
    algorithms = with_size(session, {anchor.size for anchor in anchors.values()})
    hashes: defaultdict[str, set[str]] = defaultdict(set)
    for key, anchor in anchors.items():
        for algorithm in SURE.intersection(algorithms.get(anchor.size, ())):
            if value := local.checksum(anchor, algorithm):
                hashes[value].add(key)
    staged_of = {staged.fileset.key: staged for staged in filesets}
    same: defaultdict[str, dict[int, bool]] = defaultdict(dict)
    for value, groups in _alike(session, hashes, run_id).items():
        for key in hashes[value]:
            for alike in groups:
                if _agree(staged_of[key], alike.files, local):
                    same[key] |= dict.fromkeys(alike.filesets, True)
    return same


class _Alike(NamedTuple):
    """Filesets in OMERO that hold the same."""

    files: Sequence[Content]
    filesets: list[int]


def _alike(session: OmeroSession, hashes: Collection[str], run_id: str) -> dict[str, list[_Alike]]:
    """Return, by checksum, the filesets in OMERO with a file of it.

    Those of the present run are left out before more is asked: else each copy of a file would cost more than the last.
    """
    holders = with_hash(session, hashes)
    every = {each for its in holders.values() for each in its}
    others = every.difference(each for each, run in _runs_of(session, every).items() if run == run_id)
    contents = contents_of(session, others)
    groups: dict[str, dict[frozenset[tuple[Content, int]], _Alike]] = {value: {} for value in holders}
    for value, its in holders.items():
        for each in its & others:
            files = contents[each]
            alike = groups[value].setdefault(frozenset(Counter(files).items()), _Alike(files, []))
            alike.filesets.append(each)
    return {value: list(its.values()) for value, its in groups.items()}


def _runs_of(session: OmeroSession, filesets: Collection[int]) -> dict[int, str]:
    """Return the runs that made these filesets; those that none of ours made are left out."""
    return {fileset: key.partition("/")[0] for fileset, key in run_keys_of(session, filesets).items()}


def _agree(staged: StagedFileset, held: Sequence[Content], local: Local) -> bool:
    """Compare all files of two sets, whatever their names and order; nothing is hashed unless all sizes agree."""
    if Counter(each.size for each in held) != Counter(file.size for file in staged.files):
        return False
    for algorithm in SURE:
        if all(each.algorithm == algorithm for each in held):
            ours = Counter(local.checksum(file, algorithm) for file in staged.files)
            return None not in ours and ours == Counter(each.hash for each in held)
    return False


class Marks:
    """The marks in OMERO that say of an import that it has the same paths, sizes and times as one of some filesets."""

    def __init__(self, session: OmeroSession, filesets: Iterable[Fileset]) -> None:
        """Ask for them.

        Raises:
            Ice.Exception: OMERO does not say.
        """
        self._session = session
        self._keys: defaultdict[str, set[str]] = defaultdict(set)
        for fileset in filesets:
            self._keys[fingerprint(fileset)].add(fileset.key)
        self._comments = comments_of(session, FINGERPRINT, self._keys)

    def same(self) -> dict[str, list[int]]:
        """Return, by key, the user's filesets in OMERO that carry one."""
        marked = carriers(self._session, "Fileset", self._comments)
        own = owned(self._session, {each for its in marked.values() for each in its})
        return {key: [each for each in its if each in own] for mark, its in marked.items() for key in self._keys[mark]}

    def announced(self) -> dict[str, set[str]]:
        """Return, by key, the run keys of imports that were announced, whether or not their fileset is there by now."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for mark, run_key in self._comments.values():
            for key in self._keys[mark] if run_key else ():
                found[key].add(str(run_key))
        return dict(found)


class _Look:
    """What is known of some filesets in OMERO that are like ours."""

    def __init__(
        self, session: OmeroSession, filesets: Sequence[int], run_id: str, is_over: Callable[[str], bool]
    ) -> None:
        self._session = session
        self._run_id = run_id
        self._held = holdings(session, filesets)
        runs = _runs_of(session, filesets)
        self._runs = {fileset: run for fileset, run in runs.items() if run != run_id}
        self._filesets = [each for each in filesets if runs.get(each) != run_id]
        images = [image.id for each in self._held.values() for image in each.images]
        self._unconfirmed = set(without_provenance(session, images)) if images else set()
        self._is_over = is_over
        self._is_at_work = cache(lambda run: bool(sessions_of(session, run, ATTEMPTS)))

    def complete(self, candidates: Mapping[int, bool]) -> Done | None:
        """Return the oldest that holds the same bytes and can be read back."""
        for fileset in self._ours(candidates):
            held = self._held.get(fileset, NOTHING)
            settled = held.images and not self._is_running(fileset)
            if candidates[fileset] and settled and unreadable(self._session, held) is None:
                return Done(fileset, held)
        return None

    def is_under_way(self, candidates: Mapping[int, bool]) -> bool:
        """Say whether one of them is being imported by another run."""
        return any(self._is_running(fileset) for fileset in self._ours(candidates))

    def is_awaited(self, run_keys: Iterable[str]) -> bool:
        """Say whether one of these imports, announced but perhaps without a fileset yet, is another run's at work."""
        runs = {key.partition("/")[0] for key in run_keys}
        return any(self._is_alive(run) for run in runs - {self._run_id})

    def debris(self) -> list[int]:
        """Return those without images whose run is over."""
        return [
            each for each in self._filesets if each in self._runs and each not in self._held and not self._lives(each)
        ]

    def _ours(self, candidates: Iterable[int]) -> list[int]:
        return [each for each in sorted(candidates) if each in self._filesets]

    def _is_running(self, fileset: int) -> bool:
        """Our imports say on each image where it came from, when everything else is done."""
        images = {image.id for image in self._held.get(fileset, NOTHING).images}
        return (not images or bool(images & self._unconfirmed)) and self._lives(fileset)

    def _lives(self, fileset: int) -> bool:
        """A run that we know nothing of may be another courier's: its session shows whether it is at work."""
        run = self._runs.get(fileset)
        return run is not None and self._is_alive(run)

    def _is_alive(self, run: str) -> bool:
        return not self._is_over(run) or self._is_at_work(run)
