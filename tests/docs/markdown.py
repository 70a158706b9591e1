"""Reads the project's pages: their links, anchors and fences. Not a Markdown parser of its own: markdown-it is."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_PARSER = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True)
class Fence:
    """A block of code."""

    language: str
    text: str
    line: int


def fences(text: str, language: str) -> list[Fence]:
    """The blocks of a language, in order."""
    tokens = [token for token in _PARSER.parse(text) if token.type == "fence"]
    found = [Fence(token.info.strip(), token.content, (token.map or [0])[0] + 1) for token in tokens]
    return [fence for fence in found if fence.language == language]


def links(text: str) -> list[str]:
    """Where a page's links and images lead, those written in HTML too."""
    tokens = list(_flat(_PARSER.parse(text)))
    plain = [
        str(token.attrGet("href") or token.attrGet("src")) for token in tokens if token.type in ("link_open", "image")
    ]
    html = [token.content for token in tokens if token.type in ("html_block", "html_inline")]
    return plain + [link for block in html for link in re.findall(r"(?:href|src|srcset)=[\"']([^\"' ]+)", block)]


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them, and those written in HTML."""
    tokens = list(_PARSER.parse(text))
    seen: Counter[str] = Counter()
    found = set(re.findall(r"(?:id|name)=[\"']([^\"']+)[\"']", text))
    for heading, words in pairwise(tokens):
        if heading.type == "heading_open":
            slug = _slug(words)
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
    return found


def _slug(words: Token) -> str:
    shown = "".join(token.content for token in words.children or [] if token.type in ("text", "code_inline"))
    return re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-")


def _flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _flat(token.children or [])
