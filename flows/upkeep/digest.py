"""The day's digest for administrators: collected from Prefect, handed over once a day."""

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import StateType

from flows.core import names
from flows.core.notify import Day, Letter, Matter, ServerDay, digest
from flows.core.settings import Settings
from flows.core.status import FILESETS
from flows.outbox import About, hand_over
from flows.upkeep import notes
from flows.upkeep.runs import find, in_state, of_flows, since, tagged

NOTE = "courier-digest"
"""The Prefect Variable with the day of the last digest."""
DAY = timedelta(days=1)
TABLES_AT_A_TIME = 20
WAITING = (StateType.SCHEDULED, StateType.PENDING)
RUNNING = (StateType.RUNNING, StateType.CANCELLING)


def send_digest(client: SyncPrefectClient, settings: Settings, *, now: datetime | None = None) -> None:
    """Hand the day's digest over, once its time has come; on the day of the first round there is none."""
    local = (now or datetime.now(UTC)).astimezone()
    today = {"day": local.date().isoformat()}
    if notes.begin(client, NOTE, today):
        return
    last = (notes.read(client, NOTE) or today)["day"]
    if not is_due(settings.upkeep.digest_at, date.fromisoformat(last), local):
        return
    message = digest(collect(client, settings, local))
    # Two rounds at once hand over the same occasion, which is taken once.
    about = About(servers=tuple(settings.servers), occasion=f"digest of {today['day']}")
    letters = [Letter(each, message, for_administrators=True) for each in settings.notifications.administrators]
    hand_over(letters, about)
    notes.write(client, NOTE, today)


def is_due(digest_at: str, last: date, now: datetime) -> bool:
    """Say whether a digest is to be sent.

    Args:
        digest_at: local time of day, as 07:00; `off` sends none.
        last: the day of the last one.
        now: local time.
    """
    return digest_at != "off" and last < now.date() and now.time() >= time.fromisoformat(digest_at)


def collect(client: SyncPrefectClient, settings: Settings, now: datetime) -> Day:
    """Return what the digest says."""
    late = where.FlowRunFilter(tags=tagged(names.INTERIM_TOLD), state=in_state(WAITING))
    failed = where.FlowRunFilter(state=in_state([StateType.FAILED]))
    return Day(
        begin=now - DAY,
        end=now,
        console=settings.console.url,
        servers=tuple(_server(client, name, now) for name in settings.servers),
        failed=_matters(client, names.IMPORT_FLOW, failed, settings),
        unsent=_matters(client, names.MESSAGE_FLOW, failed, settings),
        delayed=_matters(client, names.IMPORT_FLOW, late, settings),
    )


def _server(client: SyncPrefectClient, name: str, now: datetime) -> ServerDay:
    def ended(*types: StateType, named: str | None = None) -> int:
        return _count(client, _ended(name, now, types, named))

    def are(types: Collection[StateType]) -> int:
        return _count(client, where.FlowRunFilter(tags=tagged(names.server_tag(name)), state=in_state(types)))

    in_part = ended(StateType.FAILED, named=names.PARTLY_FAILED)
    arrived = [row for row in _rows(client, name, now) if row.get("images") and not row.get("duplicate")]
    outage = notes.read(client, names.outage_name(name))
    return ServerDay(
        name=name,
        completed=ended(StateType.COMPLETED),
        partly_failed=in_part,
        failed=ended(StateType.FAILED) - in_part,
        cancelled=ended(StateType.CANCELLED),
        images=sum(len(row["images"]) for row in arrived),
        volume=sum(row["bytes_total"] for row in arrived),
        waiting=are(WAITING),
        running=are(RUNNING),
        away_since=datetime.fromisoformat(outage["since"]) if outage else None,
    )


def _rows(client: SyncPrefectClient, server: str, now: datetime) -> Iterator[dict[str, Any]]:
    """Return the rows of the tables of filesets of what ended within the day."""
    ended = _ended(server, now, [StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED])
    for offset in count(0, TABLES_AT_A_TIME):
        page = client.read_artifacts(
            artifact_filter=where.ArtifactFilter(key=where.ArtifactFilterKey(any_=[FILESETS])),
            flow_run_filter=ended,
            limit=TABLES_AT_A_TIME,
            offset=offset,
        )
        yield from (row for each in page if isinstance(each.data, list) for row in each.data if isinstance(row, dict))
        if len(page) < TABLES_AT_A_TIME:
            return


def _ended(server: str, now: datetime, types: Collection[StateType], named: str | None = None) -> where.FlowRunFilter:
    return where.FlowRunFilter(
        tags=tagged(names.server_tag(server)),
        state=in_state(types, *([named] if named else [])),
        end_time=where.FlowRunFilterEndTime(after_=now - DAY, before_=now),
    )


def _count(client: SyncPrefectClient, wanted: where.FlowRunFilter) -> int:
    return client.count_flow_runs(flow_filter=of_flows([names.IMPORT_FLOW]), flow_run_filter=wanted)


def _matters(
    client: SyncPrefectClient, flow: str, wanted: where.FlowRunFilter, settings: Settings
) -> tuple[Matter, ...]:
    return tuple(
        Matter(
            name=run.name,
            url=settings.console.run(run.id),
            why=(run.state.message or "" if run.state is not None else "") or "It does not say why.",
            since=since(run),
        )
        for run in sorted(find(client, [flow], wanted), key=since)
    )
