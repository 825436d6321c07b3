"""Every operation of the API beside what it does: a command, whose permission the domain's own table names, or a permission."""

from dataclasses import dataclass
from typing import Any

from domain import actions, organisation, requester, saved_view, workspace
from domain import requester_ties as rt
from domain.command import DECIDERS, Command
from domain.inbox import reading
from domain.permissions import Permission
from domain.setup import (
    calendars,
    classification,
    forms,
    macros,
    notifications,
    organisations,
    policies,
    roles,
    rules,
    staff,
    statuses,
    streaming,
    tags,
    teams,
    webhooks,
    workflows,
)
from domain.ticket import commands as c
from domain.ticket import (
    confidential,
    drafting,
    escalating,
    flowing,
    handling,
    marking,
    messages,
    settling,
    telling,
    ties,
    undoing,
)

_P = Permission
Does = type[Command] | Permission | None


@dataclass(frozen=True)
class Case:
    """One operation. `does` None asks for no permission; `body` None is the example of the API description.

    `more` where the request asks for further rights, which the example's content decides; `instead` is a permission that
    does as well as the one that it needs.
    """

    does: Does
    method: str
    path: str
    body: Any = None
    more: bool = False
    instead: Permission | None = None

    @property
    def needs(self) -> Permission | None:
        """The permission that it needs, of the table that every decision reads."""
        return DECIDERS[self.does][1] if isinstance(self.does, type) else self.does

    @property
    def name(self) -> str:
        """As test reports have it."""
        return f"{self.method} {self.path}"


