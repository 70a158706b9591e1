"""What is done to import runs in Prefect: stopped, begun again, forgotten, given a session to live in."""

from datetime import UTC, datetime

from prefect.client.schemas import filters as where
from prefect.client.schemas.actions import VariableCreate, VariableUpdate
from prefect.client.schemas.objects import State, StateType
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.states import AwaitingRetry, Cancelled, Cancelling

from api.prefect_runs.connection import Connection
from api.prefect_runs.translation import held_until, translate
from api.runs import Retry, Run, RunOver, RunUnderWay, RunUnknown
from flows.core.names import INTERIM_TOLD, REPLAY_ALL, TOLD
from flows.core.seal import carried_session_name

PAGE = 200


class Deeds(Connection):
    """Changes runs."""

    async def cancel(self, run: Run, who: str) -> Run:
        """Stop a run, or raise `RunOver`.

        A waiting run is cancelled at once: in Cancelling it would stay for minutes, since it has no process to end.
        """
        current = await self._current(run)
        if current.state.is_over:
            raise RunOver
        message = f"Cancelled by {who}."
        if current.state.waits:
            await self._set(current, Cancelled(message=message), force=True)
            if await self._had_begun(current):
                await self._set(current, Cancelling(message=message), force=True)
            else:
                await self.drop(current.key)
        elif not current.stopping:
            await self._set(current, Cancelling(message=message))
        return await self._current(run)

    async def _had_begun(self, run: Run) -> bool:
        """Whether its process began just before it was cancelled as one that waits."""
        async with self._asking():
            states = await self._client.read_flow_run_states(run.id)
        in_order = sorted(states, key=lambda state: state.timestamp)
        return len(in_order) > 1 and in_order[-2].type is StateType.RUNNING

    async def retry(self, run: Run, who: str, what: Retry, held: bool) -> Run:
        """Let a run that is over begin again, at once or held, or raise `RunUnderWay`.

        Its tags change first: should we end in between, its user is told once more, and not never.
        """
        current = await self._current(run)
        if not current.state.is_over:
            raise RunUnderWay
        kept = current.tags - {TOLD, INTERIM_TOLD, REPLAY_ALL}
        tags = kept | {REPLAY_ALL} if what is Retry.ALL else kept
        now, message = datetime.now(UTC), f"Retried by {who}."
        state: State[None] = AwaitingRetry(scheduled_time=now, message=message)
        if held:
            waits = held_until(now, run.user)
            state = waits.model_copy(update={"message": f"{message} {waits.message}"})
        async with self._asking():
            await self._client.update_flow_run(run.id, tags=sorted(tags))
        await self._set(current, state)
        return await self._current(run)

    async def move(self, run: Run, tag: str) -> None:
        """Tag a run with the session that it lives in now, and no more with another one."""
        current = await self._current(run)
        kept = {each for each in current.tags if not each.startswith("session:")}
        async with self._asking():
            await self._client.update_flow_run(run.id, tags=sorted(kept | {tag}))

    async def forget(self, run: Run) -> None:
        """Delete a run that is over, with all that it left in Prefect, or raise `RunUnderWay`.

        Prefect deletes its log with it, but not its artifacts.
        """
        if not (await self._current(run)).state.is_over:
            raise RunUnderWay
        await self.drop(run.key)
        left = where.ArtifactFilter(flow_run_id=where.ArtifactFilterFlowRunId(any_=[run.id]))
        async with self._asking():
            while artifacts := await self._client.read_artifacts(artifact_filter=left, limit=PAGE):
                for each in artifacts:
                    await self._client.delete_artifact(each.id)
            await self._client.delete_flow_run(run.id)

    async def carry(self, key: str, sealed: str) -> None:
        """Keep a sealed session for the run with this key."""
        name = carried_session_name(key)
        async with self._asking():
            try:
                await self._client.create_variable(VariableCreate(name=name, value=sealed, tags=["courier"]))
            except ObjectAlreadyExists:
                await self._client.update_variable(VariableUpdate(name=name, value=sealed))

    async def drop(self, key: str) -> None:
        """Forget the sealed session of the run with this key, if there is one."""
        async with self._asking():
            try:
                await self._client.delete_variable_by_name(carried_session_name(key))
            except ObjectNotFound:
                return

    async def _current(self, run: Run) -> Run:
        try:
            async with self._asking():
                return translate(await self._client.read_flow_run(run.id))
        except ObjectNotFound as gone:
            raise RunUnknown from gone

    async def _set(self, run: Run, state: State[None], *, force: bool = False) -> None:
        async with self._asking():
            await self._client.set_flow_run_state(run.id, state, force=force)
