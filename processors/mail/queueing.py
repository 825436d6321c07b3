"""Mails that go with a notification: a delivery for each who wants one, at the time that they want it."""

from collections.abc import Iterator
from uuid import uuid5

from domain.catalogue import Catalogue
from domain.inbox.notification import SendNotification
from domain.inbox.preferences import Channel
from processors.process import Deliver


def mails(sent: SendNotification, desk: Catalogue) -> Iterator[Deliver]:
    """Of the same events of the ticket; of what is about none, of the notification itself, which is the first event of its stream."""
    of_none = sent.ticket_id is None
    for each in sent.told:
        if Channel.MAIL in each.channels:
            wishes = desk.people[each.person_id].notifications
            yield Deliver(
                uuid5(sent.notification_id, f"mail:{each.person_id}"),
                Channel.MAIL,
                f"person:{each.person_id}",
                sent.ticket_id,
                wishes.mailed_at(sent.happened_at),
                {
                    "kinds": [*each.kinds],
                    "doer": sent.doer.model_dump(),
                    "notification": str(sent.notification_id),
                    "first": 1 if of_none else sent.first,
                    "last": 1 if of_none else sent.last,
                },
                gathered=wishes.digest is not None,
                subject=sent.notification_id if of_none else None,
            )
