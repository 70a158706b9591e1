"""The routes about watched folders: each reads the request, calls one thing, and answers."""

import shlex
from typing import Annotated
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api import sweep_answers
from api.callers import EVERY, Caller, Credential, Purpose, TokenCredential
from api.imports import Server
from api.problems import Problem
from api.runs import RunUnknown
from api.services import Address, Neighbours, Presented, Services
from api.sweep_models import (
    NewSweepRun,
    Release,
    Released,
    SweepAnswer,
    SweepList,
    SweepRunAnswer,
    SweepRunReport,
    SweepSummary,
    Why,
)
from api.sweep_runs import Sweep, SweepRun, SweepUnknown
from flows.core.disk import as_shown
from flows.core.errors import CourierError, SourceAway, UnknownSweep
from flows.core.sweep.asking import definition_of, explain, not_yours, release
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.report import SweepTotals
from flows.core.sweep.verdicts import Verdict

router = APIRouter(prefix="/v1/sweeps", tags=["sweeps"])

LONGEST_PATH = 4096
"""Bytes."""
Verdicts = Annotated[
    list[Verdict] | None, Query(description="Only rows with this verdict. Given more than once: any of these.")
]


async def asked_path(
    request: Request,
    path: Annotated[
        str,
        Query(
            description="The file, absolute or below the sweep's root, percent-encoded byte by byte.",
            examples=["/watched/alice/Mitosis/First/cells.ome.tiff"],
        ),
    ],
) -> str:
    """Read a path as the file system has it, also where that is no UTF-8: in `path` such bytes are lost."""
    query = parse_qsl(request.scope["query_string"].decode("latin-1"), errors="surrogateescape")
    asked = next((value for name, value in query if name == "path"), "")
    if not asked or "\0" in asked or len(asked) > LONGEST_PATH:
        raise Problem(422, "no-path", "query.path: give the path of a file.")
    return asked


@router.get("", summary="List watched folders")
async def all_sweeps(neighbours: Neighbours, credential: Presented, server: Server = None) -> SweepList:
    """All folders that import themselves, with what their latest sweeps came to. For OMERO administrators."""
    caller = await _administrator(neighbours, credential, server, Purpose.READ)
    found = [each for each in await neighbours.runs.sweeps() if each.server in caller.servers]
    totals = await neighbours.runs.latest_totals([each.name for each in found])
    return SweepList(sweeps=[await _summary(neighbours, each, totals.get(each.name)) for each in found])


@router.get("/{name}", summary="Look at a watched folder")
async def read(
    name: str, neighbours: Neighbours, credential: Presented, verdict: Verdicts = None, server: Server = None
) -> SweepAnswer:
    """One watched folder, with the table of its latest sweep. For OMERO administrators."""
    caller = await _administrator(neighbours, credential, server, Purpose.READ)
    sweep = await _sweep(neighbours, caller, name)
    totals = (await neighbours.runs.latest_totals([name])).get(name)
    rows = await neighbours.runs.rows_of(name, UUID(totals.run_id), dry_run=False) if totals is not None else ()
    told = await _summary(neighbours, sweep, totals)
    return SweepAnswer(**dict(told), rows=[row for row in rows if not verdict or row.verdict in verdict])


@router.post("/{name}/runs", status_code=202, summary="Sweep a folder now")
async def begin(
    *,
    name: str,
    neighbours: Neighbours,
    credential: Presented,
    address: Address,
    response: Response,
    body: NewSweepRun | None = None,
    server: Server = None,
) -> SweepRunAnswer:
    """Look through the folder now, or with `dry_run` only show what would be done. For OMERO administrators."""
    caller = await _administrator(neighbours, credential, server, Purpose.ACT)
    sweep = await _sweep(neighbours, caller, name)
    dry_run = (body or NewSweepRun()).dry_run
    run = await neighbours.runs.begin_sweep(sweep, caller.name, dry_run=dry_run)
    await _note(neighbours, "sweep-dry-run" if dry_run else "sweep", caller, sweep, address)
    told = sweep_answers.run_answer(sweep, run, neighbours.settings)
    response.headers["Location"] = told.links.status
    return told


@router.get("/{name}/runs/{run_id}", summary="Look at a sweep")
async def read_run(
    *,
    name: str,
    run_id: str,
    neighbours: Neighbours,
    credential: Presented,
    verdict: Verdicts = None,
    server: Server = None,
) -> SweepRunReport:
    """Where one look through the folder is, and once it has ended what was decided. For OMERO administrators."""
    caller = await _administrator(neighbours, credential, server, Purpose.READ)
    sweep = await _sweep(neighbours, caller, name)
    run = await _run(neighbours, sweep, run_id)
    totals = await neighbours.runs.totals_of(name, run)
    rows = await neighbours.runs.rows_of(name, run.id, dry_run=run.dry_run)
    shown = [row for row in rows if not verdict or row.verdict in verdict]
    return sweep_answers.run_report(sweep, run, totals, shown, neighbours.settings)


