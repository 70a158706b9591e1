"""The page about remote sources: its settings load, and its failures are those of the tree."""

import re
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from dotenv import dotenv_values

from flows.core import errors
from flows.core.errors import CourierError
from flows.core.settings import read_settings

from .markdown import ROOT, fences

PAGE = (ROOT / "docs" / "remote-sources.md").read_text()
SETTINGS = [each.text for each in fences(PAGE, "sh") if each.text.startswith("COURIER_")]


@pytest.mark.parametrize("block", SETTINGS, ids=[each.split("__")[1].lower() for each in SETTINGS])
def test_each_block_of_settings_loads(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "courier.env").write_text(block)
    for name, value in dotenv_values(tmp_path / "courier.env").items():
        monkeypatch.setenv(name, value or "")
    monkeypatch.setenv("COURIER_SERVERS__MAIN__HOST", "omero.example.org")
    monkeypatch.setenv("COURIER_SEAL_KEYS", f'["{Fernet.generate_key().decode()}"]')

    (remote,) = read_settings().remotes.values()

    assert remote.place_for("alice") is not None


def test_each_failure_has_the_code_that_the_page_names_and_is_tried_again_as_it_says() -> None:
    said = dict(re.findall(r"^\| [^|]+ \| `([a-z-]+)` \| (yes|no)", PAGE, re.MULTILINE))
    kinds = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, CourierError)]

    assert {each().code: "yes" if each.transient else "no" for each in kinds if each().code in said} == said
    assert len(said) > 5
