"""Sends one mail to one address: plain text and HTML side by side.

Not through Apprise, whose mail plugin (1.13) makes the plain text from the HTML, losing every link, and sends what
is meant for `o'brien@lab.example` to `brien@lab.example`.
"""

import re
import smtplib
import ssl
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formatdate, make_msgid

from flows.core.errors import MessageUndeliverable, NotificationFailed
from flows.core.notify.messages import Message
from flows.core.settings import Mail

_ADDRESS = re.compile(r"(?P<user>[^@\s,;<>]+)@(?P<domain>[^@\s,;<>]+)")
"""As `requests.Receiver`: what comes from an OMERO profile was not looked at before."""


def mail(message: Message, address: str, server: Mail) -> None:
    """Hand the message to the mail server.

    Raises:
        NotificationFailed: it was not taken.
    """
    letter = _letter(message, address, server.sender, formatdate(localtime=True))
    try:
        with _connection(server) as connection:
            _introduce(connection, server)
            connection.send_message(letter)
    except UnicodeError:  # not `from`: the error holds what it could not encode, be it the password
        raise NotificationFailed(f"The mail server {server.host} takes only ASCII names and passwords.") from None
    except (OSError, smtplib.SMTPException) as error:
        raise NotificationFailed(f"The mail server {server.host} took no message: {_reason(error)}.") from error


def write_mail(message: Message, address: str, sender: str, when: datetime) -> str:
    """Return the message as it is handed to a mail server, dated as of `when`; the same each time."""
    letter = _letter(message, address, sender, format_datetime(when))
    del letter["Message-ID"]
    return letter.as_bytes().decode()


def _letter(message: Message, address: str, sender: str, date: str) -> EmailMessage:
    letter = EmailMessage(policy=SMTP)
    letter["From"] = sender
    letter["To"] = _address(address)
    letter["Subject"] = message.subject
    letter["Date"] = date
    letter["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2].rstrip(">"))
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(message.text, cte="quoted-printable")
    letter.add_alternative(message.html, subtype="html", cte="quoted-printable")
    return letter


def _address(text: str) -> Address:
    if not (parts := _ADDRESS.fullmatch(text)):
        raise MessageUndeliverable(f"{text!r} is no e-mail address.")
    return Address(username=parts["user"], domain=parts["domain"])


def _connection(server: Mail) -> smtplib.SMTP:
    if server.security == "ssl":
        trusted = ssl.create_default_context()
        return smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout, context=trusted)
    return smtplib.SMTP(server.host, server.port, timeout=server.timeout)


def _introduce(connection: smtplib.SMTP, server: Mail) -> None:
    if server.security == "starttls":
        connection.starttls(context=ssl.create_default_context())
    if server.user and server.password:
        connection.login(server.user, server.password.get_secret_value())


def _reason(error: Exception) -> str:
    """What the server said, without the addresses and dialogue that smtplib's own text carries."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _answer(*next(iter(error.recipients.values())))
    if isinstance(error, smtplib.SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)
    return str(error) or type(error).__name__


def _answer(code: int, words: bytes | str) -> str:
    return f"{code} {words.decode('utf-8', 'replace') if isinstance(words, bytes) else words}"
