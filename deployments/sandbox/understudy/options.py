"""How an understudy is set up: the command line, and the same as a value."""

import argparse
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Everything that can be set. Times of sessions are OMERO's: milliseconds."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 0
    """tcp; 0 takes a free one."""
    ssl_port: int = 0
    control_port: int = 0
    users: Path | None = None
    """JSON file with users and groups; none is the documented default."""
    session_idle: int = 600_000
    """omero.sessions.timeout"""
    session_live: int = 0
    """omero.sessions.maximum; 0 is no limit."""
    session_max_live: int = 0
    """omero.sessions.max_user_time_to_live; 0 is no limit."""
    session_max_idle: int = 6_000_000
    """omero.sessions.max_user_time_to_idle"""
    background_threads: int = 5
    """omero.threads.background_threads: imports processed at once."""
    background_timeout: int = 3_600_000
    """omero.threads.background_timeout, milliseconds."""
    import_seconds: float = 0.0
    """How long each import's processing takes at least."""
    latency_call: float = 0.0
    """Seconds added to every call."""
    latency_write: float = 0.0
    """Seconds added to every write."""
    strict_stores: bool = True
    """Refuse concurrent calls on one RawFileStore, as OMERO may."""
    bioformats: bool = True
    """Read what is no TIFF with Bio-Formats, where that and Java are installed."""
    log_level: str = "INFO"


def parse(arguments: list[str] | None = None) -> Options:
    """Options from a command line."""
    parser = argparse.ArgumentParser(
        prog="python -m deployments.sandbox.understudy",
        description="Stands in for an OMERO server. It is not OMERO: see docs/understudy.md.",
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("--data", type=Path, required=True, help="directory for the database and the repository")
    parser.add_argument("--users", type=Path, help="JSON file with users and groups")
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--strict-stores", action=argparse.BooleanOptionalAction, help="one call per store at a time")
    parser.add_argument("--bioformats", action=argparse.BooleanOptionalAction, help="for formats other than TIFF")
    parser.add_argument("--log-level", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    for option in fields(Options):
        if option.type in (int, float):
            parser.add_argument(f"--{option.name.replace('_', '-')}", type=option.type)
    return Options(**vars(parser.parse_args(arguments)))
