"""Users who ask for imports, of all sizes and kinds, and remember what was accepted."""

import os
import random
import shutil
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from deployments.sandbox.home import Running
from deployments.sandbox.images import make_ome_tiff, make_small_ome_tiff, make_tiff
from tests.faults.holdings import sha1_of

ENDED = frozenset({"completed", "partly_failed", "failed", "cancelled"})
PATIENCE = 120.0
"""Seconds for which a caller asks again when nobody answers, or is told to come back."""


class Kind(StrEnum):
    """What is asked for."""

    SMALL = "small file"
    PLAIN = "plain TIFF"
    LARGE = "large file"
    FOLDER = "folder"
    STAGED = "copied first"
    AGAIN = "duplicate, to be skipped"
    TWICE = "duplicate, to be imported"
    POISON = "damaged file"
    MIXED = "folder with a damaged file"
    CANCELLED = "cancelled"


@dataclass
class Wanted:
    """A file of an import, as OMERO is to hold it."""

    path: Path
    sha1s: list[str]
    """Any of these contents will do: several where the file was changed after the import was accepted."""
    sound: bool = True

    def reread(self) -> None:
        """Take what is there now for right, too."""
        self.sha1s.append(sha1_of(self.path))


@dataclass
class Accepted:
    """An import that the courier took on."""

    id: str
    user: str
    kind: Kind
    wanted: list[Wanted]
    at: float
    skips: bool = True
    """Whether what is in OMERO already is not to be imported again."""
    cancelled: bool = False
    retried: int = 0
    state: str = "scheduled"
    answer: dict[str, Any] = field(default_factory=dict)
    """What the courier says of it, when it was last asked."""

    @property
    def over(self) -> bool:
        return self.state in ENDED


