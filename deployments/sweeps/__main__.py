"""`python -m deployments.sweeps`: checks definitions, says why a file was not imported, releases, watches."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from deployments.sweeps import asking
from deployments.sweeps.watching import watch
from flows.core.errors import CourierError
from flows.core.settings import Settings, read_settings
from flows.core.sweep.definition import Schedule
from flows.core.sweep.loading import load_files, load_sweeps, schema, server_of

_HEADINGS = ("NAME", "ROOT", "SERVER", "SCHEDULE", "ACTIVE")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked, and return the exit status: 0, or 2 where something is wrong."""
    asked = _parser().parse_args(arguments)
    try:
        asked.run(asked)
    except CourierError as refused:
        sys.stderr.write(f"{refused.which + ': ' if refused.which else ''}{refused.what}\n{refused.advice}\n")
        return 2
    except ValueError as wrong:  # the settings
        sys.stderr.write(f"{wrong}\n")
        return 2
    return 0


def check(asked: argparse.Namespace) -> None:
    """Say of each definition that it is sound.

    Raises:
        CourierError: one is not.
    """
    settings = read_settings()
    if asked.files:
        names = {path.stem: str(path) for path in asked.files}
        sound = load_files(asked.files, settings)
    else:
        names = {}
        sound = load_sweeps(_folder(settings), settings)
    for name in sound:
        sys.stdout.write(f"{names.get(name, name)}: ok\n")
    if not sound:
        sys.stdout.write(f"{_folder(settings)} holds no sweep definition\n")


def show(asked: argparse.Namespace) -> None:
    """Print what there is as a table."""
    settings = read_settings()
    rows = [
        (name, str(each.root), server_of(each, settings), _when(each.schedule), "yes" if each.active else "no")
        for name, each in load_sweeps(_folder(settings), settings).items()
    ]
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    for row in (_HEADINGS, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(line.rstrip() + "\n")


def print_schema(asked: argparse.Namespace) -> None:
    """Print the JSON schema of a definition."""
    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deployments.sweeps", description="Folders that import themselves.")
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check", help="say what is wrong with definitions, with file and line")
    checking.add_argument("files", nargs="*", type=Path, metavar="FILE", help="left out: all of COURIER_SWEEPS__FOLDER")
    checking.set_defaults(run=check)
    commands.add_parser("list", help="the sweeps that there are").set_defaults(run=show)
    commands.add_parser("schema", help="the JSON schema of a definition, for editors").set_defaults(run=print_schema)
    commands.add_parser("watch", help="have folders swept as soon as they change").set_defaults(run=watch)
    asking.register(commands.add_parser)
    return parser


def _folder(settings: Settings) -> Path:
    if settings.sweeps.folder is None:
        raise ValueError("COURIER_SWEEPS__FOLDER is not set: it names the folder with the sweep definitions")
    return settings.sweeps.folder


def _when(schedule: Schedule) -> str:
    if schedule.cron is not None:
        return f"{schedule.cron} ({schedule.timezone})"
    return f"every {schedule.every_minutes:g} min"


if __name__ == "__main__":
    sys.exit(main())
