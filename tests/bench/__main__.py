"""`python -m tests.bench`: measures, shows a table, keeps the samples as JSON, and ends with 1 if a target is missed."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console

from tests.bench import report, staging, upload
from tests.bench.figures import QUICK, Figure, Sizes
from tests.bench.rigs import PROJECT

Measure = Callable[[Sizes, Path], Iterator[Figure]]
GROUPS: dict[str, Measure] = {"upload": upload.measure, "staging": staging.measure}


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for; return the exit status."""
    asked = _parse(arguments)
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    about = {"machine": report.machine(), "quick": asked.quick, "commit": _commit()}
    figures: list[Figure] = []
    for name in asked.only or GROUPS:
        folder = Path(tempfile.mkdtemp(prefix=f"courier-bench-{name}-"))
        try:
            for figure in GROUPS[name](QUICK if asked.quick else Sizes(), folder):
                console.print(f"{figure.name}: {figure.value:.3g} {figure.unit}")
                figures.append(figure)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    met = report.show(console, figures)
    console.print(f"All samples: {report.keep(PROJECT / '.bench', figures, about, datetime.now().astimezone())}")
    return 0 if met else 1


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=GROUPS, help="measure these groups of figures")
    parser.add_argument("--quick", action="store_true", help="small sizes, few rounds: to see that it works")
    return parser.parse_args(arguments)


def _commit() -> str:
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=PROJECT, capture_output=True, check=False)
    return asked.stdout.decode().strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