class Templates:
    """Images of all sizes, made once; each copy of one differs in its last bytes, which no reader looks at."""

    def __init__(self, folder: Path, *, large: Sequence[int]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.small = [make_small_ome_tiff(folder / f"small-{n}.ome.tiff", seed=n) for n in range(3)]
        self.plain = [make_tiff(folder / f"plain-{n}.tif", seed=n, pages=1) for n in range(2)]
        self.large = [self._large(folder / f"large-{planes}.ome.tiff", planes) for planes in large]

    def _large(self, path: Path, megabytes: int) -> Path:
        """One plane of 1024 x 1024 is 2 MB."""
        return make_ome_tiff(path, channels=("DAPI",), z=max(1, megabytes // 2), t=1, size=(1024, 1024), seed=megabytes)


def copy_unlike_others(template: Path, path: Path) -> Wanted:
    """Copy an image, with bytes of its own at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}")
    shutil.copyfile(template, partial)
    with partial.open("ab") as file:
        # Of different lengths, or imports of one user would stand in each other's way under the same lock.
        file.write(os.urandom(random.randint(16, 4096)))
    # Files that are being written are waited for: these come as from an instrument that finished a minute ago.
    settled = time.time() - 60
    os.utime(partial, (settled, settled))
    partial.rename(path)
    return Wanted(path, [sha1_of(path)])


class Caller:
    """One user of OMERO, or a machine that acts for them, at the courier's HTTP interface."""

    def __init__(self, running: Running, user: str, *, by_token: bool = False) -> None:
        self.user = user
        self.by_token = by_token
        self._running = running
        self._http = httpx.Client(base_url=running.api, trust_env=False, timeout=20)
        self._bearer = running.token if by_token else ""
        self._lock = threading.Lock()

    def ask(self, sources: Sequence[Path], **more: Any) -> str:
        """Ask for an import until it is accepted, under one idempotency key; return its id."""
        body = {"sources": [str(each) for each in sources], **more}
        if self.by_token:
            body["on_behalf_of"] = self.user
        answer = self._until_answered("POST", "/v1/imports", headers={"Idempotency-Key": uuid4().hex}, json=body)
        if answer.status_code != 202:
            raise AssertionError(f"{self.user} was refused: {answer.status_code} {answer.text}")
        return str(answer.json()["id"])

    def status(self, number: str) -> dict[str, Any]:
        """Return what the courier says of an import."""
        answer: dict[str, Any] = self._until_answered("GET", f"/v1/imports/{number}").raise_for_status().json()
        return answer

    def listed(self, state: str) -> list[dict[str, Any]]:
        """Return the latest of this user's imports in a state."""
        answer = self._until_answered("GET", f"/v1/imports?state={state}&limit=100")
        found: list[dict[str, Any]] = answer.raise_for_status().json()["imports"]
        return found

    def cancel(self, number: str) -> bool:
        """Cancel an import; tell whether the courier agreed, be it to an earlier request whose answer was lost."""
        answer = self._until_answered("POST", f"/v1/imports/{number}/cancel")
        return answer.status_code == 202 or (answer.status_code == 409 and self.status(number)["state"] == "cancelled")

    def retry(self, number: str) -> bool:
        """Have a failed import tried again; tell whether the courier agreed."""
        return self._until_answered("POST", f"/v1/imports/{number}/retry").status_code == 202

    def _until_answered(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask as a patient client does: again when nobody answers, when told to come back, when logged out."""
        headers = more.pop("headers", {})
        end = time.monotonic() + PATIENCE
        while True:
            with suppress(httpx.TransportError):
                bearer = {"Authorization": f"Bearer {self._log_in()}"}
                answer = self._http.request(method, path, headers={**headers, **bearer}, **more)
                if answer.status_code == 401 and not self.by_token:
                    self._bearer = ""
                elif (answer.status_code < 500 and answer.status_code != 429) or time.monotonic() > end:
                    return answer
            if time.monotonic() > end:
                raise AssertionError(f"{method} {path}: nobody answered for {PATIENCE:.0f} s")
            time.sleep(0.5)

    def _log_in(self) -> str:
        with self._lock:
            if not self._bearer:
                login = {"user": self.user, "password": self._running.logins[self.user]}
                answer = self._http.post("/v1/sessions", json=login)
                self._bearer = answer.json()["token"] if answer.is_success else ""
            return self._bearer

    def close(self) -> None:
        """Go away."""
        self._http.close()


class Fleet:
    """Everybody who asks, and everything that was accepted."""

    def __init__(self, running: Running, templates: Templates, seed: int) -> None:
        self.accepted: list[Accepted] = []
        self.shares = threading.RLock()
        """Held while the users' folders are written to, or moved away."""
        self._running = running
        self._templates = templates
        self._random = random.Random(seed)
        self._callers = [Caller(running, "alice"), Caller(running, "bob"), Caller(running, "carol", by_token=True)]

    def caller(self, user: str) -> Caller:
        """Return who asks for this user."""
        return next(each for each in self._callers if each.user == user)

    def send_any(self) -> Accepted:
        """Ask for an import of any kind, for anybody."""
        weights = {Kind.SMALL: 4, Kind.PLAIN: 1, Kind.LARGE: 4, Kind.FOLDER: 3, Kind.STAGED: 3, Kind.AGAIN: 2}
        weights |= {Kind.TWICE: 1, Kind.POISON: 1, Kind.MIXED: 1, Kind.CANCELLED: 1}
        kind = self._random.choices(list(weights), list(weights.values()))[0]
        return self.send(kind, self._random.choice(self._callers).user)

    def send(self, kind: Kind, user: str = "alice") -> Accepted:
        """Ask for an import of this kind."""
        caller = self.caller(user)
        folder = self._running.home.shares / user / uuid4().hex[:8]
        as_folder = kind in (Kind.FOLDER, Kind.MIXED)
        with self.shares:
            wanted, options = self._prepare(kind, user, folder)
            sources = [folder] if as_folder else [each.path for each in wanted]
            number = caller.ask(sources, target=f"Dataset:name:{kind.name.title()} of {user}", **options)
        skips = options.get("duplicates", "skip") == "skip"
        accepted = Accepted(number, user, kind, wanted, time.monotonic(), skips=skips)
        self.accepted.append(accepted)
        return accepted

    def _prepare(self, kind: Kind, user: str, folder: Path) -> tuple[list[Wanted], dict[str, Any]]:
        pick, make = self._random.choice, self._templates
        if kind in (Kind.AGAIN, Kind.TWICE) and (earlier := self._earlier(user)):
            path = folder / "again.ome.tiff"
            path.parent.mkdir(parents=True)
            shutil.copy2(earlier.path, path)
            return [Wanted(path, list(earlier.sha1s))], {"duplicates": "skip" if kind is Kind.AGAIN else "import"}
        if kind in (Kind.FOLDER, Kind.MIXED):
            names = [f"{n}.ome.tiff" for n in range(self._random.randint(2, 6))]
            wanted = [copy_unlike_others(pick(make.small), folder / name) for name in names]
            return wanted + ([damaged(make.small[0], folder / "broken.ome.tiff")] if kind is Kind.MIXED else []), {}
        if kind is Kind.POISON:
            return [damaged(make.small[0], folder / "broken.ome.tiff")], {}
        if kind is Kind.PLAIN:
            return [copy_unlike_others(pick(make.plain), folder / "plain.tif")], {}
        large = kind in (Kind.LARGE, Kind.STAGED, Kind.CANCELLED)
        options = {"staging": "stage"} if kind is Kind.STAGED else {}
        return [copy_unlike_others(pick(make.large if large else make.small), folder / "cells.ome.tiff")], options

    def _earlier(self, user: str) -> Wanted | None:
        kinds = (Kind.SMALL, Kind.LARGE, Kind.PLAIN)
        known = [each for each in self.accepted if each.user == user and each.kind in kinds]
        files = [each.wanted[0] for each in known[-20:] if len(each.wanted[0].sha1s) == 1]
        return self._random.choice(files) if files else None

    def look(self) -> list[Accepted]:
        """Ask how far those are that are not over yet, and return these."""
        for each in self.accepted:
            if not each.over:
                self.refresh(each)
        return [each for each in self.accepted if not each.over]

    def refresh(self, accepted: Accepted) -> Accepted:
        """Ask how far one is."""
        accepted.answer = self.caller(accepted.user).status(accepted.id)
        accepted.state = accepted.answer["state"]
        return accepted

    def cancel(self, accepted: Accepted) -> None:
        """Cancel one."""
        accepted.cancelled = self.caller(accepted.user).cancel(accepted.id) or accepted.cancelled

    def retry(self, accepted: Accepted) -> bool:
        """Have a failed one tried again."""
        if not self.caller(accepted.user).retry(accepted.id):
            return False
        accepted.retried += 1
        accepted.state = "scheduled"
        return True

    def close(self) -> None:
        """Everybody goes away."""
        for each in self._callers:
            each.close()


def damaged(template: Path, path: Path) -> Wanted:
    """Copy the first half of an image: no reader can make sense of it."""
    made = copy_unlike_others(template, path)
    times = (path.stat().st_atime, path.stat().st_mtime)
    os.truncate(path, path.stat().st_size // 2)
    os.utime(path, times)
    return Wanted(path, [sha1_of(path)], sound=False) if made.sound else made
