"""A page for each link that OMERO.web would answer, `/webclient/?show=image-5`: what the understudy holds there.

It is not OMERO.web, says so, and asks nobody who they are: it is served on the loopback address only.
"""

import re
from collections.abc import Iterator
from html import escape
from urllib.parse import parse_qs, urlsplit

from deployments.sandbox.understudy.database import Database
from deployments.sandbox.understudy.rows import Ref, Row

_KINDS = {kind.lower(): kind for kind in ("Image", "Dataset", "Project", "Screen", "Fileset")}
_SHOW = re.compile(r"(\w+)-(\d{1,18})")
_HOLDS = {"Project": ("ProjectDatasetLink", "Dataset"), "Dataset": ("DatasetImageLink", "Image")}
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body {{ font: 16px/1.5 sans-serif; margin: 3em auto; max-width: 45em; color: #14202b }}
td {{ padding: .2em 1.5em .2em 0; vertical-align: top }} p {{ color: #56636f }}</style>
<p>The understudy: this is not OMERO.web, but what stands in for OMERO holds this.</p>
<h1>{title}</h1><table>{rows}</table></html>"""


def page(database: Database, path: str) -> tuple[int, str]:
    """Return the HTTP status and the page of what a link shows."""
    asked = _SHOW.fullmatch(parse_qs(urlsplit(path).query).get("show", [""])[0])
    kind = _KINDS.get(asked[1]) if asked else None
    row = database.get(Ref(kind, int(asked[2]))) if asked and kind else None
    if row is None:
        return 404, _PAGE.format(title="Nothing is there", rows="")
    facts = "".join(f"<tr><td>{escape(name)}</td><td>{value}</td></tr>" for name, value in _facts(database, row))
    return 200, _PAGE.format(title=f"{kind} {row.id}: {escape(str(row.get('name') or ''))}", rows=facts)


def _facts(database: Database, row: Row) -> Iterator[tuple[str, str]]:
    owner = database.get(Ref("Experimenter", row.owner)) if row.owner is not None else None
    yield "owner", escape(str(owner.get("omeName") if owner else "the system"))
    for pixels in database.pointing_at(row.ref, "Pixels", "image"):
        yield "x, y, z, channels, t", ", ".join(str(pixels.get(f"size{axis}")) for axis in "XYZCT")
    if isinstance(fileset := row.get("fileset"), Ref):
        yield "fileset", _link(database, fileset)
    for link in (link for link, child in _HOLDS.values() if child == row.kind):
        for each in database.pointing_at(row.ref, link, "child"):
            yield "in", _link(database, each.get("parent"))
    if row.kind in _HOLDS:
        for each in database.pointing_at(row.ref, _HOLDS[row.kind][0], "parent"):
            yield "holds", _link(database, each.get("child"))
    for image in database.pointing_at(row.ref, "Image", "fileset"):
        yield "image", _link(database, image.ref)
    for tie in database.pointing_at(row.ref, f"{row.kind}AnnotationLink", "parent"):
        if isinstance(ref := tie.get("child"), Ref) and (annotation := database.get(ref)):
            yield escape(str(annotation.get("ns") or annotation.kind)), _said(annotation)


def _said(annotation: Row) -> str:
    pairs = annotation.get("mapValue")
    if isinstance(pairs, tuple):
        return "<br>".join(f"{escape(name)}: {escape(value)}" for name, value in pairs)
    return escape(str(annotation.get("textValue") or ""))


def _link(database: Database, to: object) -> str:
    if not isinstance(to, Ref) or (row := database.get(to)) is None:
        return ""
    name = escape(str(row.get("name") or f"{to.table} {to.id}"))
    return f'<a href="/webclient/?show={to.table.lower()}-{to.id}">{name}</a>'
