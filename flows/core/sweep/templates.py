"""Fills in templates, and reads folders as a template says: text to text, no disk."""

import re
from collections.abc import Mapping, Sequence
from string import Formatter

from flows.core.errors import Unassigned


class Filling:
    """A template that is ready to be filled in."""

    def __init__(self, template: str) -> None:
        self.template = template
        self._parts = [(literal, field) for literal, field, _, _ in Formatter().parse(template)]
        self.variables = tuple(dict.fromkeys(field for _, field in self._parts if field is not None))

    def missing(self, variables: Mapping[str, str]) -> str | None:
        """Return the first of its variables that has no value."""
        for field in self.variables:
            if not variables.get(field):
                return field
        return None

    def fill(self, variables: Mapping[str, str]) -> str:
        """Put the variables in; their values are text, braces in them too.

        Raises:
            Unassigned: one of them has no value.
        """
        if (field := self.missing(variables)) is not None:
            raise Unassigned(
                f"Nothing says what {{{field}}} is, which {self.template!r} asks for.",
                advice="Put it where the definition looks for that: the path, the table or a sidecar.",
            )
        return "".join(literal + (variables[field] if field is not None else "") for literal, field in self._parts)


class Folders:
    """The folders below the root, read as a path template says: `{user}/{project}_{date}`."""

    def __init__(self, template: str) -> None:
        self._template = template
        self._levels = [_Level(part) for part in template.split("/")]

    def read(self, folders: Sequence[str]) -> dict[str, str]:
        """Return the variables; folders that lie deeper say nothing.

        Raises:
            Unassigned: there are too few of them, or one does not fit, or fits in two ways.
        """
        if len(folders) < len(self._levels):
            raise Unassigned(
                f"It lies in {_counted(len(folders))} below the watched one, and {self._template} asks for "
                f"{_counted(len(self._levels))}.",
                advice=f"Put it in folders as {self._template} says.",
            )
        found: dict[str, str] = {}
        for level, folder in zip(self._levels, folders, strict=False):
            found.update(level.read(folder))
        return found


class _Level:
    """One folder of a path template."""

    def __init__(self, template: str) -> None:
        self._template = template
        parts = list(Formatter().parse(template))
        self._short, self._long = (_regular(parts, some) for some in (".+?", ".+"))

    def read(self, folder: str) -> dict[str, str]:
        short, long = self._short.fullmatch(folder), self._long.fullmatch(folder)
        if short is None or long is None:
            raise Unassigned(
                f"The folder {folder!r} is not of the form {self._template}.",
                advice=f"Name the folder like {self._template}.",
            )
        if short.groups() != long.groups():
            raise Unassigned(
                f"The folder {folder!r} can be read as {self._template} in two ways.",
                advice="Rename the folder, or tell them apart by a pattern in the definition.",
            )
        return short.groupdict()


def _regular(parts: list[tuple[str, str | None, str | None, str | None]], some: str) -> re.Pattern[str]:
    groups = (re.escape(literal) + (f"(?P<{field}>{some})" if field else "") for literal, field, _, _ in parts)
    return re.compile("".join(groups), re.DOTALL | re.IGNORECASE)


def _counted(folders: int) -> str:
    return {0: "no folder", 1: "one folder"}.get(folders, f"{folders} folders")
