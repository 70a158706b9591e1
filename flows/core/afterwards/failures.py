"""Says, in a text beside files that failed, what happened to them and how to try again."""

import os
from collections.abc import Sequence
from datetime import UTC

from flows.core.afterwards.items import Failed
from flows.core.afterwards.names import REASON

LONGEST_NAME = 255
"""Bytes of a file's name."""
FILES_NAMED = 50


def reason_name(name: str) -> str:
    """Name the text that says why a file of this name failed; a long name is cut."""
    stem = os.fsencode(name)[: LONGEST_NAME - len(REASON)].decode(errors="ignore")
    return f"{stem}{REASON}"


def reason_text(failed: Failed, origins: Sequence[str]) -> str:
    """Say what happened, when, and what to do.

    Args:
        failed: the fileset.
        origins: where its files were, as absolute paths.
    """
    failure = failed.failure
    about = f" ({failure.which})" if failure.which else ""
    more = [f"  and {len(origins) - FILES_NAMED} more"] if len(origins) > FILES_NAMED else []
    lines = [
        f"{failed.fileset.name} could not be imported into OMERO.",
        "",
        f"What happened: {failure.what}{about}",
        f"What to do:    {failure.advice}",
        f"When:          {failed.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        f"Import:        {failed.run_id}",
        f"OMERO user:    {failed.user}",
        f"Reason code:   {failure.code}",
        "",
        "To try again, do what is said above, then move back what belongs together:",
        *(f"  {origin}" for origin in origins[:FILES_NAMED]),
        *more,
        "This text may be removed.",
    ]
    return "".join(f"{_printable(line)}\n" for line in lines)


def _printable(text: str) -> str:
    """A line feed in a name would look like another line."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
