"""The language of actions: what macros, bulk actions and rules do to a ticket, as data; several are decided as one."""

from abc import abstractmethod
from functools import reduce
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from domain.access import allow
from domain.catalogue import Catalogue
from domain.command import CONTEXT_FIELDS, Decision, decider, decides, evolve
from domain.errors import InvalidInput, Refusal
from domain.permissions import Permission
from domain.receivers import NOBODY_TOLD, Receivers
from domain.ticket import calling, escalating, handling, marking, messages, telling
from domain.ticket import commands as c
from domain.ticket.state import Ticket
from domain.values import (
    Assignee,
    CategoryPath,
    FieldValue,
    Flag,
    Key,
    Line,
    Message,
    Moment,
    Priority,
    Tags,
    Text,
    Whole,
)

MOST_ACTIONS = 50
_Mentions = Annotated[tuple[UUID, ...], Field(max_length=50)]


class OneAction(BaseModel):
    """The common part: `do` names the action, the rest is what it needs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    do: str

    @abstractmethod
    def command(self, context: dict[str, Any]) -> c.TicketCommand:
        """The command that it stands for, in that context."""


class _Plain(OneAction):
    """An action whose fields are its command's."""

    COMMAND: ClassVar[type[c.TicketCommand]]

    def command(self, context: dict[str, Any]) -> c.TicketCommand:
        asked = {name: value for name, value in self if name != "do"}
        return self.COMMAND(**asked, **context)


class SetStatus(_Plain):
    """Move to a status that may follow."""

    COMMAND = c.MoveTicket
    do: Literal["set_status"]
    status: Key


class SetPriority(_Plain):
    """Set the priority."""

    COMMAND = c.ChangePriority
    do: Literal["set_priority"]
    priority: Priority


class _Edit(OneAction):
    """An action that sets one field, or with None takes its value away."""

    FIELD: ClassVar[str]

    def command(self, context: dict[str, Any]) -> c.TicketCommand:
        value = getattr(self, self.FIELD)
        if value is None or value == ():
            return c.EditTicket(clear=frozenset({self.FIELD}), **context)
        return c.EditTicket(**{self.FIELD: value}, **context)


class SetType(_Edit):
    """Set the type."""

    FIELD = "type"
    do: Literal["set_type"]
    type: Key | None


class SetCategory(_Edit):
    """File it in the category tree."""

    FIELD = "category"
    do: Literal["set_category"]
    category: CategoryPath = Field(max_length=20)


class SetDue(_Edit):
    """Say when it is due."""

    FIELD = "due_at"
    do: Literal["set_due"]
    due_at: Moment | None


class SetRequester(_Edit):
    """Say whom it is for."""

    FIELD = "requester_id"
    do: Literal["set_requester"]
    requester_id: UUID | None


class SetField(OneAction):
    """Set a custom field, or with null take its value away."""

    do: Literal["set_field"]
    field: Key
    value: FieldValue

    def command(self, context: dict[str, Any]) -> c.TicketCommand:
        return c.EditTicket(fields={self.field: self.value}, **context)


class AddTags(OneAction):
    """Put tags on."""

    do: Literal["add_tags"]
    tags: Tags = Field(min_length=1, max_length=c.MOST_TAGS)

    def command(self, context: dict[str, Any]) -> c.TicketCommand:
        return c.TagTicket(add=self.tags, **context)


class RemoveTags(OneAction):
    """Take tags off."""

    do: Literal["remove_tags"]
    tags: Tags = Field(min_length=1, max_length=c.MOST_TAGS)

    def command(self, context: dict[str, Any]) -> c.TicketCommand:
        return c.TagTicket(remove=self.tags, **context)


class Assign(_Plain):
    """Make somebody responsible, or nobody."""

    COMMAND = c.AssignTicket
    do: Literal["assign"]
    to: Assignee


class Transfer(_Plain):
    """Hand it on, with a note."""

    COMMAND = handling.TransferTicket
    do: Literal["transfer"]
    to: Assignee
    note: Text = ""


class Claim(_Plain):
    """Take it; with `accept`, begin work on it too."""

    COMMAND = handling.ClaimTicket
    do: Literal["claim"]
    accept: Flag = False


class Return(_Plain):
    """Give it back to who had it before."""

    COMMAND = handling.ReturnTicket
    do: Literal["return"]
    reason: Message


class Urge(_Plain):
    """Ask for haste."""

    COMMAND = handling.UrgeTicket
    do: Literal["urge"]
    body: Message


class Escalate(_Plain):
    """Call others to it, one level up or up to the given one; with `team`, that team gets it."""

    COMMAND = escalating.EscalateTicket
    do: Literal["escalate"]
    level: Whole | None = Field(default=None, ge=1, le=escalating.HIGHEST)
    to: Receivers = NOBODY_TOLD
    team: UUID | None = None
    reason: Text = ""


