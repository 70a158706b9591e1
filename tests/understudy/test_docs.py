"""The page on the understudy names everything that there is."""

from dataclasses import fields
from pathlib import Path

import pytest

from deployments.sandbox.understudy.accounts import DEFAULT_SEED
from deployments.sandbox.understudy.control import Control
from deployments.sandbox.understudy.options import Options, parse

PAGE = (Path(__file__).parents[2] / "docs" / "understudy.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("option", [option.name for option in fields(Options)])
def test_every_option_is_explained(option: str) -> None:
    assert f"`--{option.replace('_', '-')}" in PAGE or f"--{option.replace('_', '-')} " in PAGE


@pytest.mark.parametrize("switch", [name for name in vars(Control) if not name.startswith("_")])
def test_every_fault_is_explained(switch: str) -> None:
    assert f"`{switch}(" in PAGE


@pytest.mark.parametrize("user", DEFAULT_SEED["users"], ids=lambda user: user["name"])
def test_every_account_is_listed(user: dict[str, object]) -> None:
    groups = [name for name in user["groups"] if name != "user"]  # type: ignore[attr-defined]

    assert f"| {user['name']} | {', '.join(groups)} |" in PAGE


def test_options_default_to_what_omero_ships() -> None:
    options = parse(["--data", "somewhere"])

    assert options == Options(data=Path("somewhere"))
    assert (options.session_idle, options.session_max_idle) == (600_000, 6_000_000)
    assert (options.background_threads, options.background_timeout) == (5, 3_600_000)
