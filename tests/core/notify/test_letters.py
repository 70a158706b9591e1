"""Who gets which message, and what is done with one that is too long to keep."""

import pytest

from flows.core.errors import SourceBroken
from flows.core.notify.letters import LONGEST, letters, shortened
from flows.core.notify.messages import Message
from flows.core.requests import Failure
from flows.core.status import FilesetStatus

from .conftest import MakeReport, failed, went_in

USER, ADMINISTRATORS = "alice@lab.example", ("root@lab.example", "team")
BROKEN = failed(2, Failure.of(SourceBroken()))


@pytest.mark.parametrize(
    ("filesets", "expected"),
    [
        pytest.param([went_in(1)], [USER], id="all went well"),
        pytest.param([went_in(1), BROKEN], [USER, *ADMINISTRATORS], id="something failed"),
    ],
)
def test_administrators_hear_of_failures_only(
    report: MakeReport, filesets: list[FilesetStatus], expected: list[str]
) -> None:
    written = letters(report(*filesets, receivers=(USER,)), ADMINISTRATORS)

    assert [each.receiver for each in written] == expected
    assert [each.receiver for each in written if not each.for_administrators] == [USER]


def test_a_failed_import_is_one_alert_however_many_files_failed(report: MakeReport) -> None:
    many = [failed(number, Failure.of(SourceBroken())) for number in range(40)]

    assert len(letters(report(*many), ["root@lab.example"])) == 1


def test_a_message_of_ordinary_length_is_kept_as_it_is() -> None:
    message = Message("Subject", "text" * 1000, "<p>text</p>" * 1000)

    assert shortened(message) is message


def test_a_message_too_long_to_keep_says_that_it_was_cut() -> None:
    message = shortened(Message("Subject", "a line\n" * 100_000, "<p>a line</p>" * 100_000, tone="failure"))

    assert "The rest was left out" in message.text
    assert "The rest was left out" in message.html
    assert len(message.text) + len(message.html) < 2 * LONGEST
    assert message.tone == "failure"
