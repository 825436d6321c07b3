"""Setting up fields, forms, types and categories, and what running tickets keep of them (B1-B3, B12)."""

import pytest

from domain.classification import (
    CategoryDefinition,
    CategorySettings,
    MayNotHandle,
    RetiredCategory,
    TypeDefinition,
    UnknownType,
)
from domain.conditions import parse
from domain.errors import InvalidInput, NotAllowed, UnknownTeam
from domain.field_values import FieldKind, Option
from domain.forms import FieldDefinition, InvalidField, InvalidForm, Use
from domain.rulebook import RetiredSetup, UnknownSetup
from domain.setup import classification as k
from domain.setup import forms as f
from domain.setup.uses import StillInUse
from domain.setup.workflows import WorkflowSet
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.flowing import MoveToForm, TicketFormPinned
from domain.values import NOBODY, Assignee, Pinned
from domain.workspace import CategoryAdded
from tests.domain.kit import ANN, BILLING, BOB, DESK, NETWORK, decided, given, id_of, opened, person, wish
from tests.domain.setups import READY, SEATS, desk_after, site

REASONS = {"why": "Asked every time.", "expected": "Fewer questions."}


def setting(kind, desk=READY, **asked):
    return decided(wish(kind, **asked), desk, desk)


def test_a_field_is_set_up_with_who_why_and_what_is_expected():
    (event,) = setting(f.SetField, DESK, key="seats", definition=SEATS, **REASONS).events
    assert (event.field.key, event.why, event.expected) == ("seats", *REASONS.values())
    setting(f.SetField, key="seats", definition=SEATS).then_nothing()


def test_an_agent_sets_up_nothing():
    given(desk=DESK).when(f.SetField, by=person("ann"), key="x", definition=SEATS).then_refused(NotAllowed)


def test_a_field_is_of_its_kind_for_ever():
    line = FieldDefinition(title="Seats", kind=FieldKind.LINE)
    setting(f.SetField, key="seats", definition=line).then_refused(InvalidForm, key="seats")


def test_a_renamed_option_shows_on_old_tickets_and_makes_no_new_version():
    renamed = site().model_copy(update={"options": (Option(id="office", title="Bureau"), site().options[1])})
    (event,) = setting(f.SetField, key="site", definition=renamed).events
    assert isinstance(event, f.FieldSet)
    desk = desk_after(READY, f.SetField, key="site", definition=renamed)
    assert desk.form_of(Pinned(key="report", version=1)).fields["site"].options[0].title == "Bureau"


def test_an_option_that_is_left_out_is_retired_and_old_tickets_may_still_have_it():
    desk = desk_after(READY, f.SetField, key="site", definition=site("office", "home"))
    assert [(o.id, o.retired) for o in desk.fields["site"].options] == [
        ("office", False),
        ("home", False),
        ("plant", True),
    ]
    before = (opened(type="incident"), TicketFormPinned(template=Pinned(key="report", version=1), workflow=None))
    old = given(*before, desk=desk).when(c.EditTicket, fields={"site": "plant"})
    old.then(e.TicketFieldsSet(fields={"site": "plant"}, previous={"site": None}))
    given(*before, desk=desk).when(c.EditTicket, fields={"site": "home"}).then_refused(InvalidField)
    new = given(desk=desk).when(c.OpenTicket, title="t", type="incident", fields={"site": "plant"})
    assert "must be one of office, home." in new.then_refused(InvalidField)


def test_a_changed_field_makes_new_versions_of_forms_and_workflows_with_it():
    cheaper = READY.fields["cost"].model_dump(exclude={"key", "retired"}) | {"max": 10}
    outcome = setting(f.SetField, key="cost", definition=FieldDefinition(**cheaper), **REASONS)
    _, template, workflow = outcome.events
    assert (template.template.key, template.template.version, template.why) == ("repair", 2, REASONS["why"])
    assert isinstance(workflow, WorkflowSet)
    assert workflow.workflow.templates == (Pinned(key="repair", version=2),)
    assert READY.workflow("desk").templates == (Pinned(key="repair", version=1),)


def test_a_changed_template_never_breaks_old_tickets():
    uses = (Use(key="site"), Use(key="cost", required=True))
    desk = desk_after(READY, f.SetTemplate, key="report", title="Report", uses=uses)
    pinned = TicketFormPinned(template=Pinned(key="report", version=1), workflow=None)
    old = given(opened(type="incident"), pinned, desk=desk)
    old.when(c.EditTicket, fields={"seats": 3}).then(e.TicketFieldsSet(fields={"seats": 3}, previous={"seats": None}))
    moved = given(opened(type="incident"), pinned, desk=desk).when(MoveToForm)
    assert moved.events[0].template == Pinned(key="report", version=2)


