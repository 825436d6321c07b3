"""Drafts (保存工单, A2): a ticket kept before it is submitted, and a form saved at any step without submitting it."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints, ValidationError

from domain.catalogue import Catalogue
from domain.command import CONTEXT_FIELDS, Decision, decides, evolves
from domain.copying import replace
from domain.errors import Refusal
from domain.event import Actor, Content, Secret
from domain.permissions import Permission
from domain.ticket.commands import MOST_FILES, OpenTicket, TicketCommand
from domain.ticket.decisions import TicketNumberTaken, begun
from domain.ticket.events import TicketErasureRequested, TicketEvent
from domain.ticket.state import Ticket, UnknownTicket
from domain.values import Attachment, FieldValue, Key, OneLine, same_value


class TicketDrafted(TicketEvent, name="ticket.drafted", version=1, creates=True):
    """Somebody began to write a ticket; only they see it until it is submitted."""

    number: str
    author: Actor
    form: Secret[dict[str, Any]]


class TicketDraftSaved(TicketEvent, name="ticket.draft_saved", version=1):
    """The draft was written on; the whole form as it is now."""

    form: Secret[dict[str, Any]]


class TicketFormSaved(TicketEvent, name="ticket.form_saved", version=1):
    """The form of the present step was saved without submitting it; all of it as it is now."""

    fields: Content[dict[str, Any]]


class DraftTicket(OpenTicket):
    """Keep a ticket that is not submitted yet; everything may be missing. With the number that it got: the newest counts.

    Files come when it is submitted: those that nothing names are swept away.
    """

    title: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), OneLine] = ""
    attachments: tuple[()] = ()


class SubmitDraft(TicketCommand):
    """Open the ticket as it was drafted; what is missing or wrong is refused as when opening one."""

    attachments: tuple[Attachment, ...] = Field(default=(), max_length=MOST_FILES)
    # As of OpenTicket.
    pick: UUID | None = Field(default=None, exclude=True)


class DiscardDraft(TicketCommand):
    """Throw the draft away: its content is erased."""


class SaveForm(TicketCommand):
    """Save the form of the present step; the handler stays, nothing is submitted."""

    fields: dict[Key, FieldValue] = Field(max_length=200)


class DraftIncomplete(Refusal):
    """What was drafted is not yet what a ticket needs."""

    code = "draft_incomplete"
    status = 422
    sentence = "The draft cannot be submitted yet. Look at: {fields}."


_NOT_OF_THE_FORM = CONTEXT_FIELDS | {"number", "attachments"}


@decides(DraftTicket, needs=Permission.TICKET_OPEN)
def draft(command: DraftTicket, ticket: Ticket, _: Catalogue) -> Decision:
    """Only their author writes on a draft; what is kept is not judged before it is submitted."""
    if ticket.opened:
        raise TicketNumberTaken(number=command.number or ticket.number)
    form = command.model_dump(mode="json", exclude=set(_NOT_OF_THE_FORM), exclude_defaults=True)
    if ticket.drafted_by is None and not command.number:
        return [TicketDrafted(number=ticket.number, author=command.author, form=form)]
    must_be_their_draft(command.number, command.author, ticket)
    return [] if same_value(form, ticket.draft) else [TicketDraftSaved(form=form)]


def must_be_their_draft(number: str, author: Actor, ticket: Ticket) -> None:
    """Raise unless it is a draft of theirs; to others it is not there."""
    if ticket.opened or ticket.erasing or ticket.drafted_by != author:
        raise UnknownTicket(number=number)


@decides(SubmitDraft, needs=Permission.TICKET_OPEN)
def submit(command: SubmitDraft, ticket: Ticket, desk: Catalogue) -> Decision:
    """The same events as those of a ticket that was never a draft."""
    must_be_their_draft(command.number, command.author, ticket)
    return begun(_opening(command, ticket), Ticket(number=command.number), desk)


def _opening(command: SubmitDraft, ticket: Ticket) -> OpenTicket:
    context = {name: getattr(command, name) for name in CONTEXT_FIELDS | {"number", "attachments", "pick"}}
    form = ticket.draft if isinstance(ticket.draft, dict) else {}
    try:
        return OpenTicket(**form, **context)
    except ValidationError as error:
        wrong = {str(each["loc"][0]) for each in error.errors(include_input=False, include_url=False)}
        raise DraftIncomplete(fields=", ".join(sorted(wrong))) from None


@decides(DiscardDraft, needs=Permission.TICKET_OPEN)
def discard(command: DiscardDraft, ticket: Ticket, _: Catalogue) -> Decision:
    """Asks for its content to be erased; once is enough."""
    if ticket.erasing and not ticket.opened and ticket.drafted_by == command.author:
        return []
    must_be_their_draft(command.number, command.author, ticket)
    return [TicketErasureRequested(reason="draft discarded")]


@decides(SaveForm, needs=Permission.TICKET_EDIT)
def save_form(command: SaveForm, ticket: Ticket, _: Catalogue) -> Decision:
    """Not judged before it is submitted."""
    ticket.must_be_open(command.number)
    return [] if same_value(command.fields, ticket.flow.saved) else [TicketFormSaved(fields=command.fields)]


@evolves(TicketDrafted)
def _(_: Ticket, event: TicketDrafted) -> Ticket:
    return Ticket(number=event.number, drafted_by=event.author, draft=event.form)


@evolves(TicketDraftSaved)
def _(ticket: Ticket, event: TicketDraftSaved) -> Ticket:
    return replace(ticket, draft=event.form)


@evolves(TicketFormSaved)
def _(ticket: Ticket, event: TicketFormSaved) -> Ticket:
    return replace(ticket, flow=replace(ticket.flow, saved=event.fields))
