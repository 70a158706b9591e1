"""The bench's pure parts: how rounds are taken, how figures are judged, what is kept."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import tifffile
from rich.console import Console

from tests.bench import report
from tests.bench.figures import Figure, interleaved, times_faster
from tests.bench.material import padded_image, sparse_image

MET = Figure("upload: one file", 1.5, "x", at_least=1.3, samples={"ours": [1.0, 2.0], "theirs": [1.5, 3.0]})
MISSED = Figure("demo: the whole story", 95.0, "s", at_most=90.0)


@pytest.mark.parametrize(
    ("value", "at_least", "at_most", "met"),
    [
        pytest.param(1.3, 1.3, None, True, id="just enough"),
        pytest.param(1.29, 1.3, None, False, id="too little"),
        pytest.param(90.0, None, 90.0, True, id="just few enough"),
        pytest.param(90.1, None, 90.0, False, id="too much"),
        pytest.param(7.0, None, None, True, id="no target"),
    ],
)
def test_a_figure_is_judged_by_its_target(
    value: float, at_least: float | None, at_most: float | None, *, met: bool
) -> None:
    assert Figure("f", value, "x", at_least, at_most).met is met


def test_every_contender_runs_in_every_round_and_each_begins_in_turn() -> None:
    order: list[str] = []
    contenders = {name: lambda name=name: order.append(name) or 1.0 for name in "abc"}

    samples = interleaved(3, contenders, between=lambda: order.append("|"))

    assert "".join(order) == "|a|b|c|b|c|a|c|a|b"
    assert samples == {"a": [1.0] * 3, "b": [1.0] * 3, "c": [1.0] * 3}


def test_a_peer_is_compared_within_each_round() -> None:
    # The machine was ten times slower in the second round, for both.
    samples = {"ours": [1.0, 10.0, 1.0], "theirs": [2.0, 20.0, 3.0]}

    assert times_faster(samples, "ours", "theirs") == 2.0


def test_the_table_names_target_value_verdict_and_medians() -> None:
    console = Console(record=True, width=160)

    all_met = report.show(console, [MET, MISSED])

    text = console.export_text()
    assert not all_met
    assert "at least 1.3 x │ 1.5 x │ met    │ ours 1.5 s, theirs 2.25 s" in text
    assert "at most 90 s   │  95 s │ MISSED │" in text


def test_every_sample_is_kept_with_the_machine(tmp_path: Path) -> None:
    path = report.keep(tmp_path / "bench", [MET], {"machine": report.machine()}, datetime(2026, 11, 23, tzinfo=UTC))

    kept = json.loads(path.read_text())

    assert path.name == "2026-11-23T000000.json"
    assert kept["machine"]["cores"] >= 1
    assert kept["figures"][0]["samples"] == {"ours": [1.0, 2.0], "theirs": [1.5, 3.0]}
    assert kept["figures"][0]["met"] is True


@pytest.mark.parametrize("make", [padded_image, sparse_image])
def test_a_large_file_for_the_upload_is_a_small_image(tmp_path: Path, make: Callable[[Path, int], Path]) -> None:
    path = make(tmp_path / "large.ome.tiff", 1_000_000)

    with tifffile.TiffFile(path) as tiff:
        sizes = tiff.series[0].sizes

    assert path.stat().st_size == 1_000_000
    assert sizes["width"] == 64