def test_the_same_template_again_changes_nothing():
    uses = READY.template("report").uses
    setting(f.SetTemplate, key="report", title="Report", uses=uses).then_nothing()


def test_a_template_names_known_live_fields_once():
    setting(f.SetTemplate, key="x", title="X", uses=(Use(key="nope"),)).then_refused(UnknownSetup, what="field")
    setting(f.SetTemplate, key="x", title="X", uses=(Use(key="site"),) * 2).then_refused(InvalidForm)
    bad = Use(key="seats", default="many")
    setting(f.SetTemplate, key="x", title="X", uses=(bad,)).then_refused(InvalidForm, key="seats")


def test_what_is_in_use_is_not_retired():
    said = setting(f.RetireField, key="site").then_refused(StillInUse, what="field")
    assert "the template «report»" in said
    assert "the type «incident»" in setting(f.RetireTemplate, key="report").then_refused(StillInUse)
    assert "the workflow «desk»" in setting(f.RetireTemplate, key="repair").then_refused(StillInUse)


def test_what_another_field_is_shown_by_is_not_retired():
    shown = FieldDefinition(
        title="Row", kind=FieldKind.LINE, visible_if=parse({"field": "fields.seats", "op": "gt", "value": 9})
    )
    desk = desk_after(DESK, f.SetField, key="seats", definition=SEATS)
    desk = desk_after(desk, f.SetField, key="row", definition=shown)
    assert "the field «row»" in setting(f.RetireField, desk, key="seats").then_refused(StillInUse)
    desk = desk_after(desk, f.RetireField, key="row")
    desk_after(desk, f.RetireField, key="seats")


@pytest.mark.parametrize(("op", "value"), [("is", "nope"), ("is_any_of", ["plant", "nope"]), ("has_all", ["nope"])])
def test_no_field_waits_for_an_option_that_there_is_not(op, value):
    shown = FieldDefinition(
        title="Hall", kind=FieldKind.LINE, visible_if=parse({"field": "fields.site", "op": op, "value": value})
    )
    assert "«nope»" in setting(f.SetField, key="hall_2", definition=shown).then_refused(InvalidForm, key="hall_2")
    for fine in ({"field": "fields.site", "op": "is", "value": "plant"}, {"field": "fields.site", "op": "is_set"}):
        assert setting(f.SetField, key="hall_2", definition=shown.model_copy(update={"visible_if": parse(fine)})).events


def test_a_retired_field_takes_no_new_values_and_keeps_the_old():
    desk = desk_after(desk_after(DESK, f.SetField, key="seats", definition=SEATS), f.RetireField, key="seats")
    before = given(opened(fields={"seats": 4}), desk=desk)
    assert "no longer in use" in before.when(c.EditTicket, fields={"seats": 5}).then_refused(InvalidField)
    before.when(c.EditTicket, fields={"seats": 4}).then_nothing()
    setting(f.RetireField, desk, key="seats").then_nothing()
    again = desk_after(desk, f.SetField, key="seats", definition=SEATS)
    assert not again.fields["seats"].retired


def test_a_retired_template_begins_no_ticket():
    desk = desk_after(READY, k.SetType, key="incident", definition=TypeDefinition(title="事件"))
    desk = desk_after(desk, f.RetireTemplate, key="report")
    again = TypeDefinition(title="事件", template="report")
    setting(k.SetType, desk, key="incident", definition=again).then_refused(RetiredSetup)


def test_without_types_any_is_taken_and_with_types_only_theirs():
    assert given().when(c.OpenTicket, title="t", type="anything").events[0].type == "anything"
    given(desk=READY).when(c.OpenTicket, title="t", type="anything").then_refused(UnknownType, types="incident")
    given(opened(), desk=READY).when(c.EditTicket, type="anything").then_refused(UnknownType)
    retired = desk_after(READY, k.RetireType, key="incident")
    given(desk=retired).when(c.OpenTicket, title="t", type="incident").then_refused(UnknownType)
    given(opened(type="incident"), desk=retired).when(c.EditTicket, title="t").then(
        e.TicketRetitled(title="t", previous="打印机坏了")
    )


