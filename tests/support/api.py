"""The HTTP interface, served on a free port, with neighbours that answer from memory: requests take milliseconds."""

import hashlib
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import uvicorn
from cryptography.fernet import Fernet
from pydantic import SecretStr

from api.app import create_app
from api.omero_access import Proof, Wish
from api.runs import (
    ImportState,
    Letter,
    Message,
    NewRun,
    Retry,
    Run,
    RunOver,
    RunQuery,
    RunUnderWay,
    RunUnknown,
    Step,
)
from flows.core.errors import LoginRefused, NotPermitted
from flows.core.names import INTERIM_TOLD, REPLAY_ALL, TOLD, server_tag, user_tag
from flows.core.requests import Target
from flows.core.settings import Settings
from flows.core.status import FilesetStatus
from tests.support.sweep_runs import SweepsInMemory

TOKEN = "a-token-for-the-microscope"
WIDE_TOKEN = "a-token-for-everybody"
PASSWORD = "correct horse battery staple"
BOBS_DATASET = Target.parse("Dataset:id:66")
PEOPLE = {
    "alice": Proof(user="alice", group="lab", groups=frozenset({"lab", "clinic"}), is_admin=False),
    "bob": Proof(user="bob", group="lab", groups=frozenset({"lab"}), is_admin=False),
    "root": Proof(user="root", group="system", groups=frozenset({"system"}), is_admin=True, may_sudo=True),
    "light": Proof(user="light", group="system", groups=frozenset({"system"}), is_admin=True),
}


class OmeroInMemory:
    """Answers as OMERO does to the people above; whose session it is stands in the session's key."""

    def __init__(self) -> None:
        self.ended: set[str] = set()
        self.away: Exception | None = None
        self.kept_alive_for: list[float | None] = []

    def log_in(
        self, server: str, user: str, password: SecretStr, group: str | None, idle_hours: float | None = None
    ) -> tuple[Proof, SecretStr]:
        self.ping(server)
        self.kept_alive_for.append(idle_hours)
        if password.get_secret_value() != PASSWORD or user not in PEOPLE:
            raise LoginRefused
        return PEOPLE[user], SecretStr(f"{user}-{uuid.uuid4()}")

    def visit(self, server: str, key: SecretStr, wish: Wish) -> Proof:
        user = key.get_secret_value().partition("-")[0]
        if key.get_secret_value() in self.ended or user not in PEOPLE:
            raise LoginRefused("This OMERO session has ended, or never was.")
        self.kept_alive_for.append(wish.keep_hours)
        return self.visit_as(server, user, wish)

    def visit_as(self, server: str, user: str, wish: Wish) -> Proof:
        self.ping(server)
        if (person := PEOPLE.get(user)) is None:
            raise LoginRefused(f"There is no OMERO user {user!r}.")
        if (wish.group or person.group) not in person.groups or (wish.target == BOBS_DATASET and user != "bob"):
            raise NotPermitted
        return person.model_copy(update={"group": wish.group or person.group})

    def end(self, server: str, key: SecretStr) -> None:
        self.ended.add(key.get_secret_value())

    def ping(self, server: str) -> None:
        if self.away is not None:
            raise self.away


