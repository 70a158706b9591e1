"""One data directory: what is where below it, and what is remembered there between two starts."""

import fcntl
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from cryptography.fernet import Fernet
from pydantic import BaseModel, ConfigDict, Field

from deployments.sandbox.people import passwords

FAVOURITE_PORTS = {"prefect": 4200, "api": 8000, "smtp": 1025, "omero": 4063, "omero_ssl": 4064, "omero_control": 4065}
"""Tried first, so that what the documentation shows can be pasted."""


class SandboxBusy(Exception):
    """A sandbox already runs on this data directory."""


class Remembered(BaseModel):
    """What must stay the same from one start to the next."""

    model_config = ConfigDict(frozen=True)

    marker: str = Field(default_factory=lambda: secrets.token_hex(8))
    """Carried by every process of this sandbox in its environment."""
    seal_key: str = Field(default_factory=lambda: Fernet.generate_key().decode())
    token: str = Field(default_factory=lambda: secrets.token_urlsafe(32))
    """An API token for machines that may act for everybody."""
    passwords: dict[str, str]
    """Of the users of the OMERO stand-in."""
    ports: dict[str, int] = Field(default_factory=dict)


class Running(BaseModel):
    """What runs where: `running.json`, there while a sandbox is up."""

    model_config = ConfigDict(frozen=True)

    supervisor: int = Field(default_factory=os.getpid)
    """Its process id."""
    marker: str
    """In the environment of each of its processes."""
    data: Path
    api: str
    prefect: str
    """The UI; its API is below `/api`."""
    omero_host: str
    omero_port: int
    """Unencrypted."""
    omero_ssl_port: int
    omero_control: str
    """Where faults are asked for."""
    smtp_port: int
    database: str
    """The directory of PostgreSQL's socket."""
    logins: dict[str, str]
    """OMERO users and their passwords."""
    token: str

    @property
    def home(self) -> "Home":
        """What is where on disk."""
        return Home(self.data)


class Home:
    """The data directory of a sandbox."""

    def __init__(self, data: Path) -> None:
        self.data = data.absolute()
        self.logs = self.data / "logs"
        self.postgres = self.data / "postgres"
        self.prefect = self.data / "prefect"
        self.omero = self.data / "omero"
        self.mails = self.data / "mail"
        self.staging = self.data / "staging"
        self.shares = self.data / "shares"
        self.watched = self.data / "watched"
        """The folder that imports itself: what lies in one of a user's name is imported for that user."""
        self.sweeps = self.data / "sweeps"
        """The sweep definitions."""
        self.memory = self.data / "sweep-memory"
        self.temporary = self.data / "tmp"
        self.worker = self.data / "worker"
        """Where the workers enter themselves, and tell their runs what to do."""
        self.audit_log = self.data / "audit.jsonl"
        self.users = self.data / "users.json"
        self.settings = self.data / "courier.env"
        self.pids = self.data / "pids.json"
        """Of a sandbox that starts its parts again: the process id of each, null while it is down."""
        self.holds = self.data / "hold"
        """There, while a file of its name lies in this folder, a part that died stays down."""
        self._remembered = self.data / "sandbox.json"
        self._running = self.data / "running.json"

    @contextmanager
    def locked(self) -> Iterator[Self]:
        """Make the directory, and keep a second supervisor out of it.

        Raises:
            SandboxBusy: there is one already.
        """
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = (self.logs, self.prefect, self.omero, self.mails, self.staging, self.temporary, self.holds)
        for directory in (*made, self.shares, self.watched, self.sweeps):
            directory.mkdir(exist_ok=True)
        with (self.data / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SandboxBusy(
                    f"A sandbox already runs on {self.data}. Stop it, or name another directory."
                ) from None
            self.forget_running()
            try:
                yield self
            finally:
                self.forget_running()

    def remember(self, *, for_tests: bool) -> Remembered:
        """Return what the last start remembered, with new ports for those that are taken now.

        For tests any port will do, and passwords are such that they can be searched for.
        """
        if self._remembered.is_file():
            known = Remembered.model_validate_json(self._remembered.read_text())
        else:
            known = Remembered(passwords=passwords(secret=for_tests))
        wanted = {**(dict.fromkeys(FAVOURITE_PORTS, 0) if for_tests else FAVOURITE_PORTS), **known.ports}
        now = known.model_copy(update={"ports": free_ports(wanted)})
        write_private(self._remembered, now.model_dump_json(indent=2))
        return now

    def announce(self, running: Running) -> None:
        """Let others find what runs."""
        write_private(self._running, running.model_dump_json(indent=2))

    def running(self) -> Running | None:
        """Return what runs, or None."""
        try:
            running = Running.model_validate_json(self._running.read_text())
            os.kill(running.supervisor, 0)
        except (FileNotFoundError, ProcessLookupError):
            return None
        return running

    def forget_running(self) -> None:
        """Nothing runs any more."""
        self._running.unlink(missing_ok=True)
        self.pids.unlink(missing_ok=True)


def free_ports(wanted: dict[str, int]) -> dict[str, int]:
    """Return the wanted ports, and others for those that are taken or 0; all are free at this moment."""
    held = {name: _hold(port) for name, port in wanted.items()}
    ports = {name: int(each.getsockname()[1]) for name, each in held.items()}
    for each in held.values():
        each.close()
    return ports


def _hold(port: int) -> socket.socket:
    holder = socket.socket()
    # As servers do: a port that only lingers from an earlier connection is free.
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind(("127.0.0.1", port))
    except OSError:
        holder.bind(("127.0.0.1", 0))
    return holder


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, at once or not at all."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.rename(path)
