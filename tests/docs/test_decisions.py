"""Each decision has its three parts and stands in the list."""

import re
from pathlib import Path

import pytest

from .markdown import ROOT

DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))


@pytest.mark.parametrize("page", DECISIONS, ids=[page.name for page in DECISIONS])
def test_a_decision_says_why_what_and_what_follows(page: Path) -> None:
    text = page.read_text()

    assert text.startswith(f"# {page.name[:4]}: ")
    assert re.search(r"^Status: (proposed|accepted|replaced by)", text, re.MULTILINE)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


@pytest.mark.parametrize("page", DECISIONS, ids=[page.name for page in DECISIONS])
def test_a_decision_is_listed_under_its_own_words(page: Path) -> None:
    title = page.read_text().splitlines()[0].removeprefix(f"# {page.name[:4]}: ")

    assert f"| [{page.name[:4]}]({page.name}) | {title} |" in (page.parent / "README.md").read_text()


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))
