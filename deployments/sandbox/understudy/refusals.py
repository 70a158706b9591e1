"""The exceptions that clients see, made the way OMERO makes them."""

from typing import Any

import omero

NOT_MODELLED = "not modelled by the understudy (this is not OMERO)"


def refusal(kind: Any, message: str) -> Any:
    """An exception of `omero.*` with its text; OMERO fills in the Java class name, we the Python one."""
    exception = kind()
    exception.message = message
    exception.serverExceptionClass = kind.__name__
    exception.serverStackTrace = ""
    return exception


def not_modelled(what: str) -> Any:
    """What the understudy does not know how to do as OMERO does it: said, never guessed."""
    return refusal(omero.InternalException, f"{NOT_MODELLED}: {what}")


def query_refused(what: str) -> Any:
    """A query that is wrong, or beyond the subset that is understood."""
    return refusal(omero.QueryException, what)


def query_not_modelled(what: str) -> Any:
    """A query beyond the subset that is understood."""
    return query_refused(f"{NOT_MODELLED}: {what}")
