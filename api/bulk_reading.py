"""Reads a bulk file for its caller, from what the request holds or below the caller's folders, and joins the two."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from api.bulk_models import OF_THE_FILE, BulkImport
from api.door import is_here
from api.models import NewImport
from api.problems import Problem, Reason
from flows.core.bulk import BulkRequest, translate
from flows.core.bulk.chain import MOST_BYTES
from flows.core.bulk.places import folder_of, whole
from flows.core.errors import SourceElsewhere, SourceError, TableRefused
from flows.core.metadata.reading import decoded, read_small
from flows.core.settings import Metadata
from flows.core.verify import Access

INLINE = "body.text"


def read_bulk(body: BulkImport, access: Access, limits: Metadata) -> tuple[NewImport, BulkRequest]:
    """Turn what the file says, and what else the request says, into one request.

    Raises:
        Problem: a file is not the caller's (403), cannot be used, or says what the request says as well (422).
    """
    field = "body.file" if body.file else INLINE
    try:
        folder = folder_of(body.file) if body.file else body.folder
        read = _Reader(access, {whole(name, folder): text for name, text in body.files.items()})
        text = read(body.file, MOST_BYTES) if body.file else body.text or ""
        asked = translate(text, body.file or INLINE, folder, read, limits.table_bytes)
    except TableRefused as refused:
        raise _faulty(refused, field) from refused
    except SourceError as wrong:
        raise Problem.of(wrong, field) from wrong
    return _joined(body, asked, field), asked


def in_words_of(asked: BulkRequest, refused: Problem) -> Problem:
    """Say of rows of the table that was made which lines of the list they are."""
    if any(each.code == TableRefused().code for each in refused.document.errors):
        counted = f"Row N is line N - 1 of {asked.rows_are_of}: the header of the table was added here."
        refused.document.advice = f"{counted} {refused.document.advice}".strip()
    return refused


class _Reader:
    """Returns the texts of files."""

    def __init__(self, access: Access, given: Mapping[str, str]) -> None:
        self._access = access
        self._given = given

    def __call__(self, path: str, most: int) -> str:
        """Return the text of one, which came with the request or lies below a folder of the caller's.

        Raises:
            SourceError: it does neither, or cannot be read.
            TableRefused: it is too large, or no text.
        """
        if path in self._given:
            return self._given[path]
        permit = self._access.judge(path)
        if permit.station != self._access.here or not is_here(self._access, permit):
            what = "The API's machine does not see it, so it cannot be read before the import."
            raise SourceElsewhere(what, which=path, advice="Send its content: in `text`, or by its name in `files`.")
        try:
            return decoded(read_small(path, permit.real_path, most), path)
        except TableRefused as refused:
            raise TableRefused(refused.what.replace("row ", "line ", 1), which=path) from refused


def _faulty(refused: TableRefused, field: str) -> Problem:
    whole_of_it = Problem.of(refused, field)
    reasons = [
        Reason(field=field, code=refused.code, what=f"line {line}: {what}", which=refused.which)
        for line, what in refused.problems
    ]
    if reasons:
        whole_of_it.document.errors = reasons
    return whole_of_it


def _joined(body: BulkImport, asked: BulkRequest, field: str) -> NewImport:
    here = body.model_dump(exclude_unset=True, exclude={*OF_THE_FILE, "sources"})
    there = asked.options.model_dump(exclude_unset=True)
    if twice := sorted(name for name in here.keys() & there.keys() if here[name] not in (None, [], {}, there[name])):
        raise Problem(
            422,
            "said-twice",
            f"The bulk file says what the request says as well: {', '.join(twice)}.",
            advice="Say it in one of them.",
            errors=[Reason(field=f"body.{name}", code="said-twice", what="The bulk file says it.") for name in twice],
        )
    try:
        return NewImport(**{**here, **there})
    except ValidationError as refused:
        said = [_reason(error, field) for error in refused.errors()]
        raise Problem(422, "invalid-request", "; ".join(each.what for each in said[:5]), errors=said) from refused


def _reason(error: Any, field: str) -> Reason:
    place = ".".join(map(str, error["loc"]))
    what = error["msg"].removeprefix("Value error, ")
    return Reason(field=field, code=error["type"].replace("_", "-"), what=f"{place}: {what}" if place else what)
