"""A folder while it is judged: what is known of its files, and what is to be remembered; decides nothing itself."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from flows.core.requests import Fileset
from flows.core.sweep.folders import PENDING, RESTFUL, FolderState, Seen
from flows.core.sweep.listing import Listing
from flows.core.sweep.memory import Remembered
from flows.core.sweep.ports import UNASSIGNED
from flows.core.sweep.rules import FolderRules, LeftOut
from flows.core.sweep.settling import Wait
from flows.core.sweep.verdicts import Decision, Verdict

UNFINISHED = (Verdict.NEW, Verdict.SETTLING, Verdict.WAITING)

_OWN = frozenset({UNASSIGNED, "outside-root", "target-syntax", "request-error", "misdefined"})
"""Why a look itself quarantines, besides what is wrong with a source."""


@dataclass
class Unit:
    """A folder as it is found: with its own files, or as a whole where it is a set."""

    path: str
    """As the definition names the root, links not resolved."""
    below: str
    """The same below the root, in lower case."""
    rules: FolderRules
    listing: Listing
    state: FolderState | None
    """What was remembered of it."""
    context: bytes
    id: int
    parent: int | None
    kind: str = ""
    mounted: bool = False
    left_out: list[tuple[str, LeftOut]] = field(default_factory=list)
    """Folders in it that are not looked into."""
    beside: tuple[str, ...] = ()
    """Names in the folder above."""

    @property
    def is_as_before(self) -> bool:
        """Whether nothing has changed in it, nor in the rules for it."""
        return (
            self.state is not None
            and self.state.digest == self.listing.digest
            and self.state.context == self.context
            and self.state.kind == self.kind
        )

    def path_of(self, name: str) -> str:
        """Return the path of a file in it; that of the folder for the empty name."""
        return f"{self.path.rstrip('/')}/{name}" if name else self.path

    def name_of(self, path: str) -> str | None:
        """Return the name in it of a path; None of what is not directly in it or, for a set, not below it."""
        name = path.removeprefix(self.path.rstrip("/") + "/")
        return None if name == path or ("/" in name and not self.kind) else name


@dataclass
class Case:
    """What is decided about a unit."""

    unit: Unit
    alone: bool = False
    """Whether it is asked about some files only, and in full."""
    counts: Counter[str] = field(default_factory=Counter)
    """By verdict or, of what is skipped, `skipped/` and the reason's code."""
    reasons: dict[str, LeftOut] = field(default_factory=dict)
    """Why files are no import, where that took more than a look at their names."""
    seen: dict[str, Seen] = field(default_factory=dict)
    waits: dict[str, Wait] = field(default_factory=dict)
    """Files that are not taken yet."""
    held: list[str] = field(default_factory=list)
    """Files that have settled and are left for a later look, since there are enough."""
    ready: list[str] = field(default_factory=list)
    """Files that have settled, and are to be put together."""
    retried: dict[str, list[str]] = field(default_factory=dict)
    """Remembered filesets that are judged anew, by key, with their names here."""
    concluded: set[str] = field(default_factory=set)
    """Keys of filesets that were judged here."""
    covered: set[str] = field(default_factory=set)
    """Names that belong to a fileset which was judged."""
    decisions: list[Decision] = field(default_factory=list)
    remember: list[Remembered] = field(default_factory=list)
    forget: list[str] = field(default_factory=list)
    """Keys of what is not on disk any more as it was remembered."""
    gone: list[str] = field(default_factory=list)
    """Keys of what is not on disk any more at all: forgotten once the share is known to be there."""
    restless: bool = False
    """Something may change without a trace in the listing."""

    def count(self, verdict: Verdict, code: str) -> None:
        """Count what is remembered."""
        self.counts[f"skipped/{code}" if verdict is Verdict.SKIPPED else verdict.value] += 1

    def skip(self, code: str, name: str = "", reason: str = "") -> None:
        """Count what is no import; a reason given is remembered, by its code, as long as the file does not change."""
        self.counts[f"skipped/{code}"] += 1
        if reason:
            self.reasons[name] = LeftOut(code, reason)
            if name in self.seen:
                self.seen[name] = self.seen[name]._replace(skipped=code)

    def decide(
        self, name: str, verdict: Verdict, code: str, reason: str, *, fileset: Fileset | None = None
    ) -> Decision:
        """Note a decision, and count it."""
        path = fileset.files[0].client_path if fileset else self.unit.path_of(name)
        decision = Decision(path=path, verdict=verdict, code=code, reason=reason, fileset=fileset)
        self.counts[verdict.value] += 1
        self.decisions.append(decision)
        return decision

    def hold(self, names: Iterable[str], wait: Wait) -> None:
        """Leave files for a later look."""
        self.waits.update(dict.fromkeys(names, wait))

    @property
    def rest(self) -> int:
        """Whether the next look may pass it unless something changes."""
        unfinished = self.restless or any(self.counts[each.value] for each in UNFINISHED)
        return PENDING if unfinished else RESTFUL


def is_judged_anew(verdict: Verdict, code: str, run_id: str | None) -> bool:
    """Say whether what was decided is decided again at each look at its folder: only what no import has had."""
    if verdict is Verdict.QUARANTINED:
        return not run_id and (code in _OWN or code.startswith("source-"))
    return verdict in UNFINISHED
