"""Drafts (保存工单, A2): a ticket kept before it is submitted, and a form saved at any step without submitting it."""

from typing import Any

from domain.event import Actor, Content
from domain.ticket.commands import OpenTicket, TicketCommand
from domain.ticket.events import TicketEvent
from domain.values import FieldValue, Key


class TicketDrafted(TicketEvent, name="ticket.drafted", version=1, creates=True):
    """Somebody began to write a ticket; only they see it until it is submitted."""

    number: str
    author: Actor
    form: Content[dict[str, Any]]


class TicketDraftSaved(TicketEvent, name="ticket.draft_saved", version=1):
    """The draft was written on; the whole form as it is now."""

    form: Content[dict[str, Any]]


class TicketFormSaved(TicketEvent, name="ticket.form_saved", version=1):
    """The form of the present step was saved without submitting it; all of it as it is now."""

    fields: Content[dict[str, Any]]


class DraftTicket(OpenTicket):
    """Keep a ticket that is not submitted yet; everything may be missing. Again for the same number: the newest counts."""

    title: str = ""


class SubmitDraft(TicketCommand):
    """Open the ticket as it was drafted; what is missing or wrong is refused as when opening one."""


class DiscardDraft(TicketCommand):
    """Throw the draft away: its content is erased."""


class SaveForm(TicketCommand):
    """Save the form of the present step; the handler stays, nothing is submitted."""

    fields: dict[Key, FieldValue]
