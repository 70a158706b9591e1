"""A person in front of the courier: logs in, asks, waits, reads the mail."""

import time
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import pytest

from deployments.sandbox.home import Running

ENDED = frozenset({"completed", "partly_failed", "failed", "cancelled"})
PATIENCE = 90.0
"""Seconds that a test waits for what happens by itself."""
T = TypeVar("T")


def eventually(look: Callable[[], T | None], what: str, seconds: float = PATIENCE, *, at_least_every: float = 0.6) -> T:
    """Return the first answer that is one; fail when there is none for too long.

    It looks often at first and ever less so: each look costs the servers something that the test waits for.
    """
    deadline = time.monotonic() + seconds
    pause = 0.1
    while time.monotonic() < deadline:
        if answer := look():
            return answer
        time.sleep(pause)
        pause = min(pause * 1.2, at_least_every)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


class Courier:
    """One OMERO user's view of a running sandbox."""

    def __init__(self, sandbox: Running, user: str) -> None:
        self.sandbox = sandbox
        self.user = user
        self.http = httpx.Client(base_url=sandbox.api, trust_env=False, timeout=30)
        answer = self.http.post("/v1/sessions", json={"user": user, "password": sandbox.logins[user]})
        answer.raise_for_status()
        self.handle: str = answer.json()["token"]
        self.http.headers["Authorization"] = f"Bearer {self.handle}"

    def folder(self) -> Path:
        """A new folder of this user's share."""
        folder = self.sandbox.home.shares / self.user / uuid4().hex[:8]
        folder.mkdir(parents=True)
        return folder

    def asks(self, *sources: Path, **more: Any) -> str:
        """Ask for an import and return its id."""
        answer = self.http.post("/v1/imports", json={"sources": [str(each) for each in sources], **more})
        assert answer.status_code == 202, answer.text
        number: str = answer.json()["id"]
        return number

    def status(self, number: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.get(f"/v1/imports/{number}").raise_for_status().json()
        return answer

    def outcome(self, number: str) -> dict[str, Any]:
        """Wait for the end of an import."""
        return eventually(lambda: _if_ended(self.status(number)), f"the end of import {number}", at_least_every=1)

    def mails(self, number: str) -> list[EmailMessage]:
        """What was sent about an import, oldest first."""
        return mails_about(self.sandbox, number)


def mails_about(sandbox: Running, number: str) -> list[EmailMessage]:
    """What a sandbox sent about an import, oldest first."""
    files = sorted(sandbox.home.mails.glob("*.eml"))
    letters = [message_from_bytes(each.read_bytes(), policy=policy.default) for each in files]
    return [each for each in letters if number in str(each.get_body(("plain",)))]


def _if_ended(status: dict[str, Any]) -> dict[str, Any] | None:
    return status if status["state"] in ENDED else None


@pytest.fixture
def logged_in(sandbox: Running) -> Iterator[Callable[[str], Courier]]:
    """Log OMERO users in to the courier of the sandbox, by name."""
    couriers: list[Courier] = []

    def log_in(user: str) -> Courier:
        couriers.append(Courier(sandbox, user))
        return couriers[-1]

    yield log_in
    for each in couriers:
        each.http.close()


@pytest.fixture
def alice(logged_in: Callable[[str], Courier]) -> Courier:
    return logged_in("alice")
