"""Reads what people put beside their images, `import.yml` and `metadata.csv`: whose they are, and what is said of them.

Whoever may write into a folder may write these: nothing in them is trusted to be short, well-formed or where it seems.
"""

import os
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from flows.core.disk import told_of
from flows.core.errors import Misdefined, SourceAway, SourceError, Unassigned
from flows.core.requests import Frozen, Name, Receiver, TargetText
from flows.core.sweep.definition import DESTINATIONS
from flows.core.sweep.lines import read_as
from flows.core.sweep.texts import read_pairs, read_text

SIDECAR = "import.yml"
PAIRS = "metadata.csv"

RIVALS = {
    "target": frozenset({"screen", "project", "dataset"}),
    "screen": frozenset({"target", "project", "dataset"}),
    "project": frozenset({"target", "screen"}),
    "dataset": frozenset({"target", "screen"}),
}
"""What a destination of each kind cannot be together with: where a nearer one is named these are dropped."""


class Sidecar(Frozen):
    """What an `import.yml` says, and the pairs of the `metadata.csv` beside it."""

    user: Name | None = Field(default=None, description="OMERO login name, where nothing else says whose it is.")
    group: Name | None = Field(default=None, description="OMERO group.")
    target: TargetText | None = Field(default=None, description="As OMERO's command line writes it.")
    project: Name | None = Field(default=None, description="Name of the project.")
    dataset: Name | None = Field(default=None, description="Name of the dataset.")
    screen: Name | None = Field(default=None, description="Name of the screen.")
    name: Name | None = Field(default=None, description="Name of the images.")
    description: Annotated[str, StringConstraints(max_length=10_000)] | None = Field(
        default=None, description="Said of each image."
    )
    tags: tuple[Name, ...] = Field(default=(), description="Tags of the images.")
    key_values: dict[Name, str] = Field(default_factory=dict, description="Key-value pairs of the images.")
    notify: tuple[Receiver, ...] = Field(default=(), max_length=20, description="Who is told instead of the user.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        for kind, rivals in RIVALS.items():
            if getattr(self, kind) and (others := [name for name in sorted(rivals) if getattr(self, name)]):
                raise ValueError(f"give either {kind} or {others[0]}")
        return self

    @property
    def destinations(self) -> dict[str, str]:
        """Whose it is and where it goes, as far as it says so."""
        return {name: said for name in DESTINATIONS if (said := getattr(self, name)) is not None}

    def over(self, above: "Sidecar") -> "Sidecar":
        """Add what a sidecar further up says; this one wins, pair by pair."""
        said: dict[str, Any] = {name: getattr(self, name) for name in type(self).model_fields if getattr(self, name)}
        dropped = frozenset[str]().union(*(RIVALS.get(name, frozenset()) for name in said))
        update = {**said, "key_values": {**above.key_values, **self.key_values}, **dict.fromkeys(dropped - said.keys())}
        return above.model_copy(update=update)


NOTHING = Sidecar()


class Sidecars:
    """The sidecars of one watched folder, each read once."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._said: dict[str, Sidecar | Unassigned] = {}
        self._any: dict[str, bool] = {}

    def of(self, folder: str) -> Sidecar:
        """Return what is said in a folder and above it, up to the root; the nearest wins.

        Raises:
            Unassigned: one of them is faulty, cannot be read, or is a link that leads out of the root.
            SourceAway: the share does not answer.
        """
        above = NOTHING
        for each in self._from_the_root(folder):
            if each not in self._said:
                self._said[each] = self._looked_at(each, above)
            said = self._said[each]
            if isinstance(said, Unassigned):
                raise said.with_traceback(None)
            above = said
        return above

    def any(self, folder: str) -> bool:
        """Whether there is one in a folder or above it, up to the root, faulty or not.

        Raises:
            SourceError: the folder cannot be looked into, or its share does not answer.
        """
        found = False
        for each in self._from_the_root(folder):
            if each not in self._any:
                self._any[each] = found or any(_is_there(f"{each}/{name}") for name in (SIDECAR, PAIRS))
            found = self._any[each]
        return found

    def _from_the_root(self, folder: str) -> list[str]:
        steps = folder[len(self._root) :].split("/")
        return [self._root + "/".join(steps[:end]) for end in range(1, len(steps) + 1)]

    def _looked_at(self, folder: str, above: Sidecar) -> Sidecar | Unassigned:
        try:
            return read_sidecar(folder, self._root).over(above)
        except Unassigned as refused:
            return refused


def read_sidecar(folder: str, root: str) -> Sidecar:
    """Read both of a folder; one that is not there says nothing.

    Raises:
        Unassigned: one of them is faulty, cannot be read, or is a link that leads out of the root.
        SourceAway: the share does not answer.
    """
    path, pairs = f"{folder}/{SIDECAR}", f"{folder}/{PAIRS}"
    try:
        said = _read(path, root) if _is_there(path) else Sidecar()
        told = _read_pairs(pairs, root) if _is_there(pairs) else {}
    except (Misdefined, SourceError) as refused:
        if isinstance(refused, SourceAway | Unassigned):
            raise
        raise Unassigned(
            f"{refused.which}: {refused.what.rstrip('.')}.", advice="Correct that file, or remove it."
        ) from refused
    return said.model_copy(update={"key_values": {**told, **said.key_values}})


def _read(path: str, root: str) -> Sidecar:
    _check_link(path, root)
    reading = read_as(Sidecar, read_text(path), as_text=True)
    if reading.value is None:
        raise Misdefined("; ".join(map(str, reading.problems)), which=path)
    return reading.value


def _read_pairs(path: str, root: str) -> dict[str, str]:
    _check_link(path, root)
    return read_pairs(path)


def _is_there(path: str) -> bool:
    """Whether it is there; when the share does not answer nobody knows, and that is no no."""
    with told_of(path):
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
    return True


def _check_link(path: str, root: str) -> None:
    if not os.path.realpath(path).startswith(os.path.realpath(root).rstrip("/") + "/"):
        raise Unassigned(
            f"{path} leads out of the watched folder.", advice="Put the file itself in the place of the link."
        )
