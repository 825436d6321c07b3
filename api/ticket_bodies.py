"""What people and programs send about a ticket."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from api.bodies import Body, left_out
from domain.receivers import NOBODY_TOLD, Receivers
from domain.ticket.commands import MOST_FILES, MOST_TAGS
from domain.ticket.escalating import HIGHEST
from domain.ticket.telling import LONGEST
from domain.values import (
    NOBODY,
    Assignee,
    CategoryPath,
    FieldValue,
    Flag,
    Key,
    Message,
    Moment,
    Number,
    Priority,
    Tag,
    Text,
    Title,
    Whole,
)

_PERSON = "0198c0de-0000-7000-8000-000000000001"

Uploads = Annotated[
    tuple[str, ...],
    Field(max_length=MOST_FILES, description="What POST /uploads answered as `upload`; each attaches its file."),
]
Mentions = Annotated[
    tuple[UUID, ...], Field(max_length=50, description="Colleagues whom it speaks to; they may see the ticket then.")
]


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class OpenBody(Body):
    """A new ticket. A requester opens their own, and leaves to the desk what is the desk's."""

    title: Title = Field(examples=["打印机坏了"])
    description: Text = ""
    number: Number | None = Field(default=None, description="Leave it out to get the next free number.")
    fields: dict[Key, FieldValue] = Field(default_factory=dict, max_length=200)
    status: Key | None = None
    priority: Priority = Priority.NORMAL
    type: Key | None = None
    category: CategoryPath = Field(default=(), max_length=20)
    tags: tuple[Tag, ...] = Field(default=(), max_length=MOST_TAGS)
    due_at: Moment | None = None
    requester_id: UUID | None = None
    assignee: Assignee = NOBODY
    uploads: Uploads = ()
    followers: tuple[UUID, ...] = Field(default=(), max_length=100)
    confidential: Message | None = Field(
        default=None, description="Shown only to those who may; each view is recorded."
    )


class EditBody(Body):
    """What is to be different; null takes a value away, what is left out stays."""

    title: Title = Field(default_factory=left_out)
    description: Text | None = None
    fields: dict[Key, FieldValue] = Field(default_factory=dict, max_length=200)
    type: Key | None = None
    category: CategoryPath | None = Field(default=None, max_length=20)
    due_at: Moment | None = None
    requester_id: UUID | None = None

    def changes(self) -> dict[str, Any]:
        """The fields of the command."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        cleared = {name for name, value in given.items() if value is None}
        return {name: value for name, value in given.items() if value is not None} | {"clear": cleared}


class PriorityBody(Body):
    """Another priority."""

    priority: Priority


class StatusBody(Body):
    """Another status, by its key."""

    status: Key


class TagsBody(Body):
    """Tags to put on."""

    tags: frozenset[Tag] = Field(min_length=1, max_length=MOST_TAGS)


class MessageBody(Body):
    """A reply, a note or a remark, with files and mentions."""

    model_config = _example(body="我们正在修。We are on it.")

    body: Message
    uploads: Uploads = ()
    mentions: Mentions = ()


class UrgeBody(Body):
    """Why it is urgent."""

    model_config = _example(body="客户已经等了两天。Any news?")

    body: Message


class EscalateBody(Body):
    """Whom to call to the ticket, and why."""

    model_config = _example(to={"roles": ["lead"]}, reason="The customer's line stands still.")

    level: Whole | None = Field(default=None, ge=1, le=HIGHEST, description="Without one, one more than it has.")
    to: Receivers = NOBODY_TOLD
    team: UUID | None = None
    reason: Text = ""


class NoticeBody(Body):
    """Whom to tell what."""

    model_config = _example(to={"roles": ["handler", "followers"]}, text="The maker sends a new part on Friday.")

    to: Receivers = NOBODY_TOLD
    requester: Flag = Field(default=False, description="The customer too, by mail.")
    text: Text = Field(min_length=1, max_length=LONGEST)


class AttachBody(Body):
    """Uploaded files to put on the ticket."""

    uploads: Annotated[Uploads, Field(min_length=1)]
    internal: Flag = Field(default=False, description="Not for the requester.")


class ClaimBody(Body):
    """How the ticket is taken."""

    accept: Flag = Field(default=False, description="Begin work on it in the same step (领取&受理).")


class TransferBody(Body):
    """Who has the ticket next: a person, a team, several people or a role."""

    model_config = _example(to={"person": _PERSON}, note="Knows this printer.")

    to: Assignee
    note: Text = Field(default="", description="For whoever has it next.")


class ReturnBody(Body):
    """Why the ticket goes back."""

    model_config = _example(reason="不是我们组的问题。It is the network.")

    reason: Message


class RatingBody(Body):
    """How good it was."""

    model_config = _example(stars=5, comment="很快!")

    stars: Whole = Field(ge=1, le=5)
    comment: Text = ""


class SnoozeBody(Body):
    """How long the ticket is put aside."""

    model_config = _example(until="2036-11-24T09:00:00Z")

    until: Moment | None = Field(default=None, description="Left out: until the requester writes.")


class SpamBody(Body):
    """What happens to the sender."""

    block: Flag = Field(default=False, description="The requester can open no more tickets.")
