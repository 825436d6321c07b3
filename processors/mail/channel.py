"""The channel mail: at least once, under one Message-ID; what was gathered for a person goes in one message."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from email.message import EmailMessage
from typing import Any

import structlog
from psycopg import Cursor

from eventstore.keyring import Keyring
from processors.channels import Channel
from processors.deliveries import Delivery, Ended, failed
from processors.mail.finding import Dropped, Found, find
from processors.mail.rendering import rendered
from processors.mail.settings import MailSettings
from processors.mail.smtp import OF_THE_SERVER, Outcome, hand_over

log = structlog.get_logger()


class Mail(Channel):
    """Mail by SMTP. Without a server nothing is sent, and what is due is dropped and says so."""

    NAME = "mail"

    def __init__(self, settings: MailSettings, keyring: Keyring) -> None:
        self._settings, self._keyring = settings, keyring

    def send(self, db: Cursor[Any], claimed: Sequence[Delivery], now: Callable[[], datetime]) -> Iterator[list[Ended]]:
        """Drop what has no reason any more, then hand over message by message."""
        if self._settings.smtp_host is None:
            yield [Ended(each, "dropped", "not_set_up") for each in claimed]
            return
        found = find(db, self._keyring, claimed)
        yield [Ended(each.delivery, "dropped", each.outcome) for each in found if isinstance(each, Dropped)]
        made = [(group, self._made(group)) for group in _messages([each for each in found if isinstance(each, Found)])]
        yield [
            _ended(each.delivery, Outcome.REFUSED, now())
            for group, message in made
            if message is None
            for each in group
        ]
        groups = [group for group, message in made if message is not None]
        messages = [message for _, message in made if message is not None]
        outcome = Outcome.SENT
        place = 0
        for place, outcome in enumerate(hand_over(self._settings, messages) if messages else (), 1):
            yield [_ended(each.delivery, outcome, now()) for each in groups[place - 1]]
        # Not tried, since the server is away: an attempt all the same, so that each has its own time to come again.
        yield [_ended(each.delivery, outcome, now()) for group in groups[place:] for each in group]

    def _made(self, group: Sequence[Found]) -> EmailMessage | None:
        """The message; None where none can be made of it, which must not keep the others from going out."""
        try:
            return rendered(group, self._settings)
        except Exception as error:  # noqa: BLE001 - such as an address that is none
            log.error("mail.unsendable", delivery=str(group[0].delivery.delivery_id), error=type(error).__qualname__)
            return None

    def away(self, ended: Sequence[Ended]) -> bool:
        """Whether the server is to blame."""
        return any(each.outcome in OF_THE_SERVER for each in ended)


def _ended(delivery: Delivery, outcome: Outcome, at: datetime) -> Ended:
    if outcome is Outcome.SENT:
        return Ended(delivery, "sent", outcome)
    return failed(delivery, outcome, at, for_good=outcome is Outcome.REFUSED)


def _messages(found: Sequence[Found]) -> list[list[Found]]:
    """Each by itself, but one for all that was gathered for somebody."""
    groups: dict[object, list[Found]] = {}
    for each in found:
        delivery = each.delivery
        key = (delivery.workspace_id, delivery.recipient) if delivery.gathered else delivery.delivery_id
        groups.setdefault(key, []).append(each)
    return list(groups.values())
