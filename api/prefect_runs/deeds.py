"""What is done to import runs in Prefect: stopped, begun again, forgotten, given a session to live in."""

from datetime import UTC, datetime

from prefect.client.schemas import filters as where
from prefect.client.schemas.actions import VariableCreate, VariableUpdate
from prefect.client.schemas.objects import State, StateType
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.states import AwaitingRetry, Cancelled, Cancelling

from api.prefect_runs.looking import Looking
from api.prefect_runs.translation import held_until
from api.runs import Retry, Run, RunOver, RunUnderWay
from flows.core.names import INTERIM_TOLD, REPLAY_ALL, SESSION, TOLD, UNTIDY
from flows.core.seal import carried_session_name, session_to_end_name

PAGE = 200


class Deeds(Looking):
    """Changes runs that were read a moment ago."""

    async def cancel(self, run: Run, who: str) -> Run:
        """Stop a run, or raise `RunOver`.

        A waiting run is cancelled at once: in Cancelling it would stay for minutes, since it has no process to end.
        """
        if run.state.is_over:
            raise RunOver
        message = f"Cancelled by {who}."
        if run.state.waits:
            await self._cancel_waiting(run, message)
        elif not run.stopping:
            await self._set(run, Cancelling(message=message))
        return await self.read(run.id)

    async def _cancel_waiting(self, run: Run, message: str) -> None:
        """Leave what it began earlier, and the session that this takes, to housekeeping to clear away."""
        if run.attempts:
            await self._tag(run, run.tags | {UNTIDY})
        await self._set(run, Cancelled(message=message))
        if await self._had_begun(run):
            await self._set(run, Cancelling(message=message), force=True)
        elif not run.attempts:
            await self.drop(run.key)

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
        if not run.state.is_over:
            raise RunUnderWay
        kept = run.tags - {TOLD, INTERIM_TOLD, REPLAY_ALL}
        tags = kept | {REPLAY_ALL} if what is Retry.ALL else kept
        now, message = datetime.now(UTC), f"Retried by {who}."
        state: State[None] = AwaitingRetry(scheduled_time=now, message=message)
        if held:
            waits = held_until(now, run.user)
            state = waits.model_copy(update={"message": f"{message} {waits.message}"})
        await self._tag(run, tags)
        await self._set(run, state)
        return await self.read(run.id)

    async def move(self, run: Run, tag: str) -> Run:
        """Tag a run with the session that it lives in now, and no more with another one."""
        tags = frozenset({tag, *(each for each in run.tags if not each.startswith(SESSION))})
        await self._tag(run, tags)
        return run.model_copy(update={"tags": tags})

    async def forget(self, run: Run) -> None:
        """Delete a run that is over, with all that it left in Prefect, or raise `RunUnderWay`.

        Prefect deletes its log with it, but not its artifacts.
        """
        if not run.state.is_over:
            raise RunUnderWay
        await self.drop(run.key)
        left = where.ArtifactFilter(flow_run_id=where.ArtifactFilterFlowRunId(any_=[run.id]))
        async with self._asking():
            while artifacts := await self._client.read_artifacts(artifact_filter=left, limit=PAGE):
                for each in artifacts:
                    await self._client.delete_artifact(each.id)
            await self._client.delete_flow_run(run.id)

    async def mark(self, run: Run, tag: str) -> None:
        """Add a tag to a run."""
        await self._tag(run, run.tags | {tag})

    async def carry(self, key: str, sealed: str) -> None:
        """Keep a sealed session for the run with this key."""
        await self._keep(carried_session_name(key), sealed)

    async def drop(self, key: str) -> None:
        """Forget the sealed session of the run with this key, if there is one."""
        await self._lose(carried_session_name(key))

    async def end_later(self, tag: str, sealed: str) -> None:
        """Keep a sealed session that is to be ended once no run with this tag is under way."""
        await self._keep(session_to_end_name(tag), sealed)

    async def end_not(self, tag: str) -> None:
        """Do not end the session that was kept for this tag, if one was."""
        await self._lose(session_to_end_name(tag))

    async def _keep(self, name: str, sealed: str) -> None:
        async with self._asking():
            try:
                await self._client.create_variable(VariableCreate(name=name, value=sealed, tags=["courier"]))
            except ObjectAlreadyExists:
                await self._client.update_variable(VariableUpdate(name=name, value=sealed))

    async def _lose(self, name: str) -> None:
        async with self._asking():
            try:
                await self._client.delete_variable_by_name(name)
            except ObjectNotFound:
                return

    async def _tag(self, run: Run, tags: frozenset[str]) -> None:
        async with self._asking():
            await self._client.update_flow_run(run.id, tags=sorted(tags))

    async def _set(self, run: Run, state: State[None], *, force: bool = False) -> None:
        async with self._asking():
            await self._client.set_flow_run_state(run.id, state, force=force)
