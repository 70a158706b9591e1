"""Messages that could not be sent: runs of the courier's own flow in Prefect."""

from datetime import UTC, datetime
from uuid import UUID

from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry

from api.prefect_runs.connection import Connection
from api.prefect_runs.translation import tagged
from api.runs import Letter, Message, RunUnknown
from flows.core.names import MESSAGE_FLOW, server_tag, user_tag

GIVEN_UP = [StateType.FAILED]
UNDER_WAY = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CRASHED]
_MESSAGES = where.FlowFilter(name=where.FlowFilterName(any_=[MESSAGE_FLOW]))


class Messages(Connection):
    """Lists the unsent, sends them again, deletes them."""

    async def unsent(self, server: str, users: frozenset[str] | None, limit: int) -> list[Message]:
        """Return the messages that could not be sent, the latest first; users None is everybody's."""
        async with self._asking():
            found = await self._client.read_flow_runs(
                flow_filter=_MESSAGES,
                flow_run_filter=_about(server, users, GIVEN_UP),
                sort=FlowRunSort.END_TIME_DESC,
                limit=limit,
            )
        return [_message(each) for each in found]

    async def still_to_send(self, server: str, users: frozenset[str] | None) -> int:
        """Count the messages that are tried again by themselves."""
        async with self._asking():
            return await self._client.count_flow_runs(
                flow_filter=_MESSAGES, flow_run_filter=_about(server, users, UNDER_WAY)
            )

    async def message(self, message_id: UUID) -> Message:
        """Return a message that could not be sent, or raise `RunUnknown`."""
        only = where.FlowRunFilter(id=where.FlowRunFilterId(any_=[message_id]), state=_in(GIVEN_UP))
        async with self._asking():
            found = await self._client.read_flow_runs(flow_filter=_MESSAGES, flow_run_filter=only, limit=1)
        if not found:
            raise RunUnknown
        return _message(found[0])

    async def letter(self, message: Message) -> Letter:
        """Return what it says, or raise `RunUnknown`."""
        try:
            async with self._asking():
                run = await self._client.read_flow_run(message.id)
        except ObjectNotFound as missing:
            raise RunUnknown from missing
        said = run.parameters.get("message")
        if not isinstance(said, dict):
            raise RunUnknown
        return Letter(**{name: str(said.get(name, "")) for name in ("subject", "text", "html")})

    async def send_again(self, message: Message, who: str) -> None:
        """Try to send it once more, now."""
        state: State[None] = AwaitingRetry(scheduled_time=datetime.now(UTC), message=f"Retried by {who}.")
        async with self._asking():
            await self._client.set_flow_run_state(message.id, state)

    async def discard(self, message: Message) -> None:
        """Delete it."""
        async with self._asking():
            try:
                await self._client.delete_flow_run(message.id)
            except ObjectNotFound:
                return


def _about(server: str, users: frozenset[str] | None, types: list[StateType]) -> where.FlowRunFilter:
    whose = None if users is None else [user_tag(user) for user in sorted(users)]
    return where.FlowRunFilter(tags=where.FlowRunFilterTags(all_=[server_tag(server)], any_=whose), state=_in(types))


def _in(types: list[StateType]) -> where.FlowRunFilterState:
    return where.FlowRunFilterState(type=where.FlowRunFilterStateType(any_=types))


def _message(run: FlowRun) -> Message:
    servers = sorted(tagged(run, "server:"))
    receiver, message = run.parameters.get("receiver"), run.parameters.get("message")
    if not servers or run.state is None or not isinstance(message, dict):
        raise RunUnknown
    return Message(
        id=run.id,
        server=servers[0],
        servers=frozenset(servers),
        user=next(tagged(run, "user:"), ""),
        about=next(tagged(run, "about:"), None),
        receiver=str(receiver),
        subject=str(message.get("subject", "")),
        created=run.created or run.state.timestamp,
        failed=run.state.timestamp,
        attempts=run.run_count,
        reason=run.state.message or "",
    )
