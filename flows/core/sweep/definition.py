"""What a sweep definition says: one YAML file for each watched folder, typed and described; reads no file itself."""

import re
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from string import Formatter
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from flows.core.afterwards.wishes import Afterwards
from flows.core.requests import Name, Placement, Receiver, TargetText
from flows.core.setting_types import Label

VARIABLE = re.compile(r"[a-z][a-z0-9_]*")
"""What may stand between braces in a template."""
BUILT_IN = frozenset({"folder", "stem", "file", "relative", "date"})
"""Variables that every file has: the name of its folder, its name without and with suffix, its path below the root
without its name, and the day of its last change as YYYY-MM-DD, in UTC."""
DESTINATIONS = ("user", "group", "target", "project", "dataset", "screen")
"""What a variable of that name, from the path, the pattern, the table or a sidecar, decides by itself."""


def variables_in(template: str) -> list[str]:
    """Return the variables of a template, in order."""
    return [field for _, field, _, _ in Formatter().parse(template) if field is not None]


def _template(text: str) -> str:
    try:
        parts = list(Formatter().parse(text))
    except ValueError as wrong:
        raise ValueError(f"{text!r}: {wrong}; write {{{{ and }}}} for braces") from None
    for _, field, form, conversion in parts:
        if field is not None and not VARIABLE.fullmatch(field):
            raise ValueError(f"{text!r}: {field!r} is no variable: lower-case letters, digits and _")
        if form or conversion:
            raise ValueError(f"{text!r}: {{{field}}} is written without anything behind the name")
    return text


def _path_template(text: str) -> str:
    _template(text)
    variables = variables_in(text)
    if text.startswith("/") or any(part in {"", ".", ".."} for part in text.split("/")):
        raise ValueError(f"{text!r}: folders below the root, for example {{user}}/{{project}}/{{dataset}}")
    parts = list(Formatter().parse(text))
    if any(before[1] and here[1] and not here[0] for before, here in pairwise(parts)):
        raise ValueError(f"{text!r}: put something between two variables, to tell where the first one ends")
    if len(set(variables)) < len(variables):
        raise ValueError(f"{text!r}: each variable once")
    if "screen" in variables and {"project", "dataset"} & set(variables):
        raise ValueError(f"{text!r}: a screen is in no project and holds no dataset")
    return text


def _regular(text: str) -> str:
    try:
        pattern = re.compile(text)
    except re.error as wrong:
        raise ValueError(f"{text!r}: {wrong}") from None
    if not pattern.groupindex:
        raise ValueError(f"{text!r}: name what it finds, for example (?P<user>[a-z]+)")
    if bad := [name for name in pattern.groupindex if not VARIABLE.fullmatch(name)]:
        raise ValueError(f"{text!r}: {bad[0]!r} is no variable: lower-case letters, digits and _")
    return text


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError(f"{path} is not absolute")
    if ".." in path.parts:
        raise ValueError(f"{path}: a path may not go up with '..'")
    return path


Template = Annotated[str, StringConstraints(min_length=1, max_length=1000), AfterValidator(_template)]
"""Text with variables in braces: `{project}`."""
PathTemplate = Annotated[str, StringConstraints(min_length=1), AfterValidator(_path_template)]
RegularExpression = Annotated[str, StringConstraints(min_length=1, max_length=1000), AfterValidator(_regular)]
AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=255)]
"""As in a shell: `*` `?` `[...]`; without regard to case. One with a slash is compared with the path below the root,
where `*` stops at no slash; any other with the name."""


