"""What is sent to set up fields, forms, types, categories and workflows, and to go through them on a ticket."""

from typing import Any, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field

from api.bodies import Body
from api.setup_bodies import Reasons
from domain.classification import CategoryDefinition, TypeDefinition
from domain.forms import MOST_FIELDS, FieldDefinition, Use
from domain.values import CategoryPath, FieldValue, Key, Line, Message, Text
from domain.workflows import WorkflowDefinition

D = TypeVar("D", bound=BaseModel)


class FieldBody(FieldDefinition, Reasons):
    """A custom field, all of it. An option that is left out is retired."""


class TemplateBody(Reasons):
    """A form, all of it: its fields in their order."""

    title: Line = Field(examples=["事件"])
    uses: tuple[Use, ...] = Field(min_length=1, max_length=MOST_FIELDS, examples=[[{"key": "site", "required": True}]])


class TypeBody(TypeDefinition, Reasons):
    """A type of tickets, all of it."""


class CategorySettingsBody(CategoryDefinition, Reasons):
    """What a branch or leaf of the category tree sets, all of it."""


class CategoryRetiredBody(Reasons):
    """A branch or leaf that takes no more tickets."""

    path: CategoryPath = Field(min_length=1, max_length=10)


class WorkflowBody(WorkflowDefinition, Reasons):
    """A workflow, all of it."""


def parts(body: Reasons, definition: type[D]) -> dict[str, Any]:
    """The definition and the reasons of a body that is both, as a command takes them."""
    given = {name: getattr(body, name) for name in definition.model_fields}
    return {"definition": definition(**given), "why": body.why, "expected": body.expected}


class FormBody(Body):
    """Values of the present form, kept without submitting them."""

    fields: dict[Key, FieldValue] = Field(max_length=MOST_FIELDS)


class StepBody(Body):
    """The present step, done: its form, and the step that is next (下一步处理)."""

    next: Key = Field(examples=["second_line"])
    fields: dict[Key, FieldValue] = Field(default_factory=dict, max_length=MOST_FIELDS)
    note: Text = ""


class NewestFormBody(Body):
    """The step of the newest workflow to go on at; the present one, if left out."""

    node: Key | None = None


class ApprovalBody(Body):
    """Who is asked: all of them must approve (会签), or any one may (或签). Without approvers, the step's own once more."""

    mode: Literal["all", "any"] = "all"
    approvers: tuple[UUID, ...] = Field(default=(), max_length=50)
    note: Text = ""


class ApproverBody(Body):
    """One more to ask (加签)."""

    person_id: UUID


class ApproveBody(Body):
    """A word with the approval."""

    note: Text = ""


class RefuseBody(Body):
    """Why it is refused."""

    reason: Message
