"""The commands of the README work as they stand.

The rule: fences tagged `bash` are run in order, in one shell that ends at the first error, from the project's root,
while the sandbox runs; what one sets the next one has. Fences with another tag (`console`, `text`, ...) are not run.

- `COURIER` is the address of the API, `DATA` the data directory of the sandbox, `PASSWORD` alice's. The README gives
  each a default, so that it can be pasted while `make up` runs: `COURIER=${COURIER:-http://127.0.0.1:8000}`.
- Each request of `curl` has to be answered with 2xx, or with what a comment in its fence announces: `# answers 422`.
- Tools: bash, curl, python3, coreutils. Waiting is a loop that ends.
"""

import pytest

from .commands import run
from .markdown import ROOT, fences

COMMANDS = fences((ROOT / "README.md").read_text(), "bash")


@pytest.mark.sandbox
@pytest.mark.timeout(300)
def test_the_commands_work_when_they_are_pasted(sandbox) -> None:  # type: ignore[no-untyped-def]
    here = {"COURIER": sandbox.api, "DATA": str(sandbox.data), "PASSWORD": sandbox.logins["alice"]}

    outcomes = run(COMMANDS, here, ROOT, timeout=240)

    assert [outcome.surprises for outcome in outcomes if outcome.surprises] == []
    assert 202 in [code for outcome in outcomes for code, _ in outcome.answers]


def test_the_readme_shows_a_first_import() -> None:
    words = "\n".join(fence.text for fence in COMMANDS)

    assert "COURIER=${COURIER:-http://127.0.0.1:8000}" in words
    assert "/v1/sessions" in words
    assert "/v1/imports" in words
