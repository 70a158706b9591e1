"""Holds what a sweep found out to what OMERO and an import request take: names, login names, targets; text only."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from flows.core.errors import TargetSyntax, Unassigned
from flows.core.requests import ProjectPrefix, Target

LONGEST_NAME = 255
MOST_SAID = 50_000
"""Characters of all key-value pairs together: a request has its limit, too."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def name_of(text: str, what: str) -> str:
    """Return a name as OMERO is to show it: one line, composed, without blanks around it.

    Raises:
        Unassigned: nothing is left, or too much.
    """
    name = _CONTROL.sub(" ", unicodedata.normalize("NFC", text)).strip()
    if not name:
        raise Unassigned(f"The {what} would have an empty name.")
    if len(name) > LONGEST_NAME:
        raise Unassigned(f"The {what} would have a name of {len(name)} characters; OMERO takes {LONGEST_NAME}.")
    return name


def login_name(text: str, what: str = "user") -> str:
    """Return a login name, or the name of a group.

    Raises:
        Unassigned: it can be none.
    """
    name = unicodedata.normalize("NFC", text).strip()
    as_a_folder = name in {".", ".."} or "/" in name
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or (what == "user" and as_a_folder):
        raise Unassigned(f"{text[:LONGEST_NAME]!r} can be no {what} of OMERO.")
    return name


def target_of(text: str) -> str:
    """Return a target that was written out.

    Raises:
        Unassigned: it is none.
    """
    text = text.strip()
    try:
        Target.parse(text)
    except TargetSyntax as refused:
        raise Unassigned(refused.what, advice=refused.advice) from refused
    return text


@lru_cache(maxsize=10_000)
def into_dataset(project: str | None, dataset: str) -> str:
    """Return the target for a dataset, in a project or in none.

    Raises:
        Unassigned: one of the names can be none, or would be taken for something else.
    """
    prefix = ProjectPrefix(name=name_of(project, "project")) if project is not None else None
    return _written(Target(kind="Dataset", name=name_of(dataset, "dataset"), project=prefix))


@lru_cache(maxsize=10_000)
def into_screen(screen: str) -> str:
    """Return the target for a screen.

    Raises:
        Unassigned: its name can be none.
    """
    return _written(Target(kind="Screen", name=name_of(screen, "screen")))


def pairs_within(pairs: Mapping[str, str]) -> Mapping[str, str]:
    """Return key-value pairs that are not too much.

    Raises:
        Unassigned: they are.
    """
    if sum(len(key) + len(value) for key, value in pairs.items()) > MOST_SAID:
        raise Unassigned(f"Its key-value pairs have more than {MOST_SAID:,} characters together.")
    return pairs


def _written(target: Target) -> str:
    text = str(target)
    if Target.parse(text) != target:
        raise Unassigned(f"{text!r} would be taken for another place.", advice="Rename the project or the dataset.")
    return text
