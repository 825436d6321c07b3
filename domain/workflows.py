"""Workflows: steps, who does each, its form, who must approve, and which step may be next (B5, B12)."""

from collections.abc import Iterable, Mapping
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Limited

from domain.errors import Refusal
from domain.values import NOBODY, Assignee, Flag, Key, Line, Pinned

MOST_NODES = 100


class InvalidWorkflow(Refusal):
    """A graph in which a ticket would be lost."""

    code = "invalid_workflow"
    status = 422
    sentence = "The step «{node}» {reason}."


class StepApproval(BaseModel):
    """Who must agree before the step can be left: all of them (会签) or any one (或签)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["all", "any"] = "all"
    approvers: tuple[UUID, ...] = Limited(min_length=1, max_length=50)


class Node(BaseModel):
    """A step. With `claim` «system» one of the participants gets the ticket, otherwise they claim it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Key
    title: Line
    participants: Assignee = NOBODY
    claim: Literal["agents", "system"] = "agents"
    template: Key | None = None
    next: tuple[Key, ...] = Limited(default=(), max_length=50)
    approval: StepApproval | None = None
    ends: Flag = False


class WorkflowDefinition(BaseModel):
    """A graph of steps as it is set up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Line
    start: Key
    nodes: tuple[Node, ...] = Limited(min_length=1, max_length=MOST_NODES)


class Workflow(WorkflowDefinition):
    """One version of a workflow, with the versions of its steps' forms."""

    key: Key
    version: int
    templates: tuple[Pinned, ...] = ()
    retired: bool = False

    def node(self, key: str | None) -> Node | None:
        """The step of that key."""
        return next((node for node in self.nodes if node.key == key), None)

    def form_of(self, node: Node) -> Pinned | None:
        """The step's form."""
        return next((pinned for pinned in self.templates if pinned.key == node.template), None)


def check_graph(definition: WorkflowDefinition) -> None:
    """Raise InvalidWorkflow unless every step is reached and leads to an end."""
    nodes = {node.key: node for node in definition.nodes}
    if len(nodes) < len(definition.nodes):
        keys = [node.key for node in definition.nodes]
        _refuse(next(key for key in keys if keys.count(key) > 1), "is there twice")
    if definition.start not in nodes:
        _refuse(definition.start, "is the start, but there is no such step")
    if nodes[definition.start].ends:
        _refuse(definition.start, "is the start and the end at once")
    for node in definition.nodes:
        _check_node(node, nodes)
    after = {key: node.next for key, node in nodes.items()}
    if lost := nodes.keys() - _reached([definition.start], after):
        _refuse(min(lost), "cannot be reached from the start")
    before = {key: [node.key for node in nodes.values() if key in node.next] for key in nodes}
    if stuck := nodes.keys() - _reached([key for key, node in nodes.items() if node.ends], before):
        _refuse(min(stuck), "does not lead to a step that ends the workflow")


def _check_node(node: Node, nodes: Mapping[str, Node]) -> None:
    if unknown := [key for key in node.next if key not in nodes]:
        _refuse(node.key, f"names a next step that does not exist: {', '.join(unknown)}")
    if node.ends and (node.next or node.approval or node.template):
        _refuse(node.key, "ends the workflow, so it has no next step, no approval and no form")
    if node.claim == "system" and node.participants == NOBODY:
        _refuse(node.key, "has the system pick who gets it, but names nobody to pick from")


def _reached(start: Iterable[str], ways: Mapping[str, Iterable[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(start)
    while waiting:
        key = waiting.pop()
        if key not in seen:
            seen.add(key)
            waiting.extend(ways[key])
    return seen


def _refuse(node: str, reason: str) -> None:
    raise InvalidWorkflow(node=node, reason=reason)
