"""What the files of filesets in OMERO are: sizes, checksums, whose; read-only questions, for many at a time.

Everything is asked of the user's own filesets in the group of the session only.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

from flows.core.omero_client.annotations import RUN
from flows.core.omero_client.holdings import batches, comments_on
from flows.core.omero_client.session import OmeroSession


class Content(NamedTuple):
    """One file of a fileset, once it was uploaded."""

    size: int | None
    hash: str | None
    algorithm: str | None


def with_size(session: OmeroSession, sizes: Collection[int]) -> dict[int, set[str]]:
    """Return those of these sizes that files in OMERO have, with the checksum algorithms of such files."""
    found: defaultdict[int, set[str]] = defaultdict(set)
    for some in batches(sizes):
        rows = session.rows(
            "select distinct o.size, h.value from FilesetEntry e join e.originalFile o join o.hasher h"
            " where o.size in (:sizes)"
            " and e.fileset.details.owner.id = :owner and e.fileset.details.group.id = :group",
            sizes=some,
            owner=session.user_id,
            group=session.group_id,
        )
        for size, algorithm in rows:
            found[size].add(algorithm)
    return dict(found)


def with_hash(session: OmeroSession, hashes: Collection[str]) -> dict[str, set[int]]:
    """Return the filesets that hold a file of these checksums, by checksum."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for some in batches(hashes):
        rows = session.rows(
            "select distinct o.hash, e.fileset.id from FilesetEntry e join e.originalFile o"
            " where o.hash in (:hashes)"
            " and e.fileset.details.owner.id = :owner and e.fileset.details.group.id = :group",
            hashes=some,
            owner=session.user_id,
            group=session.group_id,
        )
        for value, fileset in rows:
            found[value].add(fileset)
    return dict(found)


def contents_of(session: OmeroSession, filesets: Collection[int]) -> dict[int, list[Content]]:
    """Return all files of these filesets."""
    found: defaultdict[int, list[Content]] = defaultdict(list)
    for some in batches(filesets):
        rows = session.rows(
            "select e.fileset.id, o.size, o.hash, h.value from FilesetEntry e join e.originalFile o"
            " left outer join o.hasher h where e.fileset.id in (:filesets)",
            filesets=some,
        )
        for fileset, *content in rows:
            found[fileset].append(Content(*content))
    return dict(found)


def owned(session: OmeroSession, filesets: Collection[int]) -> set[int]:
    """Return those of these filesets that are the user's own, in the group of the session."""
    return {
        fileset
        for some in batches(filesets)
        for (fileset,) in session.rows(
            "select f.id from Fileset f where f.id in (:filesets)"
            " and f.details.owner.id = :owner and f.details.group.id = :group",
            filesets=some,
            owner=session.user_id,
            group=session.group_id,
        )
    }


def run_keys_of(session: OmeroSession, filesets: Collection[int]) -> dict[int, str]:
    """Return the keys under which imports of ours made these filesets; others are left out."""
    return comments_on(session, filesets, RUN)
