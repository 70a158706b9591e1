"""HQL in words: strings, numbers, parameters, names, signs."""

import re
from dataclasses import dataclass

from deployments.sandbox.understudy.refusals import query_not_modelled

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>\d+(?:\.\d+)?)|:(?P<parameter>\w+)"
    r"|(?P<word>[A-Za-z_]\w*(?:\.\w+)*)|(?P<sign><=|>=|<>|!=|\|\||[=<>(),*+-]))"
)


@dataclass(frozen=True)
class Token:
    """One word and its kind: string, number, parameter, word, sign, end."""

    kind: str
    text: str


def tokens_of(text: str) -> list[Token]:
    """The words of a query; a semicolon at its end does not count.

    Raises:
        omero.QueryException: a character that HQL does not have.
    """
    tokens, position = [], 0
    text = text.rstrip().rstrip(";").rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise query_not_modelled(f"unexpected text in a query: {text[position : position + 40]!r}")
        kind = str(match.lastgroup)
        tokens.append(Token(kind, match.group(kind)))
        position = match.end()
    return tokens
