"""The runner of a page's commands sees what somebody who pastes them would see."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.web import Quiet, serving

from .commands import CommandsFailed, Outcome, run
from .markdown import fences


@pytest.fixture
def address() -> Iterator[str]:
    """A web server that answers with the code that the path names."""

    class Answer(Quiet):
        def do_GET(self) -> None:  # noqa: N802 - the name that http.server looks for
            self.send_response(int(self.path[1:4]))
            self.end_headers()
            self.wfile.write(b"hello")

    with serving(Answer) as at:
        yield at


def outcomes(page: str, directory: Path, **environment: str) -> list[Outcome]:
    return run(fences(page, "bash"), environment, directory, timeout=30)


def test_blocks_run_in_order_in_one_shell(tmp_path: Path) -> None:
    page = "```bash\nWORD=hello\n```\ntext\n```sh\nexit 1\n```\n```bash\necho $WORD > file; cat file\n```\n"

    first, second = outcomes(page, tmp_path)

    assert (first.printed, second.printed) == ("", "hello\n")


def test_what_the_surroundings_set_wins_over_a_default(tmp_path: Path) -> None:
    page = "```bash\nCOURIER=${COURIER:-http://127.0.0.1:8000}\necho $COURIER\n```\n"

    (outcome,) = outcomes(page, tmp_path, COURIER="http://elsewhere")

    assert outcome.printed == "http://elsewhere\n"


def test_answers_are_seen_and_do_not_disturb_what_is_printed(address: str, tmp_path: Path) -> None:
    page = "```bash\nWORD=$(curl -sS $COURIER/200)\necho $WORD\n```\n```bash\ncurl -s $COURIER/202\n```\n"

    first, second = outcomes(page, tmp_path, COURIER=address)

    assert first.printed == "hello\n"
    assert first.answers == ((200, f"GET {address}/200"),)
    assert second.answers == ((202, f"GET {address}/202"),)


def test_an_error_that_the_page_does_not_announce_is_a_surprise(address: str, tmp_path: Path) -> None:
    page = "```bash\ncurl -s $COURIER/422  # answers 422\ncurl -s $COURIER/404\n```\n"

    (outcome,) = outcomes(page, tmp_path, COURIER=address)

    assert outcome.surprises == [(404, f"GET {address}/404")]


def test_a_block_that_fails_is_told_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(CommandsFailed, match="nosuchcommand"):
        outcomes("```bash\nnosuchcommand\necho never\n```\n", tmp_path)


def test_an_unset_variable_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CommandsFailed, match="NEVER_SET"):
        outcomes("```bash\necho $NEVER_SET\n```\n", tmp_path)


def test_commands_that_never_end_are_ended(tmp_path: Path) -> None:
    with pytest.raises(CommandsFailed, match="124: not over after 1 s"):
        run(fences("```bash\nsleep 600\n```\n", "bash"), {}, tmp_path, timeout=1)
