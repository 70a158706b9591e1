"""Shows figures as a table, and keeps them as JSON."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from tests.bench.figures import Figure


def machine() -> dict[str, Any]:
    """Say what kind of machine this is, and how busy it is now."""
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 1024**3),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "load": [round(load, 2) for load in os.getloadavg()],
    }


def table(figures: Sequence[Figure]) -> Table:
    """Return the figures with targets and verdicts."""
    shown = Table(title="omero-courier, measured", title_justify="left")
    for heading, justify in (("figure", "left"), ("target", "left"), ("value", "right"), ("", "left")):
        shown.add_column(heading, justify=justify)  # type: ignore[arg-type]
    shown.add_column("medians", overflow="fold")
    for each in figures:
        verdict = "" if not each.target else "[green]met[/]" if each.met else "[bold red]MISSED[/]"
        shown.add_row(each.name, each.target, f"{each.value:.3g} {each.unit}", verdict, medians(each))
    return shown


def medians(figure: Figure) -> str:
    """Return what the value was computed from: the median of each contender."""
    return ", ".join(
        f"{name} {median(values):.3g} {figure.samples_unit}" for name, values in figure.samples.items() if values
    )


def as_json(figures: Sequence[Figure], about: dict[str, Any]) -> str:
    """Return everything, each sample included."""
    rows = [{**asdict(each), "target": each.target, "met": each.met} for each in figures]
    return json.dumps({**about, "figures": rows}, indent=2)


def keep(folder: Path, figures: Sequence[Figure], about: dict[str, Any], when: datetime) -> Path:
    """Write the JSON below `folder`, named after the moment."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{when:%Y-%m-%dT%H%M%S}.json"
    path.write_text(as_json(figures, {"date": when.isoformat(timespec="seconds"), **about}) + "\n")
    return path


def show(console: Console, figures: Sequence[Figure]) -> bool:
    """Print the table, and return whether all targets are met."""
    console.print()
    console.print(table(figures))
    return all(each.met for each in figures)
