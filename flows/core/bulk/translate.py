"""Turns a bulk file into one request: what all files have in common as fields, what differs as a table; pure."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from flows.core.bulk.chain import Chain, Place, Read, faulty, read_chain
from flows.core.bulk.keys import FOLLOWED, KNOWN, SAME, TOLD, TRANSFERS, BulkFile
from flows.core.bulk.places import whole
from flows.core.bulk.rows import NOT_IN_ROWS, SPLIT, Row, read_cell, rows_of
from flows.core.errors import SourceSyntax
from flows.core.requests import MAX_REQUEST_BYTES, ImportOptions, TextAnnotation
from flows.core.sweep.lines import Problem
from flows.core.values import Frozen

_KINDS = {"d": "Dataset", "r": "Screen"}
LONGEST_TABLE = 100_000
"""Characters of `table_text`."""


class BulkRequest(Frozen):
    """What a bulk file asks for."""

    options: ImportOptions
    notes: tuple[str, ...]
    """What of it is not followed, and why, for people."""
    is_dry: bool
    """Whether it only asks what would be done."""
    rows_are_of: str
    """What the list is called, whose line N is row N + 1 of the table."""


def translate(text: str, file: str, folder: str | None, read: Read, most_bytes: int) -> BulkRequest:
    """Read a bulk file, what it includes, and its list.

    Args:
        text: of the bulk file.
        file: what it is called.
        folder: where names begin that are no whole paths; None: nobody knows.
        read: returns the text of the other files.
        most_bytes: of the list.

    Raises:
        TableRefused: something is faulty, or cannot be one request; told with its lines.
        CourierError: one of the files cannot be read.
    """
    chain = read_chain(text, file, folder, read)
    if chain.says.path is None:
        raise faulty([Problem(1, "path: is missing: it names the list of what is imported")], file)
    _check_columns(chain)
    try:
        listed = whole(chain.says.path, folder)
    except SourceSyntax as wrong:
        raise chain.refuse("path", wrong.what) from wrong
    rows = rows_of(read(listed, most_bytes), listed, chain.says.columns, folder)
    rows, twice = _each_once(rows, listed)
    chain, rows, told = _same_for_all(chain, rows, listed)
    common = _common(chain, rows)
    options = _fitting({**common, **_table(rows, listed)}, listed)
    return BulkRequest(
        options=options, notes=(*chain.notes, *told, *twice), is_dry=chain.says.is_dry, rows_are_of=listed
    )


def _check_columns(chain: Chain) -> None:
    columns = chain.says.columns
    if columns is None:
        return
    for column in columns:
        if column not in KNOWN or column in NOT_IN_ROWS or (column not in FOLLOWED and column not in TOLD):
            raise chain.refuse("columns", f"{column!r} is no option that a file can have")
        if columns.count(column) > 1:
            raise chain.refuse("columns", f"{column!r} is there twice")
    if "path" not in columns:
        raise chain.refuse("columns", "none of them is path")


def _each_once(rows: Sequence[Row], listed: str) -> tuple[list[Row], tuple[str, ...]]:
    """Leave out what is named again with the same words, and say so."""
    seen: dict[str, Row] = {}
    again, problems = [], []
    for row in rows:
        first = seen.setdefault(row.path, row)
        if first is row:
            continue
        again.append(row.line)
        if first.said != row.said:
            problems.append(Problem(row.line, f"{row.path} stands in line {first.line} already, with other words"))
    if problems:
        raise faulty(problems, listed)
    lines = ", ".join(map(str, again[:10])) + (f" and {len(again) - 10:,} more" if len(again) > 10 else "")
    return list(seen.values()), (f"Named before, and imported once: lines {lines} of {listed}.",) if again else ()


def _same_for_all(chain: Chain, rows: Sequence[Row], listed: str) -> tuple[Chain, list[Row], tuple[str, ...]]:
    """Take out of the rows what all of them say, or what is not followed anyway."""
    says = {key: getattr(chain.says, key) for key in FOLLOWED if getattr(chain.says, key) is not None}
    places, told = dict(chain.places), []
    taken: set[str] = set()
    for key in chain.says.columns or ():
        cells = {row.said.get(key, "") for row in rows}
        if key in TOLD:
            told.append(f"The column {key} of {listed} is not followed: {TOLD[key]}.")
        elif key == "path" or (key in SAME and len(cells) > 1):
            continue
        elif len(cells) > 1:
            what = f"{key!r} differs from file to file, which is one import of ours for each: make several lists"
            raise chain.refuse("columns", what)
        elif cell := next(iter(cells)):
            # As in OMERO, what a row says counts before what the file says.
            if key in SAME:
                says = {other: value for other, value in says.items() if SAME.get(other) != SAME[key]}
            says[key], places[key] = read_cell(key, cell), Place(listed, rows[0].line)
        taken.add(key)
    left = [row._replace(said={key: cell for key, cell in row.said.items() if key not in taken}) for row in rows]
    return Chain(BulkFile.model_construct(**says), places, chain.notes), left, tuple(told)


def _common(chain: Chain, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the fields of the request that hold for all files."""
    says = chain.says
    made: dict[str, Any] = {"sources": [row.path for row in rows]}
    for key, field in SAME.items():
        if (value := getattr(says, key)) is None:
            continue
        if field in made:
            raise chain.refuse(key, f"the {field} is said already by another key")
        made[field] = _written(key, value)
    if says.group is not None:
        made["group"] = says.group
    if says.transfer is not None:
        placement, after = TRANSFERS[says.transfer]
        made |= {"placement": placement, **({"after_import": after} if after else {})}
    if says.annotation_link is not None:
        made["annotation_ids"] = [says.annotation_link]
    if says.annotation_ns is not None or says.annotation_text is not None:
        made["text_annotations"] = [_annotation(chain)]
    return made


