"""Which imports the new filesets of a sweep become: grouped by whose they are and whereto, within limits: pure."""

import hashlib
import json
from collections.abc import Iterable, Iterator

from flows.core.requests import MAX_REQUEST_BYTES, Fileset, Frozen, ImportRequest, Placement
from flows.core.sweep.definition import Limits
from flows.core.sweep.verdicts import Assignment, Decision, Verdict

GIGABYTE = 10**9
ROOM_FOR_PATHS = MAX_REQUEST_BYTES * 3 // 4
"""Bytes of a request, as JSON, that its sources may take."""
LIMIT_OF_SWEEP = "limit-of-sweep"


class Batch(Frozen):
    """Filesets that become one import."""

    assignment: Assignment
    filesets: tuple[Fileset, ...]

    def request(self, *, bulk: bool, placement: Placement = Placement.UPLOAD) -> ImportRequest:
        """Return what is asked for."""
        whose = self.assignment
        return ImportRequest(
            on_behalf_of=whose.user,
            sources=[each.files[0].client_path for each in self.filesets],
            target=whose.target,
            group=whose.group,
            name=whose.name,
            description=whose.description,
            tags=list(whose.tags),
            key_values=dict(whose.key_values),
            notify=list(whose.notify),
            bulk=bulk,
            placement=placement,
        )

    def identity(self, sweep: str) -> str:
        """Name what a sweep hands over: one that died before it noted that finds the same import again."""
        files = sorted((each.key, [[file.size, file.mtime_ns] for file in each.files]) for each in self.filesets)
        parts = [sweep, self.assignment.model_dump(mode="json"), files]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


class HandOver(Frozen):
    """What a sweep hands over now, and what it leaves for the next one."""

    batches: tuple[Batch, ...]
    left: tuple[Decision, ...]


def hand_over(new: Iterable[Decision], limits: Limits) -> HandOver:
    """Say which imports new filesets become; what is beyond the limits of a sweep waits, oldest path first."""
    now, left = _within_limits(new, limits)
    groups: dict[str, tuple[Assignment, list[Fileset]]] = {}
    for each in now:
        assert each.assignment is not None, "what is new has one"
        assert each.fileset is not None, "what is new has one"
        _, group = groups.setdefault(each.assignment.model_dump_json(), (each.assignment, []))
        group.append(each.fileset)
    batches = (
        Batch(assignment=assignment, filesets=tuple(part))
        for assignment, filesets in groups.values()
        for part in _cut(filesets, limits)
    )
    return HandOver(batches=tuple(batches), left=tuple(left))


def _within_limits(new: Iterable[Decision], limits: Limits) -> tuple[list[Decision], list[Decision]]:
    now: list[Decision] = []
    left: list[Decision] = []
    volume = 0.0
    for each in new:
        assert each.fileset is not None, "what is new has one"
        room = len(now) < limits.filesets_per_sweep and volume < limits.gigabytes_per_sweep * GIGABYTE
        if not room:
            left.append(_waits(each))
            continue
        volume += each.fileset.size
        now.append(each)
    return now, left


def _waits(decision: Decision) -> Decision:
    reason = "It is ready; this sweep has handed over as much as its limits allow. A later one takes it."
    return decision.model_copy(update={"verdict": Verdict.WAITING, "code": LIMIT_OF_SWEEP, "reason": reason})


def _cut(filesets: Iterable[Fileset], limits: Limits) -> Iterator[list[Fileset]]:
    """Cut what goes to one place into imports; a fileset that is larger than the limit is an import of its own."""
    part: list[Fileset] = []
    volume = paths = 0.0
    for each in filesets:
        length = len(json.dumps(each.files[0].client_path)) + 1
        full = (
            len(part) >= limits.filesets_per_run
            or volume + each.size > limits.gigabytes_per_run * GIGABYTE
            or paths + length > ROOM_FOR_PATHS
        )
        if part and full:
            yield part
            part, volume, paths = [], 0.0, 0.0
        part.append(each)
        volume += each.size
        paths += length
    if part:
        yield part
