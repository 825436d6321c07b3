"""One event of every type that people, teams, roles, tags, macros, requesters and organisations can have."""

from datetime import UTC, datetime
from uuid import UUID

from domain import organisation, requester
from domain import requester_ties as ties
from domain.event import Event
from domain.setup import macros, organisations, roles, staff, statuses, tags, teams
from domain.values import Contact

ID = UUID("018f0000-0000-7000-8000-000000000001")
OTHER = UUID("018f0000-0000-7000-8000-000000000002")
FROM, UNTIL = datetime(2026, 12, 24, tzinfo=UTC), datetime(2026, 12, 27, tzinfo=UTC)
WHY = {"why": "Peak season", "expected": "Fewer tickets in the wrong place"}
NIGHT = staff.Hours(weekday=4, starts=1320, ends=1800)
CONTACTS = (Contact(kind="WeChat", value="wang-xm"), Contact(kind="Office", value="+86 10 4321"))
COMPANY = {"domains": ("example.cn",), "contacts": CONTACTS, "tier": "gold", "plan": "premium", "tags": ("vip",)}

SAMPLES_STAFF: tuple[Event, ...] = (
    statuses.StatusRenamed(key="waiting", title="等待配件", previous="Waiting for parts", **WHY),
    statuses.StatusesOrdered(order=("open", "new"), previous=("new", "open"), **WHY),
    statuses.StatusRetired(key="waiting", **WHY),
    statuses.StatusRestored(key="waiting"),
    statuses.MovesAllowed(key="new", to=("open",), previous=None, **WHY),
    teams.TeamRenamed(team_id=ID, title="Payments", previous="Billing"),
    teams.TeamLeadsSet(team_id=ID, leads=(OTHER,), previous=()),
    teams.TeamRetired(team_id=ID),
    teams.TeamRestored(team_id=ID),
    staff.PersonChanged(person_id=OTHER, person_name="Ann Lee", email="ann.lee@example.com"),
    staff.PersonReactivated(person_id=OTHER),
    staff.SkillsSet(person_id=OTHER, skills={"french": 3, "network": 5}, previous={"french": 2}),
    staff.LoadLimitSet(person_id=OTHER, limit=20, previous=None),
    staff.DutyChanged(person_id=OTHER, on_duty=False),
    staff.AbsenceAdded(person_id=OTHER, absence_id=ID, starts=FROM, ends=UNTIL),
    staff.AbsenceRemoved(person_id=OTHER, absence_id=ID),
    staff.ShiftsSet(person_id=OTHER, shifts=(NIGHT,), zone="Asia/Shanghai", previous=(), previous_zone="UTC"),
    roles.RoleSet(
        key="hardware_agent",
        title="Hardware agent",
        permissions=("ticket.reply", "ticket.view"),
        types=("incident",),
        categories=(("Hardware", "Printers"),),
        **WHY,
    ),
    roles.RoleRetired(key="hardware_agent", **WHY),
    tags.TagSet(tag="printer", colour="#ff8800"),
    tags.TagRetired(tag="printer"),
    tags.TagRenamed(tag="printer", to="打印机"),
    tags.TagMerged(tag="printers", into="打印机"),
    macros.MacroSet(key="close_spam", title="Close as spam", actions=({"do": "add_tags", "tags": ["spam"]},), **WHY),
    macros.MacroRetired(key="close_spam", **WHY),
    macros.CannedReplySet(key="thanks", title="Thanks", body="Thank you for {{ticket.number}}."),
    macros.CannedReplyRetired(key="thanks"),
    requester.RequesterClassified(tier="gold", plan="premium", organisation_id=ID, tags=("vip",)),
    requester.RequesterContactsSet(contacts=CONTACTS),
    ties.RequesterWasBlocked(ticket="1001"),
    ties.RequesterWasUnblocked(),
    ties.RequesterMergedInto(into=OTHER, brings=(ID,)),
    ties.RequesterMergeUndone(into=OTHER),
    ties.RequesterAbsorbed(absorbed=OTHER, brings=(ID,)),
    ties.RequesterReleased(released=OTHER),
    organisation.OrganisationAdded(organisation_name="示例公司", **COMPANY),
    organisation.OrganisationChanged(organisation_name="Example Ltd", **COMPANY | {"tier": None}),
    organisation.OrganisationErasureRequested(reason="asked by mail"),
    organisation.OrganisationWasErased(),
    organisations.OrganisationMerged(organisation_id=ID, into=OTHER),
    organisations.OrganisationMergeUndone(organisation_id=ID, into=OTHER),
)