def test_a_type_is_never_below_itself():
    below = TypeDefinition(title="Outage", parent="incident")
    desk = desk_after(READY, k.SetType, key="outage", definition=below)
    ring = TypeDefinition(title="事件", parent="outage")
    setting(k.SetType, desk, key="incident", definition=ring).then_refused(InvalidInput, field="parent")
    setting(k.RetireType, desk, key="incident").then_refused(StillInUse)
    setting(k.SetType, desk, key="x", definition=TypeDefinition(title="X", team=ANN)).then_refused(UnknownTeam)


def test_the_leaf_decides_before_the_branch_and_the_branch_before_the_type():
    def set_category(desk, *path, **settings):
        return desk_after(desk, k.SetCategory, definition=CategoryDefinition(path=path, **settings))

    desk = desk_after(DESK, k.SetType, key="base", definition=TypeDefinition(title="Base", team=BILLING, people=(ANN,)))
    desk = desk_after(desk, k.SetType, key="fault", definition=TypeDefinition(title="Fault", parent="base"))
    assert desk.settings_for("fault", ()).team == BILLING
    desk = set_category(desk, "Hardware", team=NETWORK)
    desk = set_category(desk, "Hardware", "Printer", people=(BOB,))
    leaf = desk.settings_for("fault", ("Hardware", "Printer"))
    assert (leaf.team, leaf.people) == (NETWORK, {BOB})
    nearer = set_category(desk, "Hardware", "Printer", team=BILLING)
    assert nearer.settings_for("fault", ("Hardware", "Printer")).team == BILLING
    assert desk.may_handle(ANN, "fault", ("Hardware",))
    assert not desk.may_handle(ANN, "fault", ("Hardware", "Printer"))
    assigned = given(opened(category=("Hardware", "Printer")), desk=desk).when(c.AssignTicket, to=Assignee(person=ANN))
    assigned.then_refused(MayNotHandle, person=ANN)


def test_a_ticket_of_nobody_goes_to_the_default_team():
    definition = CategoryDefinition(path=("Hardware", "Scanner"), team=NETWORK)
    added, *_ = setting(k.SetCategory, DESK, definition=definition).events
    assert added == CategoryAdded(path=("Hardware", "Scanner"))
    desk = desk_after(DESK, k.SetCategory, definition=definition)
    path = ("Hardware", "Scanner")
    _, assigned = given(desk=desk).when(c.OpenTicket, title="t", category=path).events
    assert assigned == e.TicketAssigned(assignee=Assignee(team=NETWORK), previous=NOBODY)
    (opening,) = given(desk=desk).when(c.OpenTicket, title="t", category=path, assignee={"person": ANN}).events
    assert opening.assignee == Assignee(person=ANN)


def test_a_retired_branch_takes_no_tickets_below_it():
    desk = desk_after(DESK, k.RetireCategory, path=("Hardware",))
    assert desk.category_settings == {("Hardware",): CategorySettings(path=("Hardware",), retired=True)}
    given(desk=desk).when(c.OpenTicket, title="t", category=("Hardware", "Printer")).then_refused(RetiredCategory)
    given(opened(), desk=desk).when(c.EditTicket, category=("Hardware",)).then_refused(RetiredCategory)
    setting(k.RetireCategory, desk, path=("Hardware",)).then_nothing()
    setting(k.RetireCategory, desk, path=("Nope",)).then_refused(InvalidInput)


def test_internal_fields_are_hidden_from_requesters():
    desk = desk_after(DESK, f.SetField, key="risk", definition=SEATS.model_copy(update={"internal": True}))
    assert desk.public({"risk": 3, "room": "B-12"}) == {"room": "B-12"}
    zoe = person("zoe").model_copy(update={"kind": "requester"})
    asked = {"number": "", "title": "t", "fields": {"risk": 3}}
    given(desk=desk).when(c.OpenTicket, by=zoe, **asked).then_refused(InvalidField, field="risk")


@pytest.mark.parametrize("files", [(), (id_of("photo"),)])
def test_a_file_field_names_a_file_that_came_with_the_ticket(files):
    desk = desk_after(DESK, f.SetField, key="photo", definition=FieldDefinition(title="Photo", kind=FieldKind.FILE))
    came = [
        {"attachment_id": file, "name": "p", "media_type": "image/png", "size": 1, "sha256": "0" * 64, "key": "k"}
        for file in files
    ]
    asked = {"title": "t", "fields": {"photo": str(id_of("photo"))}, "attachments": came}
    outcome = given(desk=desk).when(c.OpenTicket, **asked)
    assert (outcome.refusal is None) == bool(files)
