"""Who may do what: one table, read by every decision."""

import pytest

from domain.aggregates import decide
from domain.command import DECIDERS, Command
from domain.errors import NotAllowed, UnknownPerson
from domain.event import SYSTEM, Actor
from domain.permissions import PERMISSIONS, Permission, RoleName
from domain.ticket import commands as c
from domain.workspace import AddCategory, CreateWorkspace, UnknownWorkspace
from tests.domain.kit import DESK, NOON, given, id_of, opened, person

COMMANDS = sorted(DECIDERS, key=lambda command: command.__name__)

# Which commands each role may give; the table in domain/permissions.py is checked against this one, in the users' words.
LOOKING = {"LookAtTicket", "ActOnTicket"}
ASKING = {
    "OpenTicket DraftTicket SubmitDraft DiscardDraft ReplyToTicket RemarkOnTicket AttachToTicket UrgeTicket",
    "CloseTicket ConfirmTicket SetConfidential",
}
RATING = {"RateTicket"}
WATCHING = {
    "AssignTicket TransferTicket NoteOnTicket FollowTicket UnfollowTicket UrgeTicket EscalateTicket",
    "NotifyPeople",
}
WORKING = {
    "EditTicket SaveForm ChangePriority TagTicket NoteOnTicket AssignTicket AcceptTicket ClaimTicket TransferTicket",
    "ReturnTicket EscalateTicket NotifyPeople CallWebhook MoveTicket ResolveTicket ReopenTicket FollowTicket UnfollowTicket",
    "PinTicket UnpinTicket SnoozeTicket WakeTicket MarkSpam UnmarkSpam UndoCommand",
    "MergeTicket UndoMerge AbsorbTicket ReleaseTicket SplitTicket UndoSplit OpenSplit WithdrawSplit KeepSplit",
    "LinkTicket LinkBack UnlinkTicket UnlinkBack",
    "SubmitStep MoveToForm RequestApproval AddApprover GiveApproval RefuseApproval WithdrawApproval",
    "RegisterRequester ChangeRequester AddOrganisation ChangeOrganisation",
    "SetDuty AddAbsence RemoveAbsence",
}
LEADING = {
    "ArchiveTicket UnarchiveTicket ViewConfidential SetSkills SetLoadLimit SetShifts BlockRequester UnblockRequester",
    "MergeRequester UndoRequesterMerge AbsorbRequester ReleaseRequester MergeOrganisation UndoOrganisationMerge",
}
OF_ONES_OWN = {"SaveView RemoveView ReadNotifications SetNotifications"}
EXPORTING = {"RecordExport"}


def _words(*groups: set[str]) -> set[str]:
    return {word for group in groups for line in group for word in line.split()}


EVERYTHING = {command.__name__ for command in DECIDERS}
MAY = {
    RoleName.REQUESTER: _words(LOOKING, ASKING, RATING),
    RoleName.AGENT: _words(LOOKING, ASKING, WORKING, OF_ONES_OWN),
    RoleName.LEAD: _words(LOOKING, ASKING, WORKING, LEADING, OF_ONES_OWN, EXPORTING),
    RoleName.ADMIN: EVERYTHING - RATING,
    RoleName.AUDITOR: _words(LOOKING, OF_ONES_OWN, EXPORTING),
    RoleName.ANALYST: _words(LOOKING, OF_ONES_OWN, EXPORTING),
    RoleName.CONTROL_ROOM: _words(LOOKING, WATCHING, OF_ONES_OWN),
}
# Checked where there is no command: reading, and what a router or a background job asks for.
ASKED_ELSEWHERE = {
    Permission.HISTORY_VIEW,
    Permission.EVENTS_VIEW,
    Permission.REQUESTER_VIEW,
    Permission.SAVED_VIEW_SHARE,
    Permission.REPORT_EDIT,
    Permission.TICKET_BULK,
}


def bare(command: type[Command], by: Actor) -> Command:
    """Nothing but an envelope: who may not do a thing is refused before anything else is looked at."""
    return command.model_construct(workspace_id=id_of("w"), by=by, at=NOON, command_id=id_of("c"), number="T-1")


@pytest.mark.parametrize("role", RoleName)
def test_a_role_may_give_these_commands_and_no_others(role):
    may = {command.__name__ for command, (_, needed) in DECIDERS.items() if needed in PERMISSIONS[role]}
    assert may == MAY[role]


@pytest.mark.parametrize("role", RoleName)
def test_who_lacks_a_permission_is_told_which_and_whom_to_ask(role):
    kind = "requester" if role is RoleName.REQUESTER else "person"
    actor = Actor(kind=kind, id=str(id_of(role)))
    for command in COMMANDS:
        needed = DECIDERS[command][1]
        if needed not in PERMISSIONS[role]:
            with pytest.raises(NotAllowed, match="Ask an admin") as refused:
                decide(bare(command, actor), None, DESK)
            assert refused.value.fields == {"permission": needed, "role": role}


def test_everybody_sees_tickets_and_only_staff_the_desk():
    assert all(Permission.TICKET_VIEW in may for may in PERMISSIONS.values())
    assert [role for role, may in PERMISSIONS.items() if Permission.WORKSPACE_VIEW not in may] == [RoleName.REQUESTER]


@pytest.mark.parametrize("who", ["left", "Billing", "nobody"])
@pytest.mark.parametrize("command", COMMANDS)
def test_who_is_not_on_the_desk_does_nothing(command, who):
    with pytest.raises(UnknownPerson):
        decide(bare(command, person(who)), None, DESK)


@pytest.mark.parametrize(
    "actor",
    [
        Actor(kind="person", id="not a uuid"),
        Actor(kind="person", id=""),
        Actor(kind="unheard_of", id=str(id_of("admin"))),
    ],
)
def test_an_actor_of_no_known_kind_is_refused(actor):
    given(opened()).when(c.ChangePriority, by=actor, priority="high").then_refused(UnknownPerson)


@pytest.mark.parametrize("command", [command for command in COMMANDS if command is not CreateWorkspace])
def test_where_no_workspace_is_nothing_can_be_done(command):
    empty = type(DESK)()
    with pytest.raises(UnknownWorkspace):
        decide(bare(command, SYSTEM), None, empty)


def test_a_person_cannot_open_a_workspace_of_their_own():
    empty = type(DESK)()
    given(desk=empty).when(CreateWorkspace, by=person("admin"), slug="x", title="X").then_refused(UnknownPerson)


def test_the_system_is_not_asked():
    assert len(given().when(AddCategory, by=SYSTEM, path=("Software",)).events) == 1


def test_every_permission_is_needed_by_some_command_or_asked_for_elsewhere():
    needed = {needs for _, needs in DECIDERS.values()}
    assert set(Permission) - needed == ASKED_ELSEWHERE


def test_a_customer_has_the_rights_of_a_customer_whatever_their_id():
    for name in ("zoe", "admin"):
        actor = Actor(kind="requester", id=str(id_of(name)))
        given(opened(requester_id=id_of(name))).when(c.ChangePriority, by=actor, priority="high").then_refused(
            NotAllowed
        )
