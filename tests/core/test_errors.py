"""One tree of failures, as its docstring draws it; each says what happened, to whom, and what to do."""

import pickle
import re

import pytest

from flows.core import errors
from flows.core.errors import CourierError, OmeroBusy, SourceMissing


def all_below(kind: type[CourierError]) -> list[type[CourierError]]:
    return [kind] + [below for child in kind.__subclasses__() for below in all_below(child)]


def drawn() -> dict[str, tuple[int, bool]]:
    """Each name of the docstring's tree with its depth, and whether it is marked transient."""
    lines = re.findall(r"^    ([│├└─ ]*)(\w+)(.*)$", errors.__doc__ or "", re.MULTILINE)
    return {name: (len(branch) // 4, "(transient)" in rest) for branch, name, rest in lines}


ALL = [kind for kind in all_below(CourierError) if kind.__module__ == errors.__name__]


def test_the_drawn_tree_is_the_tree_of_classes() -> None:
    depths = {kind.__name__: len(kind.__mro__) - len(CourierError.__mro__) for kind in ALL}

    assert {name: depth for name, (depth, _) in drawn().items()} == depths


def test_the_drawn_tree_says_what_is_transient() -> None:
    assert {name for name, (_, transient) in drawn().items() if transient} == {
        kind.__name__ for kind in ALL if kind.transient
    }


@pytest.mark.parametrize("kind", ALL)
def test_each_failure_says_what_happened_and_what_to_do(kind: type[CourierError]) -> None:
    error = kind()

    assert error.what.endswith(".")
    assert error.advice.endswith(".")
    assert "\n" not in str(error)


@pytest.mark.parametrize("kind", ALL)
def test_each_failure_survives_pickling(kind: type[CourierError]) -> None:
    error = kind("It went wrong.", which="cells.tif", advice="Do it again.")

    again = pickle.loads(pickle.dumps(error))

    assert type(again) is kind
    assert (again.what, again.which, again.advice) == ("It went wrong.", "cells.tif", "Do it again.")
    assert again.args == error.args


def test_codes_are_stable_names_and_unique() -> None:
    codes = [kind().code for kind in ALL]

    assert SourceMissing().code == "source-missing"
    assert len(set(codes)) == len(codes)


def test_a_failure_is_told_of_whom_it_speaks_once() -> None:
    told = OmeroBusy("Come back.").about("cells.tif")

    assert type(told) is OmeroBusy
    assert str(told.about("other.tif")) == "cells.tif: Come back. Nothing to do: it is tried again."
