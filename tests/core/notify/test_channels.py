"""Messages arrive, or it is said that they did not; nothing secret is said on the way."""

import logging
import socket
from email.utils import parsedate_to_datetime

import pytest
from pydantic import SecretStr

from flows.core.notify.channels import receivers, send
from flows.core.notify.messages import Message
from flows.core.settings import Mail, Notifications
from tests.support.mail import LOGIN, Sink

from .conftest import Board

WORDS = Message(
    subject="Zellen größer µm ✓ " + "long" * 40,
    text="Hello Zoë,\n\n.a line that begins with a dot\nhttps://omero.example/?show=image-1\n",
    html="<p>Hello Zoë, <a href='https://omero.example/?show=image-1'>Image 1</a></p>\n",
    tone="warning",
)
SECRET = "tok3n-of-the-channel"


def post_to(board: Board) -> Notifications:
    url = f"json://someone:{SECRET}@{board.place}/{SECRET}?+X-Key={SECRET}"
    return Notifications(channels={"team": SecretStr(url)})


def test_a_mail_arrives_as_plain_text_and_html(mail_sink: Sink) -> None:
    (delivery,) = send(WORDS, ["zoe@lab.example"], Notifications(mail=mail_sink.settings()))

    (letter,) = mail_sink.letters
    assert delivery.failure is None
    assert letter.mail.get_content_type() == "multipart/alternative"
    assert letter.part("plain") == WORDS.text
    assert letter.part("html") == WORDS.html
    assert letter.mail["Subject"] == WORDS.subject


def test_a_mail_has_the_headers_that_keep_it_out_of_the_spam(mail_sink: Sink) -> None:
    send(WORDS, ["zoe@lab.example"], Notifications(mail=mail_sink.settings()))

    mail = mail_sink.letters[0].mail
    assert mail["From"] == "Courier <courier@lab.example>"
    assert mail["Message-ID"].endswith("@lab.example>")
    assert parsedate_to_datetime(mail["Date"]).tzinfo is not None
    assert mail["Auto-Submitted"] == "auto-generated"
    assert max(map(len, mail_sink.letters[0].raw.splitlines())) <= 998


@pytest.mark.parametrize(
    "address",
    [
        "o'brien+omero@lab.example",
        "first.last@sub.lab.example",
        "a_b-c=d@lab.example",
        "zoë@größe.example",
        "50%@x.example",
    ],
)
def test_odd_addresses_are_reached_as_they_are_written(mail_sink: Sink, address: str) -> None:
    (delivery,) = send(WORDS, [address], Notifications(mail=mail_sink.settings()))

    assert delivery.failure is None
    assert mail_sink.letters[0].receivers == (address,)


@pytest.mark.parametrize(
    "address",
    ["a@b@lab.example", "@lab.example", "a@lab.example\nBcc: all@lab.example", "a@lab.example, b@lab.example"],
)
def test_what_is_no_address_is_told_and_sent_to_nobody(mail_sink: Sink, address: str) -> None:
    (delivery,) = send(WORDS, [address], Notifications(mail=mail_sink.settings()))

    assert delivery.failure is not None
    assert "is no e-mail address" in delivery.failure.what
    assert mail_sink.letters == []


def test_one_refused_receiver_does_not_stop_the_others(mail_sink: Sink) -> None:
    mail_sink.refused.add("gone@lab.example")

    first, second = send(WORDS, ["gone@lab.example", "zoe@lab.example"], Notifications(mail=mail_sink.settings()))

    assert first.failure is not None
    assert first.failure.code == "notification-failed"
    assert first.failure.which == "gone@lab.example"
    assert "550 5.1.1 nobody of that name" in first.failure.what
    assert second.failure is None
    assert [letter.receivers for letter in mail_sink.letters] == [("zoe@lab.example",)]


def test_receivers_do_not_see_each_other(mail_sink: Sink) -> None:
    send(WORDS, ["ann@lab.example", "zoe@lab.example"], Notifications(mail=mail_sink.settings()))

    assert [letter.mail["To"] for letter in mail_sink.letters] == ["ann@lab.example", "zoe@lab.example"]


def test_the_mail_server_is_logged_in_to(mail_sink_with_login: Sink) -> None:
    known = {"user": LOGIN[0], "password": SecretStr(LOGIN[1]), "security": "starttls"}

    (delivery,) = send(
        WORDS, ["z@x.example"], Notifications(mail=mail_sink_with_login.settings().model_copy(update=known))
    )

    assert delivery.failure is None
    assert len(mail_sink_with_login.letters) == 1


