"""Sends one mail to one address: plain text and HTML side by side.

Not through Apprise, whose mail plugin (1.13) makes the plain text from the HTML, losing every link, and sends what
is meant for `o'brien@lab.example` to `brien@lab.example`.
"""

import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid

from flows.core.errors import NotificationFailed
from flows.core.notify.messages import Message
from flows.core.settings import Mail


def mail(message: Message, address: str, server: Mail) -> None:
    """Hand the message to the mail server.

    Raises:
        NotificationFailed: it was not taken.
    """
    letter = _letter(message, address, server.sender)
    try:
        with _connected(server) as connection:
            connection.send_message(letter)
    except UnicodeError:  # not `from`: the error holds what it could not encode, be it the password
        raise NotificationFailed(f"The mail server {server.host} takes only ASCII names and passwords.") from None
    except (OSError, smtplib.SMTPException) as error:
        raise NotificationFailed(f"The mail server {server.host} took no message: {_reason(error)}.") from error


def _letter(message: Message, address: str, sender: str) -> EmailMessage:
    letter = EmailMessage(policy=SMTP)
    try:
        letter["From"] = sender
        letter["To"] = address
        letter["Subject"] = message.subject
    except (ValueError, IndexError) as error:  # the email package raises either for an address it cannot read
        raise NotificationFailed(f"{address!r} is no e-mail address.", advice="Correct the address.") from error
    letter["Date"] = formatdate(localtime=True)
    letter["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2].rstrip(">"))
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(message.text, cte="quoted-printable")
    letter.add_alternative(message.html, subtype="html", cte="quoted-printable")
    return letter


def _connected(server: Mail) -> smtplib.SMTP:
    trusted = ssl.create_default_context()
    if server.security == "ssl":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout, context=trusted)
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=server.timeout)
    try:
        if server.security == "starttls":
            connection.starttls(context=trusted)
        if server.user and server.password:
            connection.login(server.user, server.password.get_secret_value())
    except (OSError, smtplib.SMTPException):
        connection.close()
        raise
    return connection


def _reason(error: Exception) -> str:
    """What the server said, without the addresses and dialogue that smtplib's own text carries."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _answer(*next(iter(error.recipients.values())))
    if isinstance(error, smtplib.SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)
    return str(error) or type(error).__name__


def _answer(code: int, words: bytes | str) -> str:
    return f"{code} {words.decode('utf-8', 'replace') if isinstance(words, bytes) else words}"
