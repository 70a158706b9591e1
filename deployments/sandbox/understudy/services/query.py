"""IQuery: finding objects by id, by property, and by HQL."""

from typing import Any

import omero
from omero.rtypes import rbool, rdouble, rlong, robject, rstring, unwrap

from deployments.sandbox.understudy.convert import Fetch
from deployments.sandbox.understudy.house import SessionService
from deployments.sandbox.understudy.hql import Answer, Hql
from deployments.sandbox.understudy.refusals import query_not_modelled, refusal
from deployments.sandbox.understudy.rows import Ref, Row
from deployments.sandbox.understudy.schema import concrete, is_known, java_name, table_of


class Query(SessionService):
    """Source: omero-server QueryImpl."""

    def get(self, name: str, row_id: int, current: Any) -> Any:
        """The object, or an exception."""
        found = self.find(name, row_id, current)
        if found is None:
            message = f"The requested object ({java_name(_short(name))},{row_id}) is not available."
            raise refusal(omero.ValidationException, message)
        return found

    def find(self, name: str, row_id: int, current: Any) -> Any:
        """The object, or None."""
        row = self.house.database.get(Ref(table_of(_short(name)), row_id))
        if row is None or row.kind not in concrete(_short(name)):
            return None
        call = self.call(current)
        if not call.access.readable(row):
            raise refusal(omero.SecurityViolation, f"Cannot read {java_name(_short(name))}:Id_{row_id}")
        return call.reader.load(row)

    def findAll(self, name: str, options: Any, current: Any) -> Any:  # noqa: N802
        """All objects of a class."""
        parameters = omero.sys.Parameters()
        parameters.theFilter = options
        return self.findAllByQuery(_select(name, "order by o.id"), parameters, current)

    def findByString(self, name: str, field: str, value: str, current: Any) -> Any:  # noqa: N802
        """The only object with this value."""
        return self.findByQuery(_select(name, f"where o.{field} = :value"), _with_value(value), current)

    def findAllByString(  # noqa: N802, PLR0917
        self,
        name: str,
        field: str,
        value: str,
        case_sensitive: bool,
        options: Any,
        current: Any,
    ) -> Any:
        """All objects with this value."""
        path, value = (f"o.{field}", value) if case_sensitive else (f"lower(o.{field})", value.lower())
        parameters = _with_value(value)
        parameters.theFilter = options
        return self.findAllByQuery(_select(name, f"where {path} = :value"), parameters, current)

    def findByQuery(self, text: str, parameters: Any, current: Any) -> Any:  # noqa: N802
        """The only result, an object, or None."""
        found = {thing.id.val: thing for thing in self.findAllByQuery(text, parameters, current)}
        if len(found) > 1:
            raise refusal(omero.ApiUsageException, f"Query named:\n\t{text}\nhas returned more than one Object")
        return next(iter(found.values()), None)

    def findAllByQuery(self, text: str, parameters: Any, current: Any) -> Any:  # noqa: N802
        """All results; they must be objects."""
        answer, reader = self._answer(text, parameters, current), self.call(current).reader
        if any(len(row) != 1 or not isinstance(row[0], Row) for row in answer.rows):
            raise refusal(omero.ApiUsageException, "Queries must return objects here; use projection for values.")
        loaded: dict[Ref, Any] = {}
        for (row,) in answer.rows:
            if row.ref not in loaded:  # type: ignore[union-attr]
                loaded[row.ref] = reader.load(row, answer.fetch[0])  # type: ignore[arg-type, union-attr]
        return [loaded[row.ref] for (row,) in answer.rows]  # type: ignore[union-attr]

    def projection(self, text: str, parameters: Any, current: Any) -> Any:
        """All results, each a list of values."""
        answer = self._answer(text, parameters, current)
        return [[self._wrap(value, current, fetch) for value, fetch in zip(row, answer.fetch)] for row in answer.rows]  # noqa: B905

    def _wrap(self, value: Any, current: Any, fetch: Fetch) -> Any:
        match value:
            case Row():
                return robject(self.call(current).reader.load(value, fetch))
            case bool():
                return rbool(value)
            case int():
                return rlong(value)
            case float():
                return rdouble(value)
            case str():
                return rstring(value)
            case None:
                return None
        raise query_not_modelled(f"selecting a {type(value).__name__}")

    def _answer(self, text: str, parameters: Any, current: Any) -> Answer:
        named = {name: unwrap(value) for name, value in (parameters.map or {}).items()} if parameters else {}
        call = self.call(current)
        with self.house.database.lock:
            answer = Hql(self.house.database, call.reader, named).answer(" ".join(text.split()))
        options = parameters.theFilter if parameters else None
        if options is not None and (options.limit or options.offset):
            if answer.repeats:
                answer.rows = list(dict.fromkeys(answer.rows))
            first = options.offset.val if options.offset else 0
            answer.rows = answer.rows[first : first + options.limit.val if options.limit else None]
        return answer


def _short(name: str) -> str:
    """Clients name classes as `Image`, `ImageI`, or `omero.model.ImageI`."""
    short = name.rpartition(".")[2]
    for candidate in (short, short.removesuffix("I")):
        if is_known(candidate):
            return candidate
    raise query_not_modelled(f"the class {name}")


def _select(name: str, rest: str) -> str:
    return f"select o from {_short(name)} o {rest}"  # noqa: S608  (our own parser reads it)


def _with_value(value: str) -> Any:
    parameters = omero.sys.ParametersI()
    parameters.addString("value", value)
    return parameters
