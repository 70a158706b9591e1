"""`python -m tests.bench`: measures, shows a table, keeps the samples as JSON; ends with 1 if a target is missed."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from rich.console import Console

from deployments.sandbox.home import Running
from tests.bench import arrivals, demo, orchestration, report, requests, staging, sweep, upload
from tests.bench.figures import QUICK, Figure, Sizes
from tests.bench.rigs import PROJECT, sandbox

ALONE: dict[str, Callable[[Sizes, Path], Iterator[Figure]]] = {
    "upload": upload.measure,
    "staging": staging.measure,
    "sweep": sweep.measure,
    "demo": demo.measure,
}
IN_SANDBOX: dict[str, Callable[[Sizes, Running], Iterator[Figure]]] = {
    "requests": requests.measure,
    "orchestration": orchestration.measure,
    "arrivals": arrivals.measure,
}
"""These share one sandbox."""


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for; return the exit status."""
    asked = _parse(arguments)
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    about = {"machine": report.machine(), "quick": asked.quick, "commit": _commit()}
    figures: list[Figure] = []
    for figure in _measure(asked.only or [*ALONE, *IN_SANDBOX], QUICK if asked.quick else Sizes()):
        console.print(f"{figure.name}: {figure.value:.3g} {figure.unit}")
        figures.append(figure)
    met = report.show(console, figures)
    console.print(f"All samples: {report.keep(PROJECT / '.bench', figures, about, datetime.now().astimezone())}")
    return 0 if met else 1


def _measure(groups: Sequence[str], sizes: Sizes) -> Iterator[Figure]:
    for name in (each for each in ALONE if each in groups):
        with _folder() as folder:
            yield from ALONE[name](sizes, folder)
    if chosen := [each for each in IN_SANDBOX if each in groups]:
        with _folder() as folder, sandbox(folder) as running:
            for name in chosen:
                yield from IN_SANDBOX[name](sizes, running)


@contextmanager
def _folder() -> Iterator[Path]:
    """A directory for what is measured; TMPDIR says on which disk."""
    folder = Path(tempfile.mkdtemp(prefix="courier-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=[*ALONE, *IN_SANDBOX], help="measure these groups of figures")
    parser.add_argument("--quick", action="store_true", help="small sizes, few rounds: to see that it works")
    return parser.parse_args(arguments)


def _commit() -> str:
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=PROJECT, capture_output=True, check=False)
    return asked.stdout.decode().strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
