"""What the handlers work with, made once per application; and the rule that nothing blocking runs in the event loop."""

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, TypeVar

import anyio
import anyio.to_thread
from fastapi import Depends, Request
from pydantic import SecretStr

from api.callers import Caller, Credential, Header, Purpose, SessionCredential, choose_server, read_credential
from api.omero_access import Omero, Proof, Wish
from api.problems import Problem
from api.recent import Recent
from api.sweep_runs import Engine
from api.waiting_room import WaitingRoom
from flows.core.audit import AuditEntry, AuditTrail
from flows.core.errors import CourierError
from flows.core.settings import Settings

log = logging.getLogger(__name__)

PATIENCE = 20.0
"""Seconds that OMERO or a file system may take for one request."""
PROOF_SECONDS = 5.0
"""How long a proof is believed when somebody only reads."""
BELIEF_SECONDS = 3.0
"""How long OMERO is asked about somebody who would be believed anyway."""
SILENT_SECONDS = 15.0
"""How long an OMERO that did not answer is not asked again by who only reads, or stops something."""
METRICS_SECONDS = 10.0
"""How old the numbers may be that Prometheus reads: whoever reads them more often asks nobody."""
THREADS = 16
"""Blocking calls to one neighbour at a time."""

T = TypeVar("T")


@dataclass
class Services:
    """The neighbours of the API, and what it may forget at any time."""

    settings: Settings
    runs: Engine
    omero: Omero
    audit: AuditTrail
    metrics: Recent[bytes] = field(default_factory=lambda: Recent(METRICS_SECONDS))
    _proofs: dict[str, tuple[float, Proof]] = field(default_factory=dict)
    _silent_until: dict[str, float] = field(default_factory=dict)
    _rooms: dict[str, WaitingRoom] = field(default_factory=dict)
    _lanes: dict[str, anyio.CapacityLimiter] = field(default_factory=dict)

    async def recognise(self, credential: Credential, asked: str | None, purpose: Purpose = Purpose.ACT) -> Caller:
        """Prove a caller against OMERO, or take a token for what it is.

        While OMERO does not answer, its users can still see and stop their imports: who logged in here is believed,
        as a user without an administrator's rights.

        Raises:
            Problem: they are not who they must be.
            CourierError: OMERO refuses the session, or does not answer.
        """
        if not isinstance(credential, SessionCredential):
            caller = Caller.by_token(credential, self.settings)
            return (
                caller if asked is None else caller.at(choose_server(self.settings, credential, asked, "query.server"))
            )
        server = choose_server(self.settings, credential, asked, "query.server")
        if purpose is Purpose.ACT:
            proof = await self._prove(server, credential.key)
        elif purpose is Purpose.STOP:
            proof = await self._prove_or_believe(server, credential)
        else:
            known = await self._believed(server, credential.key)
            proof = known or await self._prove_or_believe(server, credential)
        return Caller.by_proof(proof, server)

    async def _prove_or_believe(self, server: str, credential: SessionCredential) -> Proof:
        if credential.user is None:
            return await self._prove(server, credential.key)
        said = Proof(user=credential.user, group=None, groups=frozenset(), is_admin=False)
        if time.monotonic() < self._silent_until.get(server, 0.0):
            return said
        try:
            with anyio.fail_after(BELIEF_SECONDS):
                return await self._prove(server, credential.key)
        except (CourierError, Problem, TimeoutError) as error:
            if not _means_away(error):
                raise
        log.warning("OMERO %s does not answer: %s is believed to be who logged in", server, credential.user)
        self._silent_until[server] = time.monotonic() + SILENT_SECONDS
        return said

    async def _believed(self, server: str, key: SecretStr) -> Proof | None:
        now = time.monotonic()
        self._proofs = {name: entry for name, entry in self._proofs.items() if entry[0] > now - PROOF_SECONDS}
        known = self._proofs.get(_name(server, key))
        return known[1] if known else None

    async def _prove(self, server: str, key: SecretStr) -> Proof:
        proof = await self.blocking(lambda: self.omero.visit(server, key, Wish()), away=f"OMERO {server}")
        self._proofs[_name(server, key)] = (time.monotonic(), proof)
        return proof

    def forget(self, server: str, key: SecretStr) -> None:
        """Stop to believe in a session."""
        self._proofs.pop(_name(server, key), None)

    async def blocking(self, call: Callable[[], T], *, away: str) -> T:
        """Run something that blocks, for a bounded time; `away` is who does not answer otherwise.

        Each neighbour has threads of its own: one that hangs keeps nobody else waiting.

        Raises:
            Problem: it took too long.
        """
        lane = self._lanes.setdefault(away, anyio.CapacityLimiter(THREADS))
        try:
            with anyio.fail_after(PATIENCE):
                return await anyio.to_thread.run_sync(call, abandon_on_cancel=True, limiter=lane)
        except TimeoutError as late:
            raise Problem(503, "timeout", f"{away} does not answer in time.", advice="Send it again later.") from late

    def waiting_room(self, server: str) -> WaitingRoom:
        """Return the waiting room of an OMERO server."""
        if server not in self._rooms:
            per_user = self.settings.servers[server].runs_per_user
            self._rooms[server] = WaitingRoom(self.runs, server, self.settings.http.max_waiting, per_user)
        return self._rooms[server]

    async def note(self, action: str, who: str, **what: object) -> None:
        """Write to the audit trail; an import that was accepted is not taken back when that fails."""
        entry = AuditEntry.model_validate({"when": datetime.now(UTC), "action": action, "who": who, **what})
        try:
            await anyio.to_thread.run_sync(self.audit.write, entry)
        except OSError:
            log.exception("the audit trail cannot be written; lost: %s", entry.model_dump_json())


def _means_away(error: CourierError | Problem | TimeoutError) -> bool:
    """Tell an OMERO that does not answer from one that refuses the session."""
    if isinstance(error, CourierError):
        return error.transient
    return isinstance(error, TimeoutError) or error.document.status == HTTPStatus.SERVICE_UNAVAILABLE


def _name(server: str, key: SecretStr) -> str:
    return hashlib.sha256(f"{server}\0{key.get_secret_value()}".encode()).hexdigest()


async def services(request: Request) -> Services:
    """Give a handler the services of its application."""
    return request.app.state.services  # type: ignore[no-any-return]


Neighbours = Annotated[Services, Depends(services)]


async def credential(neighbours: Neighbours, header: Header) -> Credential:
    """Read who calls, before the rest of the request is judged."""
    return read_credential(header, neighbours.settings)


Presented = Annotated[Credential, Depends(credential)]


async def address(request: Request) -> str:
    """Where a request came from."""
    return request.client.host if request.client else "unknown"


Address = Annotated[str, Depends(address)]