def _written(key: str, value: Any) -> Any:
    kind = _KINDS.get(key)
    return f"{kind}:id:{value}" if kind else value


def _annotation(chain: Chain) -> TextAnnotation:
    namespace, text = chain.says.annotation_ns, chain.says.annotation_text
    if namespace is None or text is None:
        one, other = ("annotation_text", "annotation_ns") if namespace is None else ("annotation_ns", "annotation_text")
        raise chain.refuse(one, f"{other} is needed with it")
    try:
        return TextAnnotation(namespace=namespace, text=text)
    except ValidationError as refused:
        raise chain.refuse("annotation_ns", refused.errors()[0]["msg"].removeprefix("Value error, ")) from refused


def _table(rows: Sequence[Row], listed: str) -> dict[str, str]:
    """Write what differs as a metadata table whose row N + 1 is line N of the list; nothing where nothing does."""
    fields = [field for field in ("name", "description", "target") if _is_said(rows, field)]
    if not fields:
        return {}
    text, line = io.StringIO(newline=""), 1
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", *fields])
    for row in rows:
        said: dict[str, Any] = {SAME[key]: _written(key, read_cell(key, cell)) for key, cell in row.said.items()}
        if not said:
            continue
        text.write("\n" * max(0, row.line - line))
        writer.writerow([row.path, *(said.get(field, "") for field in fields)])
        line = row.line + 1 + sum(str(value).count("\n") for value in said.values())
    if len(text.getvalue()) > LONGEST_TABLE:
        what = f"what it says of its {len(rows):,} files is too long for one request: {SPLIT}"
        raise faulty([Problem(1, what)], listed)
    return {"table_text": text.getvalue()}


def _is_said(rows: Sequence[Row], field: str) -> bool:
    return any(SAME[key] == field for row in rows for key in row.said)


def _fitting(fields: dict[str, Any], listed: str) -> ImportOptions:
    """Make the request, if it is not too large.

    Raises:
        TableRefused: it is.
    """
    try:
        options = ImportOptions(**fields)
    except ValidationError as refused:
        said = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg'].removeprefix('Value error, ')}"
            for each in refused.errors()[:5]
        )
        raise faulty([Problem(1, said)], listed) from refused
    if len(options.model_dump_json(exclude_defaults=True)) > MAX_REQUEST_BYTES:
        raise faulty([Problem(1, f"it is too long for one request: {SPLIT}, or name folders")], listed)
    return options