_T = "/tickets/{number}"
_A = "/tickets/{number}/approvals"
# What is done to one ticket: refused where it is out of reach.
ON_TICKETS = (
    Case(c.EditTicket, "PATCH", _T),
    Case(c.ChangePriority, "PUT", f"{_T}/priority", {"priority": "urgent"}),
    Case(c.AssignTicket, "PUT", f"{_T}/assignment", {"person": "{colleague}"}),
    Case(c.MoveTicket, "PUT", f"{_T}/status", {"status": "pending"}),
    Case(c.ResolveTicket, "POST", f"{_T}/resolve"),
    Case(c.ReopenTicket, "POST", f"{_T}/reopen"),
    Case(c.CloseTicket, "POST", f"{_T}/close"),
    Case(c.TagTicket, "POST", f"{_T}/tags"),
    Case(c.TagTicket, "DELETE", f"{_T}/tags/{{tag}}"),
    Case(c.EraseTicket, "DELETE", _T),
    Case(handling.LookAtTicket, "POST", f"{_T}/looks"),
    Case(handling.AcceptTicket, "POST", f"{_T}/accept"),
    Case(handling.ClaimTicket, "POST", f"{_T}/claim"),
    Case(handling.TransferTicket, "POST", f"{_T}/transfer", {"to": {"person": "{colleague}"}, "note": "n"}),
    Case(handling.ReturnTicket, "POST", f"{_T}/return"),
    Case(handling.UrgeTicket, "POST", f"{_T}/urges"),
    Case(escalating.EscalateTicket, "POST", f"{_T}/escalations"),
    Case(telling.NotifyPeople, "POST", f"{_T}/notices"),
    Case(settling.ConfirmTicket, "POST", f"{_T}/confirm"),
    Case(settling.RateTicket, "PUT", f"{_T}/rating"),
    Case(marking.FollowTicket, "PUT", f"{_T}/followers/{{colleague}}"),
    Case(marking.UnfollowTicket, "DELETE", f"{_T}/followers/{{colleague}}"),
    Case(marking.SnoozeTicket, "POST", f"{_T}/snooze"),
    Case(marking.WakeTicket, "POST", f"{_T}/wake"),
    Case(marking.PinTicket, "PUT", f"{_T}/pin"),
    Case(marking.UnpinTicket, "DELETE", f"{_T}/pin"),
    Case(marking.MarkSpam, "PUT", f"{_T}/spam"),
    Case(marking.UnmarkSpam, "DELETE", f"{_T}/spam"),
    Case(marking.ArchiveTicket, "PUT", f"{_T}/archive"),
    Case(marking.UnarchiveTicket, "DELETE", f"{_T}/archive"),
    Case(drafting.SaveForm, "PUT", f"{_T}/form"),
    Case(flowing.SubmitStep, "POST", f"{_T}/steps"),
    Case(flowing.MoveToForm, "POST", f"{_T}/form/newest"),
    Case(flowing.RequestApproval, "POST", _A, {"approvers": ["{colleague}"]}),
    Case(flowing.AddApprover, "POST", f"{_A}/{{id}}/approvers", {"person_id": "{colleague}"}),
    Case(flowing.GiveApproval, "POST", f"{_A}/{{id}}/approve"),
    Case(flowing.RefuseApproval, "POST", f"{_A}/{{id}}/refuse"),
    Case(flowing.WithdrawApproval, "POST", f"{_A}/{{id}}/withdraw"),
    Case(c.ReplyToTicket, "POST", f"{_T}/replies"),
    Case(c.NoteOnTicket, "POST", f"{_T}/notes"),
    Case(messages.RemarkOnTicket, "POST", f"{_T}/remarks"),
    Case(messages.AttachToTicket, "POST", f"{_T}/attachments", {"uploads": ["{upload}"]}),
    Case(messages.RemoveAttachment, "DELETE", f"{_T}/attachments/{{id}}"),
    Case(messages.RedactMessage, "POST", f"{_T}/messages/{{id}}/redaction"),
    Case(actions.ActOnTicket, "POST", f"{_T}/actions", {"actions": [{"do": "add_tags", "tags": ["a"]}]}, more=True),
    Case(_P.WORKSPACE_VIEW, "POST", f"{_T}/macros/{{macro}}", more=True),
    Case(undoing.UndoCommand, "POST", f"{_T}/undo", {"command_id": "{command}"}, more=True),
    Case(confidential.SetConfidential, "PUT", f"{_T}/confidential"),
    Case(confidential.ViewConfidential, "POST", f"{_T}/confidential/views"),
    Case(ties.MergeTicket, "POST", f"{_T}/merge", {"into": "{other}"}),
    Case(ties.UndoMerge, "DELETE", f"{_T}/merge"),
    Case(ties.SplitTicket, "POST", f"{_T}/splits"),
    Case(ties.UndoSplit, "DELETE", f"{_T}/splits/{{other}}"),
    Case(ties.LinkTicket, "POST", f"{_T}/links", {"relation": "related", "other": "{other}"}),
    Case(ties.UnlinkTicket, "DELETE", f"{_T}/links/{{relation}}/{{other}}"),
)
# What is read of one ticket.
OF_TICKETS = (
    Case(_P.TICKET_VIEW, "GET", _T),
    Case(_P.TICKET_VIEW, "GET", f"{_T}/timeline"),
    Case(_P.TICKET_VIEW, "GET", f"{_T}/form"),
    Case(_P.TICKET_VIEW, "GET", f"{_T}/attachments/{{id}}"),
    Case(_P.HISTORY_VIEW, "GET", f"{_T}/history"),
    Case(_P.HISTORY_VIEW, "GET", f"{_T}/ties"),
    Case(_P.HISTORY_VIEW, "GET", f"{_T}/rules"),
    Case(_P.WORKSPACE_VIEW, "GET", f"{_T}/sla"),
    Case(_P.RULE_EDIT, "GET", f"{_T}/backtests/{{id}}", more=True, instead=_P.REPORT_EDIT),
    Case(_P.WORKSPACE_VIEW, "GET", f"{_T}/canned-replies/{{reply}}"),
)
SET_UP = (
    Case(statuses.OrderStatuses, "PUT", "/statuses/order"),
    Case(workspace.AddStatus, "POST", "/statuses"),
    Case(statuses.RenameStatus, "PATCH", "/statuses/{key}"),
    Case(statuses.AllowMoves, "PUT", "/statuses/{key}/moves"),
    Case(statuses.RetireStatus, "PUT", "/statuses/{key}/retired"),
    Case(statuses.RestoreStatus, "DELETE", "/statuses/{key}/retired"),
    Case(workspace.AddCategory, "POST", "/categories"),
    Case(classification.SetCategory, "PUT", "/categories/settings"),
    Case(classification.RetireCategory, "PUT", "/categories/retired"),
    Case(forms.SetField, "PUT", "/fields/{key}"),
    Case(forms.RetireField, "PUT", "/fields/{key}/retired"),
    Case(forms.SetTemplate, "PUT", "/templates/{key}"),
    Case(forms.RetireTemplate, "PUT", "/templates/{key}/retired"),
    Case(classification.SetType, "PUT", "/types/{key}"),
    Case(classification.RetireType, "PUT", "/types/{key}/retired"),
    Case(workflows.SetWorkflow, "PUT", "/workflows/{key}"),
    Case(workflows.RetireWorkflow, "PUT", "/workflows/{key}/retired"),
    Case(workspace.AddPerson, "POST", "/people", {"name": "N", "role": "agent"}, more=True),
    Case(staff.ChangePerson, "PATCH", "/people/{spare}"),
    Case(staff.ReactivatePerson, "POST", "/people/{spare}/reactivation", more=True),
    Case(workspace.ChangeRole, "PUT", "/people/{spare}/role", more=True),
    Case(workspace.ChangeTeams, "PUT", "/people/{spare}/teams"),
    Case(_P.ACCESS_EDIT, "PUT", "/people/{spare}/login", more=True),
    Case(workspace.DeactivatePerson, "DELETE", "/people/{id}"),
    Case(staff.SetDuty, "PUT", "/me/duty"),
    Case(staff.SetDuty, "PUT", "/people/{spare}/duty", more=True),
    Case(notifications.SetNotifications, "PUT", "/me/notification-preferences"),
    Case(staff.SetSkills, "PUT", "/people/{spare}/skills"),
    Case(staff.SetLoadLimit, "PUT", "/people/{spare}/load-limit"),
    Case(staff.SetShifts, "PUT", "/people/{spare}/shifts"),
    Case(staff.AddAbsence, "POST", "/people/{spare}/absences", more=True),
    Case(staff.RemoveAbsence, "DELETE", "/people/{spare}/absences/{id}", more=True),
    Case(workspace.AddTeam, "POST", "/teams"),
    Case(teams.RenameTeam, "PATCH", "/teams/{team}"),
    Case(teams.SetTeamLeads, "PUT", "/teams/{team}/leads"),
    Case(teams.RetireTeam, "PUT", "/teams/{id}/retired"),
    Case(teams.RestoreTeam, "DELETE", "/teams/{team}/retired"),
    Case(roles.SetRole, "PUT", "/roles/{key}", more=True),
    Case(roles.RetireRole, "PUT", "/roles/{key}/retired"),
    Case(tags.SetTag, "POST", "/tags"),
    Case(tags.RenameTag, "POST", "/tags/renaming"),
    Case(tags.MergeTags, "POST", "/tags/merging"),
    Case(tags.RetireTag, "DELETE", "/tags/{tag}"),
    Case(macros.SetMacro, "PUT", "/macros/{key}", more=True),
    Case(macros.RetireMacro, "PUT", "/macros/{key}/retired"),
    Case(macros.SetCannedReply, "PUT", "/canned-replies/{key}"),
    Case(macros.RetireCannedReply, "PUT", "/canned-replies/{key}/retired"),
    Case(calendars.SetCalendar, "PUT", "/calendars/{key}"),
    Case(calendars.RetireCalendar, "PUT", "/calendars/{key}/retired"),
    Case(calendars.SetTeamCalendar, "PUT", "/teams/{team}/calendar"),
    Case(calendars.SetDefaultCalendar, "PUT", "/default-calendar"),
    Case(streaming.SetStream, "PUT", "/stream"),
    Case(policies.SetPolicy, "PUT", "/policies/{key}"),
    Case(policies.RetirePolicy, "PUT", "/policies/{key}/retired"),
    Case(policies.SetPolicy, "PUT", "/default-policy"),
    Case(rules.SetRule, "PUT", "/rules/{key}", more=True),
    Case(rules.RetireRule, "PUT", "/rules/{key}/retired"),
    Case(rules.OrderRules, "PUT", "/rule-order"),
    Case(webhooks.SetWebhook, "PUT", "/webhooks/{key}"),
    Case(webhooks.RotateWebhookSecret, "POST", "/webhooks/{key}/secret"),
    Case(webhooks.PauseWebhook, "PUT", "/webhooks/{key}/paused"),
    Case(webhooks.ResumeWebhook, "PUT", "/webhooks/{key}/resumed"),
    Case(webhooks.RetireWebhook, "PUT", "/webhooks/{key}/retired"),
    Case(_P.RULE_EDIT, "POST", "/rules/{key}/backtest", more=True, instead=_P.REPORT_EDIT),
    Case(_P.RULE_EDIT, "POST", "/policies/{key}/backtest", more=True, instead=_P.REPORT_EDIT),
)
OF_CUSTOMERS = (
    Case(requester.RegisterRequester, "POST", "/requesters"),
    Case(requester.ChangeRequester, "PATCH", "/requesters/{requester}"),
    Case(_P.ACCESS_EDIT, "PUT", "/requesters/{requester}/login", more=True),
    Case(rt.BlockRequester, "PUT", "/requesters/{requester}/blocked"),
    Case(rt.UnblockRequester, "DELETE", "/requesters/{requester}/blocked"),
    Case(rt.MergeRequester, "PUT", "/requesters/{requester}/merge"),
    Case(rt.UndoRequesterMerge, "DELETE", "/requesters/{requester}/merge"),
    Case(requester.EraseRequester, "DELETE", "/requesters/{id}"),
    Case(organisation.AddOrganisation, "POST", "/organisations"),
    Case(organisation.ChangeOrganisation, "PATCH", "/organisations/{id}"),
    Case(organisations.MergeOrganisation, "PUT", "/organisations/{id}/merge"),
    Case(organisations.UndoOrganisationMerge, "DELETE", "/organisations/{id}/merge"),
    Case(organisation.EraseOrganisation, "DELETE", "/organisations/{id}"),
)
AT_LARGE = (
    Case(c.OpenTicket, "POST", "/tickets", {"title": "t"}),
    Case(drafting.DraftTicket, "POST", "/drafts"),
    Case(drafting.DraftTicket, "PUT", "/drafts/{draft}", {"title": "t"}),
    Case(drafting.SubmitDraft, "POST", "/drafts/{draft}/submission"),
    Case(drafting.DiscardDraft, "DELETE", "/drafts/{draft}"),
    Case(reading.ReadNotifications, "POST", "/me/notifications/read"),
    Case(saved_view.SaveView, "POST", "/views"),
    Case(saved_view.SaveView, "PUT", "/views/{id}"),
    Case(saved_view.RemoveView, "DELETE", "/views/{id}"),
    Case(_P.TICKET_VIEW, "POST", "/tickets/search"),
    Case(
        _P.TICKET_BULK, "POST", "/bulk", {"numbers": ["1"], "actions": [{"do": "add_tags", "tags": ["a"]}]}, more=True
    ),
    Case(_P.TICKET_BULK, "POST", "/bulk/assignments", more=True),
    Case(_P.TICKET_BULK, "POST", "/bulk/{id}/undo", more=True),
    Case(_P.EXPORT, "POST", "/exports", more=True),
    Case(_P.IMPORT, "POST", "/import-files"),
    Case(_P.IMPORT, "POST", "/imports"),
    Case(_P.ACCESS_EDIT, "POST", "/api-keys", more=True),
    Case(_P.ACCESS_EDIT, "DELETE", "/api-keys/{id}"),
    Case(_P.WORKSPACE_EDIT, "POST", "/deliveries/retry"),
    Case(_P.WORKSPACE_EDIT, "POST", "/deliveries/{id}/retry"),
    Case(_P.WORKSPACE_EDIT, "POST", "/webhooks/{key}/test"),
    Case(_P.WORKSPACE_EDIT, "POST", "/webhooks/{key}/redelivery"),
    Case(_P.WORKSPACE_EDIT, "POST", "/webhooks/{key}/deliveries/{id}/redelivery"),
    Case(_P.WORKSPACE_EDIT, "POST", "/processors/letters/{letter}/retry"),
    Case(_P.WORKSPACE_EDIT, "POST", "/processors/letters/{letter}/skip"),
    # Asked for nothing, or for any one of several: who may, the handler says.
    Case(None, "POST", "/uploads", more=True),
    Case(None, "POST", "/jobs/{id}/cancel"),
    Case(None, "DELETE", "/session"),
    Case(None, "DELETE", "/sessions"),
)
READS = (
    Case(_P.TICKET_VIEW, "GET", "/tickets"),
    Case(_P.TICKET_VIEW, "GET", "/tickets/board"),
    Case(_P.TICKET_VIEW, "GET", "/search?q=printer"),
    Case(_P.TICKET_OPEN, "GET", "/drafts"),
    Case(_P.TICKET_OPEN, "GET", "/drafts/{draft}"),
    Case(_P.TICKET_OPEN, "GET", "/forms"),
    Case(_P.EVENTS_VIEW, "GET", "/events?wait=false"),
    Case(_P.REQUESTER_VIEW, "GET", "/requesters"),
    Case(_P.REQUESTER_VIEW, "GET", "/requesters/{requester}"),
    Case(_P.REQUESTER_VIEW, "GET", "/requesters/{requester}/card", more=True),
    Case(_P.REQUESTER_VIEW, "GET", "/organisations"),
    Case(_P.REQUESTER_VIEW, "GET", "/organisations/{id}"),
    Case(_P.REQUESTER_VIEW, "GET", "/organisations/{id}/card", more=True),
    Case(_P.ACCESS_EDIT, "GET", "/api-keys"),
    Case(_P.RULE_EDIT, "GET", "/rules/{key}/versions/{version}/comparison", instead=_P.REPORT_EDIT),
    Case(_P.RULE_EDIT, "GET", "/policies/{key}/versions/{version}/comparison", instead=_P.REPORT_EDIT),
    Case(_P.WORKSPACE_EDIT, "GET", "/processors"),
    Case(_P.WORKSPACE_EDIT, "GET", "/processors/letters"),
    Case(_P.WORKSPACE_EDIT, "GET", "/deliveries"),
    Case(_P.WORKSPACE_EDIT, "GET", "/webhooks"),
    Case(_P.WORKSPACE_EDIT, "GET", "/webhooks/{key}"),
    Case(_P.WORKSPACE_EDIT, "GET", "/webhooks/{key}/deliveries"),
    *(
        Case(_P.WORKSPACE_VIEW, "GET", path)
        for path in [
            "/workspace",
            "/statuses",
            "/categories",
            "/categories/settings",
            "/fields",
            "/templates",
            "/templates/{key}/versions",
            "/types",
            "/workflows",
            "/workflows/{key}/versions",
            "/people",
            "/people/loads",
            "/teams",
            "/roles",
            "/tags",
            "/tags/usage",
            "/macros",
            "/canned-replies",
            "/calendars",
            "/calendars/{key}/versions",
            "/calendars/{key}/hours?from=2026-11-23T00:00:00Z&to=2026-11-24T00:00:00Z",
            "/holiday-presets",
            "/stream",
            "/policies",
            "/policies/{key}/versions",
            "/rules",
            "/rules/{key}",
            "/rules/{key}/versions",
            "/views",
            "/views/{view}/tickets",
            "/me/notifications",
            "/me/notifications/live?wait=false",
            "/me/notification-preferences",
        ]
    ),
    *(
        Case(None, "GET", path)
        for path in [
            "/session",
            "/me",
            "/jobs",
            "/jobs/{id}",
            "/jobs/{id}/items",
            "/jobs/{id}/errors",
            "/jobs/{id}/file",
        ]
    ),
)
EVERYWHERE = (*SET_UP, *OF_CUSTOMERS, *AT_LARGE, *READS)
EVERYTHING = (*ON_TICKETS, *OF_TICKETS, *EVERYWHERE)
# Nobody is asked who they are.
OPEN = {"POST /session", "GET /health/live", "GET /health/ready", "GET /metrics"}
# Commands that nobody gives over HTTP, and why.
WITHOUT_ROUTE = {
    "CreateWorkspace": "an operator's, on the command line",
    "ExtendCatalogue": "of imports, which make what their rows name",
    "SendNotification": "of what happens to tickets: people are told by a process",
    "KeepPromises": "of the clock: what is due comes due by itself",
    "RecordExport": "of exports, which are recorded by the job",
    "ConfirmTicketErasure": "follows when the key is gone",
    "ConfirmRequesterErasure": "follows when the key is gone",
    "ConfirmOrganisationErasure": "follows when the key is gone",
    "TellChange": "of imports: what happened elsewhere",
    "TellOpening": "of imports: what happened elsewhere",
    "TellUpdate": "of imports: what happened elsewhere",
    "ReportRefusal": "of rules that could not do what they were to",
    "CallWebhook": "an action among others, of rules, macros and bulk changes",
    "ReportCut": "of rules that went in circles",
    "AbsorbTicket": "the other side of a merge",
    "ReleaseTicket": "the other side of a merge taken back",
    "OpenSplit": "the other side of a split",
    "WithdrawSplit": "the other side of a split taken back",
    "KeepSplit": "where a split could not be taken back",
    "LinkBack": "the other side of a link",
    "UnlinkBack": "the other side of a link taken away",
    "AbsorbRequester": "the other side of a merge",
    "ReleaseRequester": "the other side of a merge taken back",
}
