"""What goes over the wire about watched folders: requests and answers of the interface, version 1."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints, field_validator

from api.models import Id, ServerName, TargetName
from api.sweep_runs import SweepState
from flows.core.requests import Frozen
from flows.core.sweep.report import SweepRow, SweepTotals
from flows.core.sweep.verdicts import Verdict

SweepName = Annotated[str, Field(description="That of its definition's file.", examples=["confocal"])]
_HERE = "/v1/sweeps/confocal"
_RUN = "0192f0c1-7a1b-7c3d-8e4f-5a6b7c8d9e0f"
_CONSOLE = "http://127.0.0.1:4200"
_PATH = "/watched/alice/Mitosis/First/cells.ome.tiff"


class SweepRunLinks(BaseModel):
    """Where to go on from a run of a sweep."""

    status: str = Field(description="GET it for its state and its table.", examples=[f"{_HERE}/runs/{_RUN}"])
    ui: str = Field(description="The run in the Prefect UI.", examples=[f"{_CONSOLE}/runs/flow-run/{_RUN}"])


class SweepRunAnswer(BaseModel):
    """One look through a watched folder."""

    id: Id
    dry_run: bool = Field(description="It only shows what would be done.", examples=[False])
    state: SweepState
    due: datetime = Field(description="When it was to start.")
    started: datetime | None
    ended: datetime | None
    reason: str | None = Field(
        description="What it came to, or why it stopped.", examples=["12 new, 3 settling; 4,210 files in 97 folders"]
    )
    links: SweepRunLinks


class SweepRunReport(SweepRunAnswer):
    """One look through a watched folder, and what was decided."""

    totals: SweepTotals | None = Field(description="null until it has ended, and where it left no report.")
    rows: list[SweepRow] = Field(description="Filesets; what somebody has to do something about comes first.")


class SweepSchedule(BaseModel):
    """When a folder is swept by itself: after an interval, or at the times of a cron line."""

    every_minutes: float | None = Field(examples=[5])
    cron: str | None = Field(examples=[None])
    timezone: str | None = Field(description="Of the cron line.", examples=[None])


class SweepLinks(BaseModel):
    """Where to go on from a sweep."""

    status: str = Field(description="GET it for its latest table.", examples=[_HERE])
    runs: str = Field(description="POST there to have the folder swept now.", examples=[f"{_HERE}/runs"])
    why: str = Field(description="GET it with ?path= to learn why a file was not imported.", examples=[f"{_HERE}/why"])
    release: str = Field(
        description="POST there to have what failed or is quarantined looked at again.", examples=[f"{_HERE}/release"]
    )
    ui: str = Field(
        description="The deployment in the Prefect UI.", examples=[f"{_CONSOLE}/deployments/deployment/{_RUN}"]
    )


class SweepSummary(BaseModel):
    """A watched folder in a list."""

    name: SweepName
    server: ServerName
    root: str | None = Field(description="null: see `problem`.", examples=["/watched"])
    description: str = Field(examples=["What is put into this folder imports itself."])
    active: bool = Field(description="Whether it is swept by itself; false also while an operator paused it.")
    schedule: SweepSchedule | None
    next_run: datetime | None
    latest_run: SweepRunAnswer | None = Field(description="The latest that began; no dry runs.")
    totals: SweepTotals | None = Field(
        description="What the latest run that left a report came to: `run_id` names it. No dry runs."
    )
    problem: str | None = Field(description="Why its definition cannot be read by the API.", examples=[None])
    links: SweepLinks


class SweepAnswer(SweepSummary):
    """A watched folder, and the table of its latest run."""

    rows: list[SweepRow] = Field(description="Filesets; what somebody has to do something about comes first.")


class SweepList(BaseModel):
    """All watched folders, by name."""

    sweeps: list[SweepSummary]


class NewSweepRun(Frozen):
    """How a folder is to be swept."""

    dry_run: bool = Field(default=False, description="Only show what would be done; nothing is changed.")


class Release(Frozen):
    """What is looked at as if it were new."""

    path: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = Field(
        default=None,
        description="A file, or a folder and what is in it; absolute, or below the sweep's root. Left out: all.",
        examples=[_PATH],
    )

    @field_validator("path")
    @classmethod
    def _can_be_one(cls, path: str | None) -> str | None:
        if path is not None and "\0" in path:
            raise ValueError("there is a NUL character in it")
        return path


class Released(BaseModel):
    """What was released."""

    released: int = Field(description="Filesets that the next sweep looks at as if they were new.", examples=[3])


class Why(BaseModel):
    """What a sweep decides about one file or folder."""

    sweep: SweepName
    path: str = Field(description="A name that is no UTF-8 has marks in it.", examples=[_PATH])
    verdict: Verdict
    code: str = Field(description="The reason for machines.", examples=["quiet-period"])
    reason: str = Field(examples=["It changed 2 minutes ago; it is imported once it has been quiet for 5 minutes."])
    user: str | None = Field(description="Whom it is imported for.", examples=["alice"])
    group: str | None = Field(examples=[None])
    target: TargetName
    files: list[str] = Field(description="What OMERO imports together with it, itself included.", examples=[[_PATH]])
    import_id: str | None = Field(description="The import that has, or had, it.", examples=[None])