class RunsInMemory(SweepsInMemory):
    """Keeps runs as the workflow engine does."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[UUID, Run] = {}
        self.carried: dict[str, str] = {}
        self.statuses: dict[UUID, tuple[FilesetStatus, ...]] = {}
        self.lines: dict[UUID, list[str]] = {}
        self.messages: dict[UUID, Message] = {}
        self.away: Exception | None = None
        self.paused: str | None = None
        self.served: set[str] = set()
        self.history: dict[UUID, list[Step]] = {}
        self.to_end: dict[str, str] = {}
        self.letters: dict[UUID, Letter] = {}

    async def create(self, new: NewRun) -> Run:
        await self.ping()
        if found := next((run for run in self.kept.values() if run.key == new.key), None):
            return found
        times = {"created": datetime.now(UTC), "due": new.start, "next_start": None if new.held else new.start}
        tags = new.tags | {user_tag(new.user), server_tag(new.server)}
        run = Run(
            id=uuid.uuid4(),
            state=ImportState.SCHEDULED,
            tags=tags,
            **times,
            **new.model_dump(exclude={"start", "tags", "email"}),
        )
        self.kept[run.id] = run
        self.history[run.id] = [Step(when=run.created, state=run.state, next_start=run.next_start)]
        return run

    async def read(self, run_id: UUID) -> Run:
        await self.ping()
        if run_id not in self.kept:
            raise RunUnknown
        return self.kept[run_id]

    async def recent(self, query: RunQuery) -> list[Run]:
        fits = [
            run
            for run in self.kept.values()
            if run.server == query.server
            and (query.users is None or run.user in query.users)
            and (not query.states or run.state in query.states)
            and (query.since is None or run.due >= query.since)
            and (query.before is None or run.due < query.before)
        ]
        return sorted(fits, key=lambda run: run.due, reverse=True)[: query.limit]

    def _those(self, server: str, **what: Any) -> list[Run]:
        return [
            run
            for run in self.kept.values()
            if run.server == server and all(getattr(run, name) == value for name, value in what.items())
        ]

    def _in_line(self, server: str, before: datetime, **what: Any) -> int:
        waiting = [run for run in self._those(server, held=False, **what) if run.state.waits]
        return len([run for run in waiting if run.next_start is not None and run.next_start < before])

    async def waiting(self, server: str) -> int:
        await self.ping()
        return len([run for run in self._those(server) if run.state.waits])

    async def ahead(self, server: str, bulk: bool, before: datetime, station: str | None = None) -> int:
        if not bulk:
            return self._in_line(server, before, bulk=False, station=station)
        people = self._in_line(server, max(before, datetime.now(UTC)), bulk=False, station=station)
        return people + self._in_line(server, before, bulk=True, station=station)

    async def in_pool(self, server: str, user: str, bulk: bool, until: datetime, station: str | None = None) -> int:
        kind = {"user": user, "bulk": bulk, "station": station}
        at_work = [run for run in self._those(server, **kind) if run.state is ImportState.RUNNING]
        return len(at_work) + self._in_line(server, until, **kind)

    async def is_served(self, server: str, station: str) -> bool:
        return station in self.served

    async def held(self, server: str, user: str, bulk: bool, before: datetime, station: str | None = None) -> int:
        held = self._those(server, user=user, bulk=bulk, station=station, held=True)
        return len([run for run in held if run.state.waits and run.due < before])

    async def living_in(self, server: str, tag: str) -> int:
        await self.ping()
        return len([run for run in self._those(server) if tag in run.tags and not run.state.is_over])

    async def outage(self, server: str) -> str | None:
        return self.paused

    async def filesets(self, run_id: UUID) -> tuple[FilesetStatus, ...]:
        return self.statuses.get(run_id, ())

    async def steps(self, run_id: UUID) -> tuple[Step, ...]:
        return tuple(self.history.get(run_id, ()))

    async def log(self, run_id: UUID) -> AsyncIterator[str]:
        for line in self.lines.get(run_id, ()):
            yield line

    async def cancel(self, run: Run, who: str) -> Run:
        if run.state.is_over:
            raise RunOver
        return self.becomes(run.id, state=ImportState.CANCELLED, message=f"Cancelled by {who}.")

    async def retry(self, run: Run, who: str, what: Retry, held: bool) -> Run:
        if not run.state.is_over:
            raise RunUnderWay
        tags = (self.kept[run.id].tags - {TOLD, INTERIM_TOLD, REPLAY_ALL}) | (
            {REPLAY_ALL} if what is Retry.ALL else set()
        )
        state = ImportState.SCHEDULED if held else ImportState.WAITING_TO_RETRY
        start = None if held else datetime.now(UTC)
        return self.becomes(
            run.id, state=state, held=held, next_start=start, message=f"Retried by {who}.", tags=frozenset(tags)
        )

    async def move(self, run: Run, tag: str) -> Run:
        others = {each for each in run.tags if not each.startswith("session:")}
        return self.becomes(run.id, tags=frozenset(others | {tag}))

    async def mark(self, run: Run, tag: str) -> None:
        self.becomes(run.id, tags=self.kept[run.id].tags | {tag})

    async def forget(self, run: Run) -> None:
        if not run.state.is_over:
            raise RunUnderWay
        del self.kept[run.id]

    async def carry(self, key: str, sealed: str) -> None:
        self.carried[key] = sealed

    async def drop(self, key: str) -> None:
        self.carried.pop(key, None)

    async def end_later(self, tag: str, sealed: str) -> None:
        await self.ping()
        self.to_end[tag] = sealed

    async def end_not(self, tag: str) -> None:
        self.to_end.pop(tag, None)

    async def unsent(self, server: str, users: frozenset[str] | None, limit: int) -> list[Message]:
        theirs = [
            each for each in self.messages.values() if each.server == server and (users is None or each.user in users)
        ]
        return sorted(theirs, key=lambda each: each.failed, reverse=True)[:limit]

    async def still_to_send(self, server: str, users: frozenset[str] | None) -> int:
        return 0

    async def message(self, message_id: UUID) -> Message:
        if message_id not in self.messages:
            raise RunUnknown
        return self.messages[message_id]

    async def letter(self, message: Message) -> Letter:
        if message.id not in self.letters:
            raise RunUnknown
        return self.letters[message.id]

    async def send_again(self, message: Message, who: str) -> None:
        await self.discard(message)

    async def discard(self, message: Message) -> None:
        self.messages.pop(message.id, None)

    async def ping(self) -> None:
        if self.away is not None:
            raise self.away

    def becomes(self, run_id: UUID | str, **changes: Any) -> Run:
        """Let something happen to a run."""
        changed = self.kept[UUID(str(run_id))].model_copy(update=changes)
        self.kept[changed.id] = changed
        if "state" in changes:
            step = Step(when=datetime.now(UTC), state=changed.state, message=changed.message)
            self.history.setdefault(changed.id, []).append(step)
        return changed


def new_run(**changes: Any) -> NewRun:
    """A run that could be asked for, of a user whom no other test knows."""
    values = {
        "server": "main",
        "user": f"user-{uuid.uuid4()}",
        "name": "alice: cells.tif into OMERO",
        "request": {"sources": ["/data/alice/cells.tif"], "on_behalf_of": "alice"},
        "key": uuid.uuid4().hex,
        "fingerprint": "one",
        "start": datetime.now(UTC),
    }
    return NewRun(**{**values, **changes})


class Door:
    """The interface as a caller meets it, and its neighbours."""

    def __init__(self, client: httpx.Client, settings: Settings, data: Path, runs: Any, omero: Any) -> None:
        self.client, self.settings, self.data, self.runs, self.omero = client, settings, data, runs, omero

    def image(self, user: str = "alice", name: str = "cells.tif") -> str:
        """Put something that looks like an image into a user's folder."""
        path = self.data / user / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"II*\0\x08\0\0\0")
        return str(path)

    def ask(self, *sources_: str, as_: str = "alice", headers: dict[str, str] | None = None, **body: Any) -> Any:
        """POST /v1/imports with a user's session."""
        sent = {"sources": list(sources_) or [self.image()], **body}
        return self.client.post("/v1/imports", json=sent, headers={**bearer(as_), **(headers or {})})

    def get(self, path: str, as_: str = "alice", **query: Any) -> Any:
        """GET with a user's session."""
        return self.client.get(path, params=query, headers=bearer(as_))


