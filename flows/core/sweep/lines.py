"""Reads YAML so that every problem has its line: syntax, names given twice, and what a type does not allow."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Place = tuple[str | int, ...]
"""Where in a document a value stands: keys and numbers, as pydantic counts them."""
M = TypeVar("M", bound=BaseModel)
_NULL = "tag:yaml.org,2002:null"
_QUOTES = "put a text that begins with one of { [ * & ! | > % @ in quotes"


class Problem(NamedTuple):
    """What is wrong in a file."""

    line: int
    what: str

    def __str__(self) -> str:
        """As it is told within a sentence."""
        return f"line {self.line}: {self.what}"


@dataclass(frozen=True)
class Reading(Generic[M]):
    """A document that was read."""

    value: M | None
    """None where there are problems."""
    problems: tuple[Problem, ...]
    lines: Mapping[Place, int]

    def line_of(self, place: Place) -> int:
        """Return the line of a value, or of the nearest thing that holds it."""
        return next(self.lines[place[:end]] for end in range(len(place), -1, -1) if place[:end] in self.lines)


def read_as(model: type[M], text: str, *, as_text: bool = False) -> Reading[M]:
    """Read a document that is to be a `model`.

    With `as_text` each value is taken as it is written, and what is left empty as left out: `no` is the text no.
    """
    reader = _Reader(as_text=as_text)
    data = reader.document(text)
    value = None
    if isinstance(data, dict):
        try:
            value = model.model_validate(data)
        except ValidationError as refused:
            told = Reading[M](None, (), reader.lines)
            for error in refused.errors(include_url=False):
                place = tuple(step for step in error["loc"] if step != "[key]")
                if place not in reader.faulty:
                    reader.problem(told.line_of(place), _said(model, place, error))
    problems = tuple(sorted(dict.fromkeys(reader.problems), key=lambda problem: problem.line))
    return Reading(None if problems else value, problems, reader.lines)


class _Reader:
    """One way through a document."""

    def __init__(self, *, as_text: bool) -> None:
        self._as_text = as_text
        self._seen: set[int] = set()
        self.lines: dict[Place, int] = {(): 1}
        self.problems: list[Problem] = []
        self.faulty: set[Place] = set()
        """Of which a problem was told that the type need not tell again."""

    def problem(self, line: int, what: str) -> None:
        self.problems.append(Problem(line, what))

    def document(self, text: str) -> object:
        """Return what stands in a document; nothing but problems where it is none."""
        try:
            node = yaml.compose(text, yaml.SafeLoader)
        except yaml.YAMLError as wrong:
            self.problem(*_syntax(text, wrong))
            return None
        except RecursionError:
            self.problem(1, "it is nested too deeply")
            return None
        if node is None:
            self.problem(1, "there is nothing in it")
            return None
        if not isinstance(node, yaml.MappingNode):
            self.problem(_line(node), "it has to begin with names, each with a colon: `name: value`")
            return None
        return self._value(node, ())

    def _value(self, node: yaml.Node, place: Place) -> object:
        if id(node) in self._seen:
            self.faulty.add(place)
            self.problem(self.lines[place], f"{_named(place)}: write it out: & and * are not used here, or {_QUOTES}")
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            for number, each in enumerate(node.value):
                self.lines[(*place, number)] = _line(each)
            return [self._value(each, (*place, number)) for number, each in enumerate(node.value)]
        return self._scalar(node, place)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is None or not (self._as_text or key.tag.endswith(":str")):
                self.problem(_line(key), f"{_named(place)}: {name or 'this name'} has to be a text: put it in quotes")
                continue
            here = (*place, name)
            if name in found:
                self.problem(_line(key), f"{_named(here)}: stands in line {self.lines[here]} already")
                continue
            self.lines[here] = _line(key)
            found[name] = self._value(value, here)
        return {name: value for name, value in found.items() if not (self._as_text and value in (None, ""))}

    def _scalar(self, node: yaml.Node, place: Place) -> object:
        if self._as_text:
            return None if node.tag == _NULL else node.value
        try:
            return yaml.SafeLoader("").construct_object(node)
        except (ValueError, yaml.YAMLError):
            self.faulty.add(place)
            self.problem(_line(node), f"{_named(place)}: {node.value!r} cannot be read; put it in quotes if it is text")
            return None


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _named(place: Place) -> str:
    return ".".join(map(str, place)) or "the file"


def _syntax(text: str, wrong: yaml.YAMLError) -> tuple[int, str]:
    """Say in which line the syntax is wrong, and how."""
    if isinstance(wrong, yaml.reader.ReaderError):
        return text.count("\n", 0, wrong.position) + 1, "there is a character that YAML does not allow"
    if not isinstance(wrong, yaml.MarkedYAMLError) or wrong.problem_mark is None:
        return 1, f"this is no YAML: {wrong}"
    what = ": ".join(part for part in (wrong.context, wrong.problem) if part)
    hint = "" if "tab" in what or "stream end" in what or "end of stream" in what else f"; {_QUOTES}"
    return wrong.problem_mark.line + 1, f"this is no YAML: {what}{hint}"


def _said(model: type[BaseModel], place: Place, error: ErrorDetails) -> str:
    """Put what pydantic says into words for who wrote the file."""
    what = error["msg"].removeprefix("Value error, ")
    match error["type"]:
        case "missing":
            what = "is missing"
        case "extra_forbidden":
            offered = _offered(model, place[:-1])
            close = difflib.get_close_matches(str(place[-1]), offered, n=1)
            what = (
                f"there is no such option; {f'is {close[0]} meant?' if close else 'there are: ' + ', '.join(offered)}"
            )
        case "string_type" if isinstance(error["input"], dict | list):
            what = f"has to be a text: {_QUOTES}"
        case "string_type":
            what = "has to be a text: put numbers, dates, yes and no in quotes"
        case "tuple_type" | "list_type":
            what = "has to be a list: [one, another]"
        case "dict_type" | "model_type":
            what = "has to be names, each with a colon and a value"
    return f"{_named(place)}: {what}"


def _offered(model: type[BaseModel], place: Place) -> list[str]:
    """Return the names of the options at a place of the document."""
    for step in place:
        if (field := model.model_fields.get(str(step))) is not None:
            model = next(_models_in(field.annotation), model)
    return list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
