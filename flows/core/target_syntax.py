"""Reads where images go as OMERO's command line writes it: a dataset or screen, or a rule that names one by the folder.

(omero-documentation: import-target; omero-blitz: ModelImportTarget, TemplateImportTarget, ServerTemplateImportTarget)
"""

import re
from typing import Any, Literal, Self

import regex

from flows.core.errors import TargetNotFound, TargetSyntax
from flows.core.values import Frozen

Pick = Literal["+", "-", "%", "@"]
"""Of several of a name: + the newest, - the oldest, % there must be one only, @ always make a new one."""
Kind = Literal["Dataset", "Screen"]

LONGEST_NAME = 255
PATIENCE = 0.5
"""Seconds that a pattern may take over one folder."""
GROUP = "Container1"
"""The group of a pattern whose text is the name; OMERO knows no other."""


class ProjectPrefix(Frozen):
    """The project part of a target."""

    id: int | None = None
    name: str | None = None
    pick: Pick = "+"


class Target(Frozen):
    """Where in OMERO the images go, taken apart."""

    kind: Kind
    id: int | None = None
    name: str | None = None
    pick: Pick = "+"
    project: ProjectPrefix | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read OMERO's command-line syntax.

        Raises:
            TargetSyntax: it is not that syntax.
        """
        if not (found := _TARGET.fullmatch(text)):
            raise TargetSyntax(_what_is_wrong(text))
        part = found.groupdict()
        if part["project_value"] is not None and part["kind"] == "Screen":
            raise TargetSyntax(f"{text!r}: a screen is in no project.")
        project = None
        if part["project_value"] is not None:
            project = ProjectPrefix(**_discriminated(text, part["project_by"], part["project_value"]))
        return cls(kind=part["kind"], project=project, **_discriminated(text, part["by"], part["value"]))

    def __str__(self) -> str:
        """Write it in OMERO's command-line syntax."""
        prefix = f"Project:{_by(self.project)}/" if self.project else ""
        return f"{prefix}{self.kind}:{_by(self)}"


class TargetRule(Frozen):
    """`regex:PATTERN`: a dataset, for a plate a screen, that is named after the folder that the files lie in."""

    pattern: str
    pick: Pick = "+"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read OMERO's command-line syntax.

        Raises:
            TargetSyntax: it is not that syntax, or its pattern is none, or names no container.
        """
        found = _RULE.fullmatch(text)
        if found is None:
            raise TargetSyntax(f"{text!r}: a rule by folders names by name only.", advice=_RULE_ADVICE)
        by, pattern = found["by"], found["pattern"]
        try:
            compiled = regex.compile(pattern)
        except (regex.error, OverflowError, RecursionError) as wrong:
            raise TargetSyntax(f"{text!r}: {pattern!r} is no pattern: {wrong}.", advice=_RULE_ADVICE) from wrong
        if GROUP not in compiled.groupindex:
            raise TargetSyntax(f"{text!r}: it has no group (?<{GROUP}>...).", advice=_RULE_ADVICE)
        return cls(pattern=pattern, pick=by[0] if by and by != "name" else "+")

    def target_for(self, folder: str, kind: Kind) -> Target:
        """Return the target of files in a folder: the whole path of the folder has to fit.

        OMERO puts what does not fit nowhere, and says so in its log only; here it is refused.

        Raises:
            TargetNotFound: the folder does not fit, or the name that it gives is none.
        """
        path = folder.replace("\\", "/") or "/"
        try:
            found = regex.compile(self.pattern).fullmatch(path, timeout=PATIENCE)
        except TimeoutError as slow:
            raise TargetNotFound(f"The pattern {self.pattern!r} takes too long over {path!r}.") from slow
        if found is None:
            raise TargetNotFound(
                f"The folder {path!r} does not fit the pattern {self.pattern!r} of the target.",
                advice="The pattern has to fit the whole path of the folder: mostly it begins with ^.*/",
            )
        name = (found[GROUP] or "").strip()
        if not name or len(name) > LONGEST_NAME:
            raise TargetNotFound(f"The pattern {self.pattern!r} gives no name of 1 to 255 characters for {path!r}.")
        return Target(kind=kind, name=name, pick=self.pick)

    def __str__(self) -> str:
        """Write it in OMERO's command-line syntax."""
        return f"regex:{'' if self.pick == '+' else self.pick}name:{self.pattern}"


def parse_target(text: str) -> Target | TargetRule:
    """Read either.

    Raises:
        TargetSyntax: it is neither.
    """
    return TargetRule.parse(text) if text.startswith("regex:") else Target.parse(text)


_TARGET = re.compile(
    r"(?:Project:(?:(?P<project_by>id|[+\-%@]?name):)?(?P<project_value>.+?)/)?"
    r"(?P<kind>Dataset|Screen):(?:(?P<by>id|[+\-%@]?name):)?(?P<value>.+)",
    re.DOTALL,
)
_RULE = re.compile(r"regex:(?!id:)(?:(?P<by>[+\-%@]?name):)?(?P<pattern>.+)", re.DOTALL)
_RULE_ADVICE = f"Write for example regex:^.*/images/(?<{GROUP}>[^/]+), with the folder's part that names the dataset."


def _what_is_wrong(text: str) -> str:
    if text.startswith("Project:"):
        return f"{text!r} names a project: images go into a dataset in it, so /Dataset:... has to follow."
    return f"{text!r} is no target."


def _discriminated(text: str, by: str | None, value: str) -> dict[str, Any]:
    if by is None or by == "id":
        if not (value.isascii() and value.isdecimal() and 0 < int(value) < 2**63):
            raise TargetSyntax(f"{text!r}: {value!r} is no id.")
        return {"id": int(value)}
    if len(value) > LONGEST_NAME or not value.strip():
        raise TargetSyntax(f"{text!r}: a name has 1 to 255 characters.")
    return {"name": value, "pick": by[0] if by != "name" else "+"}


def _by(part: Target | ProjectPrefix) -> str:
    if part.id is not None:
        return f"id:{part.id}"
    return f"{'' if part.pick == '+' else part.pick}name:{part.name}"
