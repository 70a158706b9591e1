"""What connections to OMERO are opened with."""

import pytest

from flows.core.omero_client.logins import timeouts
from flows.core.settings import OmeroServer


@pytest.mark.parametrize(
    ("connect", "call", "connecting"),
    [(10, 60, 10_000), (60, 60, 48_000), (60, 10, 8_000), (0.3, 0.3, 240)],
    ids=["as shipped", "the same", "longer than a call", "very short"],
)
def test_no_connection_is_given_up_at_the_moment_of_the_call_that_waits_for_it(
    connect: float, call: float, connecting: int
) -> None:
    given = timeouts(OmeroServer(host="omero", connect_timeout=connect, call_timeout=call))

    assert given == {
        "Ice.Override.ConnectTimeout": str(connecting),
        "Ice.Default.InvocationTimeout": str(int(call * 1000)),
    }
