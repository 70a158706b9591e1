"""`why` and `release` of `python -m deployments.sweeps`, for the machine on which the sweeps run."""

import argparse
import os
import sys
from collections.abc import Callable

from flows.core.disk import as_shown
from flows.core.settings import read_settings
from flows.core.sweep.asking import explain, release
from flows.core.sweep.verdicts import Decision


def register(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add both, by the `add_parser` of the other commands; each sets `run`."""
    asking = add("why", help="why a file was imported, or was not")
    asking.add_argument("name", metavar="NAME", help="the sweep")
    asking.add_argument("path", metavar="PATH", help="the file, absolute or below the sweep's root")
    asking.set_defaults(run=say_why)
    releasing = add("release", help="look at what failed or is quarantined as if it were new")
    releasing.add_argument("name", metavar="NAME", help="the sweep")
    releasing.add_argument("path", metavar="PATH", nargs="?", help="a file or folder; left out: all")
    releasing.set_defaults(run=let_go)


def say_why(asked: argparse.Namespace) -> None:
    """Print what the sweep decides about a file.

    Raises:
        CourierError: there is no such sweep, or nobody can tell here.
    """
    sys.stdout.write(told(explain(asked.name, _named(asked.path), read_settings())))


def let_go(asked: argparse.Namespace) -> None:
    """Release files, and print how many sets that were.

    Raises:
        CourierError: there is no such sweep, or what it remembers is not here.
    """
    path = None if asked.path is None else _named(asked.path)
    number = release(asked.name, path, read_settings())
    sys.stdout.write(f"{number} released: the next sweep looks at {'it' if number == 1 else 'them'} again.\n")


def told(decision: Decision) -> str:
    """Tell a decision in lines."""
    lines = [decision.path, f"{decision.verdict} ({decision.code}): {decision.reason}"]
    if (whose := decision.assignment) is not None:
        lines.append(f"for {whose.user} into {whose.target or 'OMERO'}")
    if decision.fileset is not None and len(decision.fileset.files) > 1:
        lines.append("together with:")
        lines += [f"  {file.client_path}" for file in decision.fileset.files[1:]]
    if decision.run_id is not None:
        lines.append(f"import {decision.run_id}")
    return "".join(f"{_printable(line)}\n" for line in lines)


def _printable(line: str) -> str:
    """Write what is no letter of a name as Python does: a name may hold what a terminal obeys."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in as_shown(line))


def _named(path: str) -> str:
    """Take a path that exists from here as such a one, any other as one below the sweep's root."""
    here = os.path.abspath(path)  # noqa: PTH100
    return here if os.path.lexists(here) else path
