"""HQL becomes a tree: the subset that OMERO's clients use; anything else is refused by name."""

from deployments.sandbox.understudy.hql_tokens import Token, tokens_of
from deployments.sandbox.understudy.hql_tree import (
    Binary,
    Exists,
    Expression,
    Function,
    IsNull,
    Join,
    Literal,
    Not,
    Parameter,
    Path,
    Select,
    Within,
)
from deployments.sandbox.understudy.refusals import query_not_modelled, query_refused

FUNCTIONS = {"lower", "upper", "count", "max", "min", "size", "concat"}


def parse(text: str) -> Select:
    """The tree of a query.

    Raises:
        omero.QueryException: it is no HQL, or outside the subset.
    """
    parser = _Parser(tokens_of(text), text)
    select = parser.select()
    parser.end()
    return select


class _Parser:
    def __init__(self, tokens: list[Token], text: str) -> None:
        self._tokens, self._text, self._at = tokens, text, 0

    # Tokens

    def _peek(self) -> Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else Token("end", "")

    def _is(self, *words: str) -> bool:
        following = self._tokens[self._at : self._at + len(words)]
        return [token.text.lower() for token in following] == list(words) and following[0].kind != "string"

    def _take(self, *words: str) -> bool:
        found = self._is(*words)
        self._at += len(words) if found else 0
        return found

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise query_refused(f"unexpected token: {self._peek().text!r} where {word!r} was expected [{self._text}]")

    def _word(self) -> str:
        token = self._peek()
        if token.kind != "word":
            raise query_refused(f"unexpected token: {token.text!r} [{self._text}]")
        self._at += 1
        return token.text

    def end(self) -> None:
        """Nothing may follow."""
        if self._peek().kind != "end":
            raise query_not_modelled(f"{self._peek().text!r} in a query [{self._text}]")

    # Clauses

    def select(self) -> Select:
        """`select ... from ... where ... order by ...`."""
        columns: tuple[Expression, ...] = ()
        distinct = False
        if self._take("select"):
            distinct = self._take("distinct")
            if self._is("new"):
                raise query_not_modelled("'select new' in a query")
            columns = self._columns()
        self._expect("from")
        roots, joins = self._sources()
        where = self._or() if self._take("where") else None
        group = self._list() if self._take("group", "by") else ()
        order = self._order() if self._take("order", "by") else ()
        return Select(columns, distinct, roots, joins, where, order, group)

    def _columns(self) -> tuple[Expression, ...]:
        columns = []
        while True:
            columns.append(self._or())
            if self._take("as"):
                self._word()
            if not self._take(","):
                return tuple(columns)

    def _list(self) -> tuple[Expression, ...]:
        items = [self._or()]
        while self._take(","):
            items.append(self._or())
        return tuple(items)

    def _sources(self) -> tuple[tuple[tuple[str, str], ...], tuple[Join, ...]]:
        roots, joins = [self._root()], []
        while True:
            if self._take(","):
                roots.append(self._root())
            elif self._is("left") or self._is("inner") or self._is("join"):
                joins.append(self._join())
            else:
                return tuple(roots), tuple(joins)

    def _root(self) -> tuple[str, str]:
        name = self._word().rpartition(".")[2]
        return name, self._alias() or ""

    def _alias(self) -> str | None:
        taken = self._take("as")
        reserved = ("where", "left", "inner", "join", "order", "group", "fetch", "with", "on", "right", "full", "cross")
        if taken or (self._peek().kind == "word" and self._peek().text.lower() not in reserved):
            return self._word()
        return None

    def _join(self) -> Join:
        outer = self._take("left")
        self._take("outer")
        self._take("inner")
        self._expect("join")
        fetch = self._take("fetch")
        path = Path(tuple(self._word().split(".")))
        alias = self._alias()
        if self._is("fetch") or self._is("with") or self._is("on"):
            raise query_not_modelled(f"{self._peek().text!r} after a join")
        return Join(path, alias, outer, fetch)

    def _order(self) -> tuple[tuple[Expression, bool], ...]:
        keys = []
        while True:
            key = self._or()
            descending = self._take("desc")
            self._take("asc")
            keys.append((key, descending))
            if not self._take(","):
                return tuple(keys)

    # Expressions

    def _or(self) -> Expression:
        left = self._and()
        while self._take("or"):
            left = Binary("or", left, self._and())
        return left

    def _and(self) -> Expression:
        left = self._not()
        while self._take("and"):
            left = Binary("and", left, self._not())
        return left

    def _not(self) -> Expression:
        if self._take("not"):
            return Not(self._not())
        if self._take("exists"):
            self._expect("(")
            inner = Exists(self.select())
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Expression:
        left = self._concatenation()
        if self._take("is"):
            negated = self._take("not")
            self._expect("null")
            return Not(IsNull(left)) if negated else IsNull(left)
        negated = self._take("not")
        if self._take("in"):
            inner: Expression = Within(left, self._choices())
        elif self._take("like"):
            inner = Binary("like", left, self._concatenation())
        elif self._take("between"):
            low = self._concatenation()
            self._expect("and")
            inner = Binary("and", Binary(">=", left, low), Binary("<=", left, self._concatenation()))
        elif self._peek().text in ("=", "!=", "<>", "<", ">", "<=", ">=") and not negated:
            operator = self._tokens[self._at].text
            self._at += 1
            return Binary("!=" if operator == "<>" else operator, left, self._concatenation())
        elif negated:
            raise query_refused(f"unexpected token: 'not' [{self._text}]")
        else:
            return left
        return Not(inner) if negated else inner

    def _choices(self) -> tuple[Expression, ...] | Select:
        if not self._take("("):
            return (self._operand(),)
        choices = self.select() if self._is("select") or self._is("from") else self._list()
        self._expect(")")
        return choices

    def _concatenation(self) -> Expression:
        left = self._operand()
        while self._take("||"):
            left = Binary("||", left, self._operand())
        return left

    def _operand(self) -> Expression:
        token = self._peek()
        self._at += 1
        match token.kind:
            case "string":
                return Literal(token.text[1:-1].replace("''", "'"))
            case "number":
                return Literal(float(token.text) if "." in token.text else int(token.text))
            case "parameter":
                return Parameter(token.text)
            case "word":
                return self._named(token.text)
            case "sign" if token.text == "(":
                inner = self._or()
                self._expect(")")
                return inner
        raise query_refused(f"unexpected token: {token.text!r} [{self._text}]")

    def _named(self, word: str) -> Expression:
        constants = {"true": True, "false": False, "null": None}
        if word.lower() in constants:
            return Literal(constants[word.lower()])
        if not self._take("("):
            return Path(tuple(word.split(".")))
        if word.lower() not in FUNCTIONS:
            raise query_not_modelled(f"the function {word} in a query")
        distinct = self._take("distinct")
        arguments = () if self._take("*") else self._list()
        self._expect(")")
        return Function(word.lower(), arguments, distinct)