class Part(BaseModel):
    """A part of a definition."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Schedule(Part):
    """When it is swept: after an interval, or at the times of a cron line."""

    every_minutes: float | None = Field(
        default=None, ge=0.05, le=525_600, description="Minutes from one sweep to the next."
    )
    cron: str | None = Field(default=None, description="Five fields, for example `*/10 7-20 * * 1-5`.")
    timezone: str = Field(default="UTC", description="Of the cron line, for example Europe/London.")
    watch: bool = Field(
        default=False, description="Sweep as soon as the folder changes, too, where its file system tells of changes."
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.every_minutes is None) == (self.cron is None):
            raise ValueError("give either every_minutes or cron")
        return self


class Instrument(Part):
    """What one instrument leaves beside its images."""

    folders: tuple[Pattern, ...] = Field(
        default=("*",), description="The folders that it writes to: patterns, as in `exclude`."
    )
    ignore: tuple[Pattern, ...] = Field(min_length=1, description="Files and folders of its own that are no images.")


class Files(Part):
    """Which files are looked at."""

    include: tuple[Pattern, ...] = Field(default=("*",), min_length=1, description="Only these files.")
    exclude: tuple[Pattern, ...] = Field(default=(), description="Not these files, and not what is in these folders.")
    depth: int = Field(default=16, ge=0, le=64, description="Levels of folders below the root that are looked into.")
    hidden: bool = Field(default=False, description="Files and folders whose names begin with a dot, too.")
    temporary: tuple[Pattern, ...] = Field(
        default=("*.tmp", "*.temp", "*.part", "*.partial", "*.crdownload", "*.filepart", "~$*", "*~", "*.lock"),
        description="Names of files that are being written: they are waited for under their final name.",
    )
    instruments: dict[Label, Instrument] = Field(
        default_factory=dict, description="What to leave out, instrument by instrument."
    )


class Settled(Part):
    """When the files of a fileset are complete."""

    quiet_minutes: float = Field(
        default=5, ge=0, le=525_600, description="Minutes without a change of any of its files, seen at two looks."
    )
    marker: Pattern | None = Field(
        default=None,
        description="A file that says that it is complete: `{stem}.done` beside it, or `ready.txt` in its folder.",
    )
    sidecar: bool = Field(
        default=False, description="Wait until there is an import.yml or metadata.csv in the folder or above it."
    )


class Table(Part):
    """A mapping table: what is in the path says whose it is and where it goes."""

    file: AbsolutePath = Field(description="CSV, UTF-8, with a header line.")
    key: Template = Field(description="What is looked up in its first column, for example {folder}.")


class Assign(Part):
    """Whose it is and where it goes."""

    path: PathTemplate | None = Field(
        default=None, description="What the folders below the root mean: `{user}/{project}/{dataset}`."
    )
    pattern: RegularExpression | None = Field(
        default=None, description="Named groups that are looked for in the path below the root, the name included."
    )
    table: Table | None = Field(default=None, description="A mapping table, whose columns are further variables.")
    sidecars: bool = Field(
        default=False,
        description="import.yml and metadata.csv in the folder, or above up to the root, say more; the nearest wins.",
    )
    user: Template | None = Field(default=None, description="OMERO login name. Left out: {user}.")
    group: Template | None = Field(default=None, description="OMERO group. Left out: {group}, or the user's default.")
    target: TargetText | None = Field(default=None, description="A fixed target, for example Dataset:id:5.")
    project: Template | None = Field(default=None, description="Name of the project. Left out: {project}, or none.")
    dataset: Template | None = Field(default=None, description="Name of the dataset. Left out: {dataset}.")
    screen: Template | None = Field(default=None, description="Name of the screen. Left out: {screen}.")
    name: Template | None = Field(default=None, description="Name of the image. Left out: the file's.")
    tags: tuple[Template, ...] = Field(default=(), description="Tags of the images.")
    key_values: dict[Name, Template] = Field(default_factory=dict, description="Key-value pairs of the images.")
    notify: tuple[Receiver, ...] = Field(default=(), description="Who is told instead of the user.")
    unknown_user: Literal["quarantine", "leave"] = Field(
        default="quarantine",
        description=(
            "Files of a user whom OMERO does not know, or that name none. quarantine: they are set aside in the table, "
            "and the administrators hear of it once. leave: they are only counted."
        ),
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.target and (self.project or self.dataset or self.screen):
            raise ValueError("give either target, or project, dataset or screen")
        if self.screen and (self.project or self.dataset):
            raise ValueError("a screen is in no project and holds no dataset")
        if not (self.user or self.sidecars or self.table or "user" in self.from_path):
            raise ValueError("say whose the files are: {user} in path or pattern, a table, sidecars, or user")
        return self

    @property
    def from_path(self) -> frozenset[str]:
        """The variables that the path template and the pattern name."""
        return frozenset(variables_in(self.path or "")) | set(re.compile(self.pattern or "").groupindex)

    @property
    def templates(self) -> dict[tuple[str | int, ...], str]:
        """Every template that is filled in for a file, by its place in the definition."""
        found: dict[tuple[str | int, ...], str | None] = {
            (name,): getattr(self, name) for name in ("user", "group", "project", "dataset", "screen", "name")
        }
        found |= {("tags", number): tag for number, tag in enumerate(self.tags)}
        found |= {("key_values", key): value for key, value in self.key_values.items()}
        return {place: template for place, template in found.items() if template is not None}


class Limits(Part):
    """How much at a time."""

    filesets_per_run: int = Field(default=1000, ge=1, le=5000, description="Filesets in one import.")
    gigabytes_per_run: float = Field(default=200, gt=0, description="Gigabytes (10^9 bytes) in one import.")
    filesets_per_sweep: int = Field(default=20_000, ge=1, description="Filesets that one sweep hands over at most.")
    gigabytes_per_sweep: float = Field(default=5_000, gt=0, description="Gigabytes that one sweep hands over at most.")
    priority: Literal["bulk", "people"] = Field(
        default="bulk", description="bulk: after those who wait for their images. people: among them."
    )


class Mount(Part):
    """How a share that is not mounted is told from an empty folder."""

    sentinel: Pattern | None = Field(
        default=None, description="A file, below the root, that is there as long as the share is mounted."
    )


class SweepDefinition(Part):
    """A watched folder: what in it becomes an import, whose, where, and what happens afterwards."""

    root: AbsolutePath = Field(description="The folder. It lies in one of the courier's roots.")
    server: Label | None = Field(default=None, description="The OMERO server. Left out: the only one there is.")
    description: str = Field(default="", description="For people: shown in the console.")
    active: bool = Field(default=True, description="Whether it is swept by itself; by hand it always can be.")
    schedule: Schedule = Field(default=Schedule(every_minutes=5), description="When it is swept.")
    mount: Mount = Field(default=Mount(), description="How a missing share is noticed.")
    files: Files = Field(default=Files(), description="Which files are looked at.")
    settled: Settled = Field(default=Settled(), description="When a fileset is complete.")
    assign: Assign = Field(description="Whose it is and where it goes.")
    placement: Placement = Field(
        default=Placement.UPLOAD, description="How files get into OMERO's repository: docs/placement.md."
    )
    afterwards: Afterwards = Field(default=Afterwards(), description="What happens to the files.")
    limits: Limits = Field(default=Limits(), description="How much at a time.")

    @property
    def quiet(self) -> timedelta:
        """How long no file of a fileset may have changed."""
        return timedelta(minutes=self.settled.quiet_minutes)
