"""What the operating system says of a source has a name of ours."""

import errno

import pytest

from flows.core.disk import source_error


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOENT, "source-missing"),
        (errno.ENOTDIR, "source-missing"),
        (errno.EACCES, "source-unreadable"),
        (errno.ELOOP, "source-unreadable"),
        (errno.EISDIR, "source-unreadable"),
        (errno.EIO, "source-away"),
        (errno.ESTALE, "source-away"),
        (errno.EHOSTDOWN, "source-away"),
    ],
)
def test_what_the_system_says_of_a_source_has_a_name(number: int, code: str) -> None:
    error = source_error(OSError(number, "as the system says it"), "cells.tif")

    assert (error.code, error.which) == (code, "cells.tif")
    assert error.transient is (code == "source-away")
