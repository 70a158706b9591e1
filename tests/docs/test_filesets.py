"""The table of filesets names what the code puts together, and what it refuses."""

import re

import pytest

from flows.core.verify.families import FAMILIES
from flows.core.verify.sets import KINDS

from .markdown import ROOT

PAGE = (ROOT / "docs" / "filesets.md").read_text()
ROWS = re.findall(r"^\| ([^|]+) \|.*`(loci\.formats\.in\.\w+)`", PAGE, re.MULTILINE)


def test_each_family_stands_in_the_table_with_its_reader() -> None:
    assert sorted(ROWS) == sorted((family.NAME, family.READER) for family in FAMILIES)


@pytest.mark.parametrize("kind", ["BD Pathway", "a Flex plate", "SlideBook 7", "Hamamatsu NDPIS", "a MIAS plate"])
def test_what_has_no_rule_is_named(kind: str) -> None:
    assert kind in KINDS
    assert kind.removeprefix("a ").removesuffix(" plate") in PAGE