def bearer(who: str) -> dict[str, str]:
    """The header of a user of OMERO, or of a token."""
    return {"Authorization": f"Bearer {f'{who}-session' if who in PEOPLE else who}"}


def some_settings(data: Path, **changes: Any) -> Settings:
    """One OMERO server with a service account, one folder for each user, two tokens."""
    account = {"user": "courier-service", "password": "unused"}
    one, everybody = (hashlib.sha256(text.encode()).hexdigest() for text in (TOKEN, WIDE_TOKEN))
    tokens = {"microscope": {"sha256": one, "users": ["alice"]}, "facility": {"sha256": everybody, "users": ["*"]}}
    values: dict[str, Any] = {
        "servers": {"main": {"host": "omero.invalid", "web_url": "https://web.example", "service_account": account}},
        "roots": {"home": {"path": str(data / "{user}")}},
        "http": {"tokens": tokens, "max_waiting": 100},
        "seal_keys": [Fernet.generate_key().decode()],
    }
    return Settings(**{**values, **changes})


@contextmanager
def opened(settings: Settings, data: Path, omero: Any = None) -> Iterator[Door]:
    """Run the application with these settings."""
    runs, answering = RunsInMemory(), omero or OmeroInMemory()

    @asynccontextmanager
    async def connect() -> AsyncIterator[RunsInMemory]:
        yield runs

    app = create_app(settings, omero=answering, connect=connect)
    with serving(app, settings.http.proxies) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield Door(client, settings, data, runs, answering)


@contextmanager
def serving(app: Any, proxies: Sequence[str]) -> Iterator[str]:
    """Serve an application on a free port."""
    believed = list(proxies)
    server = uvicorn.Server(uvicorn.Config(app, port=0, ws="none", log_config=None, forwarded_allow_ips=believed))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the application did not start"
            thread.join(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Where the users' folders are."""
    folder = tmp_path / "data"
    for user in ("alice", "bob"):
        (folder / user).mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def bare_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """The interface for requests that come to nothing: it is shared, so leave nothing behind."""
    data = tmp_path_factory.mktemp("data")
    with opened(some_settings(data), data) as door:
        yield door


@pytest.fixture
def door(data: Path) -> Iterator[Door]:
    """The interface, in front of one OMERO server that has a service account."""
    with opened(some_settings(data), data) as door:
        yield door


@pytest.fixture
def counts_are_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is believed that was counted before."""
    monkeypatch.setattr("api.tally.SECONDS", 0.0)


@pytest.fixture
def door_with(data: Path) -> Iterator[Callable[..., Door]]:
    """The interface with other settings: `door_with(http={...})`."""
    contexts = []

    def make(**changes: Any) -> Door:
        contexts.append(opened(some_settings(data, **changes), data))
        return contexts[-1].__enter__()

    yield make
    for each in contexts:
        each.__exit__(None, None, None)
