"""What a run of the long form showed: as a page for people, and as JSON."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.faults.judge import Verdict


@dataclass(frozen=True)
class Struck:
    """A fault that was injected."""

    harm: str
    stage: str
    """Where an import was held meanwhile; `any` when none was."""
    imports: int
    """Imports that were not over at that moment."""
    seconds: float
    """Until all was well again."""


@dataclass
class Report:
    """All of it."""

    seed: int
    struck: list[Struck] = field(default_factory=list)
    accepted: dict[str, int] = field(default_factory=dict)
    """Imports by kind."""
    files: int = 0
    megabytes: int = 0
    replayed: int = 0
    """Imports of sound files that had failed, and were retried over HTTP when all was well."""
    minutes: float = 0.0
    verdict: Verdict = field(default_factory=Verdict)

    def as_json(self) -> str:
        """Everything, for machines."""
        counts = {kind: len(lines) for kind, lines in self.verdict.wrong().items()}
        return json.dumps({**asdict(self), "counts": counts}, indent=2)

    def as_page(self) -> str:
        """Return a page in Markdown."""
        return "\n".join(self._lines()) + "\n"

    def write(self, folder: Path) -> None:
        """Write both into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "chaos-report.json").write_text(self.as_json())
        (folder / "chaos-report.md").write_text(self.as_page())

    def _lines(self) -> Iterator[str]:
        at_once = [each.imports for each in self.struck] or [0]
        yield "# Report of the long form of the fault suite"
        yield ""
        yield f"`make chaos SEED={self.seed}`: {len(self.struck)} faults in {self.minutes:.0f} minutes."
        yield ""
        yield from _table(("", ""), self._figures(min(at_once), max(at_once)))
        yield ""
        yield "## Faults, by the stage at which an import was held while it was done"
        yield ""
        yield from self._faults()
        yield ""
        yield "## Imports"
        yield ""
        yield from _table(("kind", "accepted"), sorted(self.accepted.items()))
        yield ""
        ends = ", ".join(f"{count} {state}" for state, count in sorted(self.verdict.outcomes.items()))
        yield f"They ended: {ends}. {self.replayed} of sound files had failed and were retried over HTTP."
        for kind, lines in self.verdict.wrong().items():
            if lines:
                yield from ("", f"## {kind.capitalize()}", "", *(f"- {line}" for line in lines))

    def _figures(self, fewest: int, most: int) -> Iterator[tuple[str, object]]:
        yield "faults injected", len(self.struck)
        yield "imports accepted", sum(self.accepted.values())
        yield "files in them", self.files
        yield "megabytes in them", self.megabytes
        yield "imports in flight when a fault struck", f"{fewest} to {most}"
        titles = {"leaked": "slots leaked", "debris": "debris left"}
        yield from ((f"**{titles.get(kind, kind)}**", len(lines)) for kind, lines in self.verdict.wrong().items())

    def _faults(self) -> Iterator[str]:
        stages = list(dict.fromkeys(each.stage for each in self.struck))
        counts = Counter((each.harm, each.stage) for each in self.struck)
        harms = sorted({each.harm for each in self.struck})
        rows = ((harm, *(counts[harm, stage] or "" for stage in stages)) for harm in harms)
        return _table(("fault", *stages), rows)


def _table(headings: Iterable[object], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    head = tuple(headings)
    yield "| " + " | ".join(map(str, head)) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(str(cell) for cell in row) + " |"
