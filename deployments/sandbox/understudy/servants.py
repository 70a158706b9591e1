"""Between Ice and plain Python: any object with methods named like operations becomes a servant.

Every operation of the skeleton is answered: with the method's result, with its exception, or with "not modelled".
(An operation that nobody answers hangs its client for ever.) A method annotated `-> None` is a void operation.
"""

import functools
import inspect
import logging
from collections.abc import Callable
from typing import Any, Protocol

import Ice
import omero

from deployments.sandbox.understudy.refusals import not_modelled, refusal

log = logging.getLogger(__name__)

Around = Callable[[Any, str, Any, Callable[[], Any]], Any]
"""Called as `around(implementation, operation, current, proceed)`; returns what `proceed()` returns, or raises."""


class Implementation(Protocol):
    """Anything; its public methods are the operations."""


def servant(skeleton: Any, implementation: Implementation, around: Around) -> Any:
    """The Ice object that forwards each operation of `skeleton` to `implementation`, through `around`."""
    made = _servant_class(skeleton)()
    made.implementation, made.around = implementation, around
    return made


@functools.cache
def _servant_class(skeleton: Any) -> Any:
    methods: dict[str, Any] = {}
    for attribute in dir(skeleton):
        operation = attribute.removeprefix("_op_")
        if operation == attribute or operation.startswith("ice_"):
            continue
        if hasattr(skeleton, operation + "_async"):
            methods[operation + "_async"] = _asynchronous(operation)
        else:
            methods[operation] = _synchronous(operation)
    return type(f"{skeleton.__name__}Servant", (skeleton,), methods)


def _synchronous(operation: str) -> Any:
    def dispatch(self: Any, *arguments: Any) -> Any:
        return _answer(self, operation, arguments)[0]

    return dispatch


def _asynchronous(operation: str) -> Any:
    def dispatch(self: Any, callback: Any, *arguments: Any) -> None:
        try:
            result, is_void = _answer(self, operation, arguments)
        except (Ice.UserException, Ice.LocalException) as exception:
            callback.ice_exception(exception)
        else:
            callback.ice_response(*() if is_void else (result,))

    return dispatch


def _answer(self: Any, operation: str, arguments: tuple[Any, ...]) -> tuple[Any, bool]:
    method = getattr(self.implementation, operation, None)
    if method is None:
        skeleton = type(self).__name__.removesuffix("Servant")
        method = functools.partial(_refuse, f"{skeleton}.{operation}")
    try:
        result = self.around(self.implementation, operation, arguments[-1], lambda: method(*arguments))
    except (Ice.UserException, Ice.LocalException) as exception:
        log.info("%s refused: %s", operation, type(exception).__name__)
        raise
    except Exception as exception:
        log.exception("%s failed", operation)
        raise refusal(omero.InternalException, f"{operation}: {exception!r}") from exception
    return result, _is_void(method)


def _refuse(what: str, *_arguments: Any) -> Any:
    raise not_modelled(what)


def _is_void(method: Callable[..., Any]) -> bool:
    return _returns_nothing(getattr(method, "__func__", method))


@functools.cache
def _returns_nothing(function: Callable[..., Any]) -> bool:
    return not isinstance(function, functools.partial) and inspect.signature(function).return_annotation is None
