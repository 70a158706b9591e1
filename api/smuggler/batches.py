"""Divides a batch into imports: what agrees in all but the file becomes one, which has one summary. Pure."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import SecretStr, ValidationError

from api.models import NewImport
from api.problems import Problem
from api.smuggler.models import AtOmero, ImportElement
from api.smuggler.places import read_place
from flows.core.names import session_tag
from flows.core.settings import OmeroServer

MOST_FILES = 1000
MOST_BYTES = 128 * 1024
"""What the sources of one import may take as JSON: with all else it stays well below what an import may be."""


@dataclass(frozen=True)
class Part:
    """An import that stands for some elements of a batch."""

    server: str
    key: SecretStr
    body: NewImport
    elements: tuple[int, ...]
    """Which of the batch, from 0; in the order of the body's sources where each file is named once."""
    client_key: str
    """The same for the same batch in the same session: what is sent again is the same import."""
    places: tuple[str, ...]
    """The source of each element."""

    @property
    def sources(self) -> list[str]:
        """The sources of the import: each once."""
        return list(dict.fromkeys(self.places))

    def element_of(self, source: int) -> int:
        """Return the first element of the batch that names this source."""
        return self.elements[self.places.index(self.sources[source])]


def server_of(asked: AtOmero, servers: Mapping[str, OmeroServer], where: str = "") -> str:
    """Return our name for the OMERO server that is meant; `where` is said before what is wrong.

    Raises:
        Problem: it is none of those in the settings.
    """
    for name, server in servers.items():
        if server.is_called(asked.omero_host, asked.omero_port):
            return name
    named = f"{asked.omero_host}:{asked.omero_port}"
    raise Problem(
        400,
        "unknown-server",
        f"{where}omeroHost, omeroPort: {named} is none of the OMERO servers of this courier.",
        advice="The operator can add it to the aliases of a server.",
    )


def divide(batch: Sequence[ImportElement], servers: Mapping[str, OmeroServer]) -> list[Part]:
    """Divide a batch, in the order in which its elements came.

    Raises:
        Problem: an element can be no import.
    """
    alike: dict[str, list[int]] = defaultdict(list)
    for number, element in enumerate(batch):
        alike[_words(element)].append(number)
    digest = _digest(batch)
    return [
        _part(batch, numbers, servers, f"ome-import {digest} {first}")
        for members in alike.values()
        for first, numbers in ((piece[0], piece) for piece in _pieces(batch, members))
    ]


def _words(element: ImportElement) -> str:
    """Write all of an element but its file; what lies on several machines is imported from each by itself."""
    host, key = read_place(element.target_uri).host, element.session_key.get_secret_value()
    return json.dumps([host, key, element.model_dump_json(exclude={"target_uri"})])


def _digest(batch: Sequence[ImportElement]) -> str:
    said = [
        [session_tag(element.session_key.get_secret_value()), element.model_dump_json(exclude={"session_key"})]
        for element in batch
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _pieces(batch: Sequence[ImportElement], members: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Cut what would be too large for one import."""
    piece: list[int] = []
    size = 0
    for number in members:
        size += len(json.dumps(batch[number].target_uri)) + 2
        if piece and (len(piece) == MOST_FILES or size > MOST_BYTES):
            yield tuple(piece)
            piece, size = [], len(json.dumps(batch[number].target_uri)) + 2
        piece.append(number)
    yield tuple(piece)


def _part(
    batch: Sequence[ImportElement], numbers: tuple[int, ...], servers: Mapping[str, OmeroServer], client_key: str
) -> Part:
    first = batch[numbers[0]]
    server = server_of(first, servers, f"{numbers[0] + 1}: ")
    places = tuple(read_place(batch[number].target_uri).source for number in numbers)
    try:
        body = NewImport.model_validate(
            {
                "sources": list(dict.fromkeys(places)),
                "server": server,
                "target": _target(first),
                "name": first.name,
                "description": first.description,
                "text_annotations": [{"namespace": space, "text": text} for space, text in first.text_annotations],
                "annotation_ids": first.annotation_ids,
                "notify": [first.experimenter_email],
            }
        )
    except ValidationError as refused:
        raise Problem(400, "invalid-request", _why(refused, numbers)) from None
    return Part(server, first.session_key, body, numbers, client_key, places)


def _target(element: ImportElement) -> str | None:
    if element.dataset_id is not None:
        return f"Dataset:id:{element.dataset_id}"
    return f"Screen:id:{element.screen_id}" if element.screen_id is not None else None


_NAMES = {"text_annotations": "textAnnotations", "annotation_ids": "annotationIds", "notify": "experimenterEmail"}


def _why(refused: ValidationError, numbers: Sequence[int]) -> str:
    """Say what is wrong with which element, counted from 1 as in all answers."""
    lines = []
    for error in refused.errors(include_url=False, include_input=False, include_context=False):
        field, *rest = error["loc"] or ("",)
        number = numbers[rest[0]] if field == "sources" and rest and isinstance(rest[0], int) else numbers[0]
        name = "targetUri" if field == "sources" else _NAMES.get(str(field), str(field))
        what = error["msg"].removeprefix("Value error, ")
        lines.append(f"{number + 1}: {f'{name}: ' if name else ''}{what}")
    return "\n".join(lines)