@pytest.mark.parametrize("password", ["wrong-one", "wröng-one"])
def test_a_refused_login_is_told_without_the_password(
    mail_sink_with_login: Sink, password: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    unknown = {"user": LOGIN[0], "password": SecretStr(password), "security": "starttls"}

    (delivery,) = send(
        WORDS, ["z@x.example"], Notifications(mail=mail_sink_with_login.settings().model_copy(update=unknown))
    )

    assert delivery.failure is not None
    assert password not in f"{delivery} {caplog.text}"


def test_a_mail_server_with_an_untrusted_certificate_gets_nothing(
    mail_sink_with_login: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    settings = mail_sink_with_login.settings().model_copy(update={"security": "starttls"})

    (delivery,) = send(WORDS, ["z@x.example"], Notifications(mail=settings))

    assert delivery.failure is not None
    assert "certificate verify failed" in delivery.failure.what
    assert mail_sink_with_login.letters == []


@pytest.mark.parametrize("security", ["starttls", "ssl"])
def test_a_mail_server_without_the_encryption_asked_for_gets_nothing(mail_sink: Sink, security: str) -> None:
    settings = mail_sink.settings().model_copy(update={"security": security})

    (delivery,) = send(WORDS, ["z@x.example"], Notifications(mail=settings))

    assert delivery.failure is not None
    assert mail_sink.letters == []


def test_a_mail_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        settings = Mail(host="127.0.0.1", port=mute.getsockname()[1], timeout=0.1)

        (delivery,) = send(WORDS, ["z@x.example"], Notifications(mail=settings))

    assert delivery.failure is not None
    assert delivery.failure.transient
    assert "timed out" in delivery.failure.what


def test_a_mail_without_a_mail_server_is_told() -> None:
    (delivery,) = send(WORDS, ["z@x.example"], Notifications())

    assert delivery.failure is not None
    assert "No mail server is configured." in delivery.failure.what


def test_a_channel_gets_subject_and_text(board: Board) -> None:
    (delivery,) = send(WORDS, ["team"], post_to(board))

    assert delivery.failure is None
    assert board.posts[0]["title"] == WORDS.subject
    assert "https://omero.example/?show=image-1" in board.posts[0]["message"]
    assert board.posts[0]["type"] == "warning"


def test_a_name_that_is_no_channel_is_told_with_those_there_are(board: Board) -> None:
    (delivery,) = send(WORDS, ["teem"], post_to(board))

    assert delivery.failure is not None
    assert str(delivery.failure) == "teem: No channel has this name. Configured channels: team."
    assert not delivery.failure.transient


def test_a_channel_that_refuses_does_not_stop_the_mail(board: Board, mail_sink: Sink) -> None:
    board.answer = 500
    settings = post_to(board).model_copy(update={"mail": mail_sink.settings()})

    first, second = send(WORDS, ["team", "zoe@lab.example"], settings)

    assert first.failure is not None
    assert first.failure.which == "team"
    assert second.failure is None


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"json://x:{SECRET}@127.0.0.1:9/{SECRET}", id="nobody listens"),
        pytest.param(f"nosuchthing://{SECRET}", id="unknown kind"),
        pytest.param(f"slack://{SECRET}", id="parts missing"),
        pytest.param(SECRET, id="no address"),
    ],
)
def test_a_channel_that_fails_betrays_no_secret(
    url: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(1)

    (delivery,) = send(WORDS, ["team"], Notifications(channels={"team": SecretStr(url)}))

    assert delivery.failure is not None
    assert SECRET not in f"{delivery} {caplog.text} {capfd.readouterr()}"


def test_a_channel_that_works_logs_no_secret(board: Board, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1)

    send(WORDS, ["team"], post_to(board))

    assert len(board.posts) == 1
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("asked", "email", "expected"),
    [
        pytest.param(
            ["team", "a@x.example", "team"], "me@x.example", ("team", "a@x.example"), id="whom the request names"
        ),
        pytest.param([], " me@x.example ", ("me@x.example",), id="else the user's own address"),
        pytest.param([], None, (), id="nobody known"),
        pytest.param([], " ", (), id="an empty profile"),
    ],
)
def test_the_summary_goes_to(asked: list[str], email: str | None, expected: tuple[str, ...]) -> None:
    assert receivers(asked, email) == expected
