"""A watched folder on a real disk, with a memory, a clock that is set by hand, and whose files are found by folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flows.core.control import Uncontrolled
from flows.core.errors import SourceError
from flows.core.requests import Fileset
from flows.core.settings import Verification
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.look import Look, look
from flows.core.sweep.memory import Memory, Remembered
from flows.core.sweep.verdicts import Assignment, Decision, Verdict
from flows.core.sweep.why import why
from flows.core.verify.settle import Clock

NOW = 1_800_000_000.0
MINUTE = 60
HOUR = 3600


class Unassigned(SourceError):
    """Nobody is named after its folder."""

    advice_by_default = "Move it to somebody's folder."


class ByFolder:
    """Files are of the user that their uppermost folder is named after; those in `nobody` are nobody's."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def assign(self, fileset: Fileset) -> Assignment:
        user, *_ = Path(fileset.files[0].client_path).relative_to(self.root).parts
        if user == "nobody":
            raise Unassigned
        return Assignment(user=user)

    def has_sidecar(self, folder: str) -> bool:
        above = [Path(folder), *Path(folder).parents]
        return any((each / "import.yml").exists() for each in above if each.is_relative_to(self.root))


class Watched:
    """A folder, and sweeps of it."""

    def __init__(self, at: Path, **definition: Any) -> None:
        self.root = at / "watched"
        self.root.mkdir()
        self.file = at / "memory" / "sweep.sqlite"
        self.now = NOW
        self.verification = Verification()
        self.definition = self.defined(**definition)

    def defined(self, **definition: Any) -> SweepDefinition:
        self.definition = SweepDefinition(root=self.root, assign={"path": "{user}"}, **definition)
        return self.definition

    def write(self, *names: str, content: bytes = b"image", age: float = HOUR) -> Path:
        for name in names:
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            os.utime(path, (self.now - age, self.now - age))
        return self.root / names[-1]

    @contextmanager
    def memory(self) -> Iterator[Memory]:
        with Memory.opened(self.file) as memory:
            yield memory

    @property
    def asked(self) -> dict[str, Any]:
        return {
            "assigner": ByFolder(self.root),
            "verification": self.verification,
            "clock": Clock(now=lambda: self.now),
        }

    def look(self, after: float = 0) -> Look:
        """Look, once `after` seconds have passed."""
        self.now += after
        with self.memory() as memory:
            return look(self.definition, memory=memory, control=Uncontrolled(), **self.asked)

    def why(self, path: str | Path) -> Decision:
        with self.memory() as memory:
            return why(self.definition, str(path), memory=memory, **self.asked)

    def second_look(self) -> Look:
        """Look twice, ten minutes apart: what was settled before is new."""
        self.look()
        return self.look(10 * MINUTE)

    def remember(self, decisions: list[Decision], verdict: Verdict, **values: Any) -> None:
        """What a sweep does once it has handed over, or heard how an import ended."""
        with self.memory() as memory:
            memory.remember(
                Remembered(
                    fileset=each.fileset,
                    verdict=verdict,
                    code=values.get("code", verdict.value),
                    reason=values.get("reason", f"It is {verdict.value}."),
                    run_id=values.get("run_id", "run-1"),
                    since=self.now,
                    assignment=each.assignment,
                )
                for each in decisions
                if each.fileset
            )

    def imported(self, *names: str) -> None:
        """Have these files imported, and looked at since."""
        self.write(*names)
        self.remember(of(self.second_look(), Verdict.NEW), Verdict.IMPORTED)
        self.look(10 * MINUTE)


def of(found: Look, verdict: Verdict) -> list[Decision]:
    return [each for each in found.decisions if each.verdict is verdict]


def names(found: Look, verdict: Verdict) -> list[str]:
    return [Path(each.path).name for each in of(found, verdict)]


def codes(found: Look) -> dict[str, str]:
    """Verdict and code of everything that is listed, by name."""
    return {Path(each.path).name: f"{each.verdict} {each.code}" for each in found.decisions}