@router.get("/{name}/why", summary="Why was a file not imported?")
async def why(
    name: str,
    neighbours: Neighbours,
    credential: Presented,
    path: Annotated[str, Depends(asked_path)],
    server: Server = None,
) -> Why:
    """What the sweep of a folder decides about one file in it, and why; looked at now, and nothing is changed.

    Administrators ask about every file, others about those that are imported for them.
    """
    caller = await neighbours.recognise(credential, server, Purpose.READ)
    users = None if _sees_all(caller, credential) else caller.users or frozenset()
    try:
        sweep = await _sweep(neighbours, caller, name)
    except Problem as unknown:
        if users is None:
            raise
        raise not_yours() from unknown
    try:
        decision = await neighbours.blocking(
            lambda: explain(name, path, neighbours.settings, users=users, swept=sweep.latest is not None),
            away=f"The folder of the sweep {name}",
        )
    except (SourceAway, UnknownSweep) as away:
        raise _elsewhere("why", name, path, away) from away
    return sweep_answers.why(sweep, decision)


@router.post("/{name}/release", summary="Look again at what failed")
async def let_go(
    *,
    name: str,
    neighbours: Neighbours,
    credential: Presented,
    address: Address,
    body: Release | None = None,
    server: Server = None,
) -> Released:
    """Let the next sweep look at what failed or is quarantined as if it were new. For OMERO administrators."""
    caller = await _administrator(neighbours, credential, server, Purpose.ACT)
    sweep = await _sweep(neighbours, caller, name)
    path = body.path if body is not None else None
    try:
        number = await neighbours.blocking(
            lambda: release(name, path, neighbours.settings, swept=sweep.latest is not None),
            away=f"What the sweep {name} remembers",
        )
    except (SourceAway, UnknownSweep) as away:
        raise _elsewhere("release", name, path, away) from away
    await _note(neighbours, "release", caller, sweep, address, *([] if path is None else [path]))
    return Released(released=number)


async def _administrator(neighbours: Services, credential: Credential, server: str | None, purpose: Purpose) -> Caller:
    """Return a caller who may see and do everything."""
    caller = await neighbours.recognise(credential, server, purpose)
    if not _sees_all(caller, credential):
        raise Problem(
            403,
            "administrators-only",
            "Only OMERO administrators, and API tokens for everybody, see watched folders and sweep them.",
            advice="Why a file of yours was not imported is told by GET /v1/sweeps/{name}/why?path=...",
        )
    return caller


def _sees_all(caller: Caller, credential: Credential) -> bool:
    """Whether files of every user and in every folder are theirs to see."""
    bound = isinstance(credential, TokenCredential) and EVERY not in credential.token.roots
    return caller.users is None and not bound


async def _sweep(neighbours: Services, caller: Caller, name: str) -> Sweep:
    try:
        sweep = await neighbours.runs.sweep(name)
    except SweepUnknown:
        sweep = None
    if sweep is None or sweep.server not in caller.servers:
        raise Problem(404, "unknown-sweep", "There is no sweep of this name.")
    return sweep


async def _run(neighbours: Services, sweep: Sweep, run_id: str) -> SweepRun:
    try:
        return await neighbours.runs.sweep_run(sweep, UUID(run_id))
    except (RunUnknown, ValueError) as unknown:
        raise Problem(404, "unknown-sweep-run", "This sweep has no run with this id.") from unknown


async def _summary(neighbours: Services, sweep: Sweep, totals: SweepTotals | None) -> SweepSummary:
    definition: SweepDefinition | CourierError
    try:
        definition = await neighbours.blocking(
            lambda: definition_of(sweep.name, neighbours.settings), away="The folder with the sweep definitions"
        )
    except CourierError as problem:
        definition = problem
    return sweep_answers.summary(sweep, definition, totals, neighbours.settings)


def _elsewhere(command: str, name: str, path: str | None, why: CourierError) -> Problem:
    words = [command, name, *([] if path is None else [as_shown(path)])]
    return Problem(
        503,
        "sweep-elsewhere",
        f"The API's machine cannot tell: {as_shown(why.what)}",
        advice=f"On the machine of the worker run `python -m deployments.sweeps {shlex.join(words)}`.",
    )


async def _note(neighbours: Services, action: str, caller: Caller, sweep: Sweep, address: str, *sources: str) -> None:
    await neighbours.note(action, caller.who, address=address, server=sweep.server, sweep=sweep.name, sources=sources)
