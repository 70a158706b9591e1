r"""How the OpenAPI document describes what Smuggler's clients send: numbers as texts, addresses, files.

What a client sends as it is described there passes the checks of the models, but for what no pattern can tell. More is
taken than is described: numbers that are numbers, empty texts, blanks around an address.
"""

from typing import Any

from pydantic import WithJsonSchema

_PORT = r"[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
_WINDOWS = r'([\\/][^\x00-\x1f<>:"|?*]*)?'
_HOST = "[A-Za-z0-9_~-][A-Za-z0-9._~-]*"
_SEGMENT = r"[^\x00-\x1f?#\\/]"
_FILES = (
    r"/([^/\x00][^\x00]*)?",  # a path of Linux or a Mac
    rf"[A-Za-z]:{_WINDOWS}",  # one on a drive
    rf"(\\\\|//){_HOST}{_WINDOWS}",  # one on a share
    rf"\\\\\?\\([A-Za-z]:|UNC\\{_HOST}){_WINDOWS}",  # either, longer than Windows likes
    rf"file:(//({_HOST})?)?/({_SEGMENT}|/)*",
    rf"[A-Za-z][A-Za-z0-9+.-]+://{_HOST}(:[1-9][0-9]{{0,4}})?(/{_SEGMENT}+)*/?",  # one that is fetched
)
_UP = r"(^|[\\/])\.\.([\\/]|$)"

NUMBER = WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,17}$"})
PORT = WithJsonSchema({"type": "string", "pattern": f"^({_PORT})$"})
E_MAIL = WithJsonSchema(
    {
        "type": "string",
        "minLength": 3,
        "maxLength": 254,
        "pattern": r"^[^\s\x00-\x1f\x7f-\x9f@,;<>:/]+@[^\s\x00-\x1f\x7f-\x9f@,;<>:/]+$",
    }
)
FILE = WithJsonSchema(
    {
        "type": "string",
        "minLength": 1,
        "maxLength": 4096,
        "pattern": f"^({'|'.join(_FILES)})$",
        "not": {"pattern": _UP},
    }
)


def finish(schema: dict[str, Any]) -> None:
    """Show defaults as the texts that they are sent as."""
    for each in schema["properties"].values():
        if isinstance(each.get("default"), int):
            each["default"] = str(each["default"])


def one_of_two(schema: dict[str, Any]) -> None:
    """Say that an import goes into a dataset or into a screen."""
    finish(schema)
    both = ("datasetId", "screenId")
    schema["not"] = {"required": list(both), "properties": {each: {"type": "string"} for each in both}}
