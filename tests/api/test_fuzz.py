"""Whatever is sent, the interface answers as its description says, and never with an error of its own."""

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from tests.support.api import WIDE_TOKEN, Door, bearer, some_settings

# Schemathesis now and then draws from `random` where Hypothesis would rather be asked.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")

AS_DESCRIBED = [content_type_conformance, response_schema_conformance, status_code_conformance]
EXAMPLES = 10
"""For each call and each kind of caller."""
OPERATIONS: list[APIOperation] = [
    each.ok()
    for each in schemathesis.openapi.from_dict(create_app(some_settings(Path("/data"))).openapi()).get_all_operations()
]
unhurried = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)


def sent_to(operation: APIOperation) -> st.SearchStrategy[Case]:
    """Requests that fit the description, and such that do not."""
    return st.one_of(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)


@pytest.mark.parametrize("who", ["alice", WIDE_TOKEN], ids=["a user", "a machine"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=[each.label for each in OPERATIONS])
def test_nothing_that_is_sent_is_an_error_of_the_interface(operation: APIOperation, who: str, bare_door: Door) -> None:
    @unhurried
    @given(case=sent_to(operation))
    def send(case: Case) -> None:
        answer = case.call(base_url=str(bare_door.client.base_url), headers=bearer(who))

        assert answer.status_code < 500 or answer.status_code == 503
        case.validate_response(answer, checks=AS_DESCRIBED)

    send()
