"""What a Prometheus server reads: numbers by sweep and by OMERO server; no names of people, no paths."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from api.services import Neighbours, Services
from api.sweep_runs import ImportCounts, Sweep
from flows.core.sweep.report import SweepTotals
from flows.core.sweep.verdicts import Verdict

router = APIRouter(tags=["health"])


@dataclass(frozen=True)
class Figures:
    """What was read at one moment."""

    imports: dict[str, ImportCounts]
    """By server."""
    away: dict[str, bool]
    """By server."""
    unsent: int
    last_round: datetime | None
    sweeps: dict[str, Sweep]
    """By name."""
    totals: dict[str, SweepTotals]
    """By sweep: of the latest that came to its end. What was not looked at is unknown, not none."""


@router.get(
    "/metrics",
    summary="Numbers for Prometheus",
    response_class=PlainTextResponse,
    responses={200: {"description": "The text format of Prometheus, version 0.0.4."}},
)
async def metrics(neighbours: Neighbours) -> Response:
    """Imports, messages and sweeps in numbers, without names of people or paths; read anew every ten seconds at most.

    It may be read by everybody who reaches the API, like /health.
    """
    text = await neighbours.metrics.answer(lambda: _text(neighbours))
    return Response(text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


async def _text(neighbours: Services) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Told(await _read(neighbours)))
    return generate_latest(registry)


async def _read(neighbours: Services) -> Figures:
    servers, runs = list(neighbours.settings.servers), neighbours.runs
    imports, away, unsent, last_round, found = await asyncio.gather(
        asyncio.gather(*map(runs.import_counts, servers)),
        asyncio.gather(*map(runs.omero_away, servers)),
        runs.messages_unsent(),
        runs.last_round(),
        runs.sweeps(),
    )
    sweeps = {each.name: each for each in found}
    return Figures(
        imports=dict(zip(servers, imports, strict=True)),
        away=dict(zip(servers, away, strict=True)),
        unsent=unsent,
        last_round=last_round,
        sweeps=sweeps,
        totals=await _totals(neighbours, sweeps),
    )


async def _totals(neighbours: Services, sweeps: dict[str, Sweep]) -> dict[str, SweepTotals]:
    latest = await neighbours.runs.latest_totals(sweeps)
    totals = {name: each for name, each in latest.items() if not each.problem}
    for name in latest.keys() - totals.keys():
        succeeded = sweeps[name].succeeded
        earlier = await neighbours.runs.totals_of(name, succeeded) if succeeded is not None else None
        if earlier is not None:
            totals[name] = earlier
    return totals


class _Told(Collector):
    """The figures as Prometheus has them."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return every metric with all of its values."""
        yield from _of_imports(self._figures)
        yield from _of_sweeps(self._figures.sweeps)
        yield from _of_totals(self._figures.totals)


def _of_imports(figures: Figures) -> Iterator[GaugeMetricFamily]:
    imports = GaugeMetricFamily("courier_imports", "Imports by OMERO server and state.", labels=["server", "state"])
    for server, counts in figures.imports.items():
        for state, number in counts.model_dump().items():
            imports.add_metric([server, state], number)
    yield imports
    yield GaugeMetricFamily("courier_messages_unsent", "Messages that could not be sent.", value=figures.unsent)
    away = GaugeMetricFamily("courier_omero_away", "1 while imports wait for an OMERO that is away.", labels=["server"])
    for server, is_away in figures.away.items():
        away.add_metric([server], float(is_away))
    yield away
    if figures.last_round is not None:
        yield GaugeMetricFamily(
            "courier_housekeeping_last_success_timestamp_seconds",
            "When housekeeping last did all of its duties.",
            value=figures.last_round.timestamp(),
        )


def _of_sweeps(sweeps: dict[str, Sweep]) -> Iterator[GaugeMetricFamily]:
    active = GaugeMetricFamily("courier_sweep_active", "1 while the folder is swept by itself.", labels=["sweep"])
    failed = GaugeMetricFamily(
        "courier_sweep_failed",
        "1 when the latest sweep failed, for example since its folder is away.",
        labels=["sweep"],
    )
    success = GaugeMetricFamily(
        "courier_sweep_last_success_timestamp_seconds", "When a sweep last came to its end.", labels=["sweep"]
    )
    for name, sweep in sweeps.items():
        active.add_metric([name], float(sweep.active))
        if sweep.ended is not None:
            failed.add_metric([name], float(sweep.ended.state.went_wrong))
        if sweep.succeeded is not None and sweep.succeeded.ended is not None:
            success.add_metric([name], sweep.succeeded.ended.timestamp())
    yield from (active, failed, success)


def _of_totals(totals: dict[str, SweepTotals]) -> Iterator[GaugeMetricFamily]:
    filesets = GaugeMetricFamily(
        "courier_sweep_filesets", "Filesets by what the latest sweep decided.", labels=["sweep", "verdict"]
    )
    skipped = GaugeMetricFamily(
        "courier_sweep_skipped", "Files and folders that were passed over, by reason.", labels=["sweep", "reason"]
    )
    seconds = GaugeMetricFamily("courier_sweep_duration_seconds", "What the latest sweep took.", labels=["sweep"])
    files = GaugeMetricFamily("courier_sweep_files", "Files that the latest sweep found.", labels=["sweep"])
    folders = GaugeMetricFamily("courier_sweep_folders", "Folders that the latest sweep found.", labels=["sweep"])
    for name, each in totals.items():
        for verdict in Verdict:
            filesets.add_metric([name, verdict.value], each.verdicts.get(verdict, 0))
        for reason, number in each.skipped.items():
            skipped.add_metric([name, reason], number)
        seconds.add_metric([name], each.seconds)
        files.add_metric([name], each.files)
        folders.add_metric([name], each.folders)
    yield from (filesets, skipped, seconds, files, folders)