class Notify(_Plain):
    """Tell people of the desk in their inboxes, with `requester` the customer by mail."""

    COMMAND = telling.NotifyPeople
    do: Literal["notify"]
    to: Receivers = NOBODY_TOLD
    requester: Flag = False
    text: Text = Field(min_length=1, max_length=telling.LONGEST)


class Webhook(_Plain):
    """Tell a webhook of it."""

    COMMAND = calling.CallWebhook
    do: Literal["webhook"]
    webhook: Key


class Reply(_Plain):
    """Write to the requester."""

    COMMAND = c.ReplyToTicket
    do: Literal["reply"]
    body: Message
    mentions: _Mentions = ()


class Note(_Plain):
    """Write to colleagues."""

    COMMAND = c.NoteOnTicket
    do: Literal["note"]
    body: Message
    mentions: _Mentions = ()


class Remark(_Plain):
    """Add to the description."""

    COMMAND = messages.RemarkOnTicket
    do: Literal["remark"]
    body: Message


class Follow(OneAction):
    """Make a colleague follow it, or follow it oneself."""

    do: Literal["follow", "unfollow"]
    person_id: UUID | None = None

    def command(self, context: dict[str, Any]) -> c.TicketCommand:
        kind = marking.FollowTicket if self.do == "follow" else marking.UnfollowTicket
        if self.person_id is None and context["by"].kind != "person":
            raise InvalidInput(field="person_id", reason="say who: only people follow a ticket")
        return kind(person_id=self.person_id or UUID(context["by"].id), **context)


class Snooze(_Plain):
    """Put it aside until a time, or until the requester writes."""

    COMMAND = marking.SnoozeTicket
    do: Literal["snooze"]
    until: Moment | None = None


class Delete(_Plain):
    """Delete it for ever. The reason stays readable, so nothing personal belongs in it."""

    COMMAND = c.EraseTicket
    do: Literal["delete"]
    reason: Line


class Mark(OneAction):
    """What needs nothing but its name."""

    do: Literal[
        "accept",
        "resolve",
        "reopen",
        "close",
        "archive",
        "unarchive",
        "pin",
        "unpin",
        "wake",
        "mark_spam",
        "unmark_spam",
    ]

    def command(self, context: dict[str, Any]) -> c.TicketCommand:
        return _MARKS[self.do](**context)


_MARKS: dict[str, type[c.TicketCommand]] = {
    "accept": handling.AcceptTicket,
    "resolve": c.ResolveTicket,
    "reopen": c.ReopenTicket,
    "close": c.CloseTicket,
    "archive": marking.ArchiveTicket,
    "unarchive": marking.UnarchiveTicket,
    "pin": marking.PinTicket,
    "unpin": marking.UnpinTicket,
    "wake": marking.WakeTicket,
    "mark_spam": marking.MarkSpam,
    "unmark_spam": marking.UnmarkSpam,
}

Action = Annotated[
    SetStatus
    | SetPriority
    | SetType
    | SetCategory
    | SetDue
    | SetRequester
    | SetField
    | AddTags
    | RemoveTags
    | Assign
    | Transfer
    | Claim
    | Return
    | Urge
    | Escalate
    | Notify
    | Webhook
    | Reply
    | Note
    | Remark
    | Follow
    | Snooze
    | Delete
    | Mark,
    Field(discriminator="do"),
]
Actions = Annotated[tuple[Action, ...], Field(min_length=1, max_length=MOST_ACTIONS)]
ACTIONS: TypeAdapter[tuple[Action, ...]] = TypeAdapter(Actions)


class ActOnTicket(c.TicketCommand):
    """Several actions on one ticket, decided in order as one: all of them or none."""

    actions: Actions


@decides(ActOnTicket, needs=Permission.TICKET_VIEW)
def act(command: ActOnTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """Each action finds the ticket as those before it left it. A refusal says which one it was."""
    context = {name: getattr(command, name) for name in CONTEXT_FIELDS}
    events: Decision = []
    made: Decision = []
    for place, action in enumerate(command.actions):
        ticket = reduce(evolve, made, ticket)
        # Messages take their id from the command's.
        context["command_id"] = uuid5(command.command_id, str(place))
        try:
            made = _decided(action.command({**context, "number": command.number}), ticket, desk)
        except Refusal as refusal:
            raise _placed(refusal, place, action.do) from None
        events += made
    return events


def _decided(step: c.TicketCommand, ticket: Ticket, desk: Catalogue) -> Decision:
    function, needed = decider(step)
    # The reach was asked for the whole: whoever transfers a ticket away may still tag it in the same breath.
    allow(step, needed, None, desk)
    return function(step, ticket, desk)


def _placed(refusal: Refusal, place: int, do: str) -> Refusal:
    """The same refusal, naming the action that was refused; places count from 1."""
    refusal.fields |= {"action": place + 1, "do": do}
    refusal.args = (f"Action {place + 1} ({do}): {refusal}",)
    return refusal
