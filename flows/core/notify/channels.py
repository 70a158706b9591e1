"""Brings a message to its receivers, each by itself, and says of each whether it arrived."""

import logging
from collections.abc import Iterable
from typing import Final

from apprise import Apprise, NotifyFormat, NotifyType

from flows.core.errors import MessageUndeliverable, NotificationFailed
from flows.core.notify.mail import mail
from flows.core.notify.messages import Message, Tone
from flows.core.requests import Failure, Frozen
from flows.core.settings import Notifications

_TYPES: Final[dict[Tone, NotifyType]] = {
    "success": NotifyType.SUCCESS,
    "warning": NotifyType.WARNING,
    "failure": NotifyType.FAILURE,
}


class Delivery(Frozen):
    """What became of a message to one receiver."""

    receiver: str
    failure: Failure | None = None
    """Why it did not arrive, as far as we know it; `None` when it was taken."""


def receivers(asked: Iterable[str], omero_email: str | None) -> tuple[str, ...]:
    """Whom the user's summary goes to: whom the request names, else the address in the user's OMERO profile."""
    return tuple(dict.fromkeys(asked)) or ((omero_email.strip(),) if omero_email and omero_email.strip() else ())


def send(message: Message, receivers: Iterable[str], settings: Notifications) -> tuple[Delivery, ...]:
    """Send the message to each address or channel; one that fails does not stop the others."""
    return tuple(_deliver(message, receiver, settings) for receiver in receivers)


def _deliver(message: Message, receiver: str, settings: Notifications) -> Delivery:
    try:
        if "@" in receiver:
            _mail(message, receiver, settings)
        else:
            _notify_channel(message, receiver, settings)
    except NotificationFailed as failed:
        return Delivery(receiver=receiver, failure=Failure.of(failed.about(receiver)))
    return Delivery(receiver=receiver)


def _mail(message: Message, address: str, settings: Notifications) -> None:
    if settings.mail is None:
        raise MessageUndeliverable(
            "No mail server is configured.", advice="The operator should set notifications.mail."
        )
    mail(message, address, settings.mail)


def _notify_channel(message: Message, name: str, settings: Notifications) -> None:
    if (url := settings.channels.get(name)) is None:
        known = ", ".join(settings.channels) or "none"
        raise MessageUndeliverable("No channel has this name.", advice=f"Configured channels: {known}.")
    _hush()
    channel = Apprise()
    if not channel.add(url.get_secret_value()):
        raise MessageUndeliverable("The address of this channel is none that Apprise understands.")
    taken = channel.notify(
        title=message.subject, body=message.text, body_format=NotifyFormat.TEXT, notify_type=_TYPES[message.tone]
    )
    if not taken:
        raise NotificationFailed("The channel did not take the message.")


def _hush() -> None:
    """Silence what would log a channel's address: it holds the secret (Apprise at warning, urllib3 at debug)."""
    logging.getLogger("apprise").disabled = True
    logging.getLogger("urllib3.connectionpool").disabled = True
