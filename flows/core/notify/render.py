"""Writes a page of paragraphs and tables as plain text, HTML or Markdown: knows nothing of imports."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    """Words that lead somewhere."""

    text: str
    url: str


Line = tuple[str | Link, ...]
Cell = tuple[Line, ...]


@dataclass(frozen=True)
class Table:
    """Rows under a title; each cell has one line or more."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    more: Line = ()
    """What was left out, and where it stands."""
    sentences: bool = False
    """The cells are sentences: the tables of the Prefect UI do not wrap them, so there they become a list."""


Page = tuple[Line | Table, ...]

_BODY = "margin:0;padding:16px;background:#ffffff;color:#1a1a1a;font:15px/1.5 Arial,Helvetica,sans-serif"
_CELL = "padding:6px 14px 6px 0;border-bottom:1px solid #d0d0d0;text-align:left;vertical-align:top"
_MARKDOWN_SIGNS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~^$:])")


def printable(text: str) -> str:
    """Make line breaks and other signs that a name may hide visible, as Python writes them."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def as_text(page: Page) -> str:
    """Write the page for people whose mail shows no HTML: links are written out."""
    blocks = (_table_as_text(block) if isinstance(block, Table) else _line(block, _text_part) for block in page)
    return "\n\n".join(blocks) + "\n"


def as_html(page: Page, title: str) -> str:
    """Write the page for mail programs: inline styles only, dark on white."""
    blocks = (_table_as_html(b) if isinstance(b, Table) else f"<p>{_line(b, _html_part)}</p>" for b in page)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(printable(title))}</title>'
        f'</head>\n<body style="{_BODY}">\n' + "\n".join(blocks) + "\n</body></html>\n"
    )


def as_markdown(page: Page, title: str) -> str:
    """Write the page for the Prefect UI: nothing in a name is taken for Markdown or HTML."""
    blocks = (_table_as_markdown(b) if isinstance(b, Table) else _line(b, _markdown_part) for b in page)
    return "\n\n".join((f"# {_markdown_part(title)}", *blocks)) + "\n"


def _line(line: Line, write: Callable[[str | Link], str]) -> str:
    return "".join(write(part) for part in line)


def _stacked(cell: Cell, write: Callable[[str | Link], str]) -> str:
    return "<br>".join(_line(line, write) for line in cell)


def _text_part(part: str | Link) -> str:
    return f"{printable(part.text)}: {part.url}" if isinstance(part, Link) else printable(part)


def _html_part(part: str | Link) -> str:
    if isinstance(part, str):
        return html.escape(printable(part))
    return f'<a style="color:#0b57a4" href="{html.escape(part.url)}">{html.escape(printable(part.text))}</a>'


def _markdown_part(part: str | Link) -> str:
    if isinstance(part, Link):
        return f"[{_markdown_part(part.text)}](<{part.url}>)"
    return _MARKDOWN_SIGNS.sub(r"\\\1", html.escape(printable(part), quote=False))


def _table_as_text(table: Table) -> str:
    rows = ["\n    ".join(_line(line, _text_part) for cell in row for line in cell) for row in table.rows]
    more = [_line(table.more, _text_part)] if table.more else []
    return "\n".join([f"{table.title.upper()}", *(f"  - {row}" for row in rows), *(f"  {line}" for line in more)])


def _table_as_html(table: Table) -> str:
    def row(cells: list[str], tag: str) -> str:
        return "<tr>" + "".join(f'<{tag} style="{_CELL}">{cell}</{tag}>' for cell in cells) + "</tr>"

    head = row([_html_part(column) for column in table.columns], "th")
    body = [
        row(["<br>".join(_line(line, _html_part) for line in cell) for cell in cells], "td") for cells in table.rows
    ]
    more = f"<p>{_line(table.more, _html_part)}</p>" if table.more else ""
    return (
        f'<h2 style="font-size:17px;margin:22px 0 6px">{_html_part(table.title)}</h2>\n'
        '<table style="border-collapse:collapse;font-size:14px;overflow-wrap:anywhere">\n'
        + "\n".join([head, *body])
        + f"\n</table>{more}"
    )


def _table_as_markdown(table: Table) -> str:
    rows = [[_stacked(cell, _markdown_part) for cell in cells] for cells in table.rows]
    body = _items(rows) if table.sentences else _grid(table.columns, rows)
    more = f"\n\n{_line(table.more, _markdown_part)}" if table.more else ""
    return f"## {_markdown_part(table.title)}\n\n{body}{more}"


def _items(rows: list[list[str]]) -> str:
    return "\n".join(f"- **{first}**<br>{'<br>'.join(rest)}" for first, *rest in rows)


def _grid(columns: tuple[str, ...], rows: list[list[str]]) -> str:
    head = [[_markdown_part(column) for column in columns], ["---"] * len(columns)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in head + rows)
