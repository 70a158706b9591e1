"""What docs/sweeps.md shows is taken as it stands, shows every option, and names the reasons that are really given."""

import re

import pytest
import yaml
from pydantic import BaseModel

from flows.core.sweep.definition import (
    Afterwards,
    Assign,
    Files,
    Instrument,
    Limits,
    Mount,
    Schedule,
    Settled,
    SweepDefinition,
    Table,
)
from flows.core.sweep.lines import read_as
from flows.core.sweep.sidecars import Sidecar

from .markdown import ROOT, Fence, fences

TEXT = (ROOT / "docs" / "sweeps.md").read_text()
DEFINITIONS = fences(TEXT, "yaml")
PARTS: list[type[BaseModel]] = [
    SweepDefinition, Schedule, Instrument, Files, Settled, Table, Assign, Afterwards, Limits, Mount
]  # fmt: skip
REASONS = re.findall(r"^\| \*(.*?)\*", TEXT, re.MULTILINE)
SOURCES = "".join(re.sub(r'"\n\s+f?"', "", file.read_text()) for file in (ROOT / "flows" / "core").rglob("*.py"))


def lines(found: list[Fence]) -> list[str]:
    return [f"line {fence.line}" for fence in found]


@pytest.mark.parametrize("fence", DEFINITIONS, ids=lines(DEFINITIONS))
def test_a_definition_of_the_page_is_taken(fence: Fence) -> None:
    missing = {"root": "root: /data\n", "assign": "assign: {user: alice}\n"}
    shown = yaml.safe_load(fence.text)

    reading = read_as(SweepDefinition, fence.text + "".join(text for key, text in missing.items() if key not in shown))

    assert reading.problems == ()


def test_each_option_is_shown() -> None:
    shown = set(re.findall(r"^[ -]*(\w+):", "\n".join(fence.text for fence in DEFINITIONS), re.MULTILINE))

    assert {name for part in PARTS for name in part.model_fields} - shown == set()


def test_the_sidecar_of_the_page_is_taken() -> None:
    (sidecar,) = fences(TEXT, "yml")

    assert read_as(Sidecar, sidecar.text, as_text=True).problems == ()


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_of_the_page_is_one_that_is_given(reason: str) -> None:
    parts = [part for part in (piece.strip(" ./") for piece in reason.split("...")) if len(part) > 3]

    assert parts
    assert [part for part in parts if part not in SOURCES] == []
