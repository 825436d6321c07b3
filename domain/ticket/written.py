"""What somebody wrote for a ticket, or about it: in which event it is, and under which name."""

from collections.abc import Mapping

from domain.event import Event
from domain.ticket import events as e
from domain.ticket import handling, messages, settling

# What people say to one another. Confidential text, drafts and the keys of files are told nowhere.
SAID: Mapping[type[Event], str] = {
    e.TicketReplied: "body",
    e.TicketNoted: "body",
    messages.TicketRemarked: "body",
    handling.TicketUrged: "body",
    handling.TicketTransferred: "note",
    handling.TicketReturned: "reason",
    settling.TicketRated: "comment",
}
