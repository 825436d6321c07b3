"""Roles and what they may do (B7, G3). One table, read by the decider, the API, the tests and the docs."""

from enum import StrEnum


class Permission(StrEnum):
    """One thing that somebody may be allowed to do."""

    TICKET_VIEW = "ticket.view"
    TICKET_OPEN = "ticket.open"
    TICKET_EDIT = "ticket.edit"
    TICKET_REPLY = "ticket.reply"
    TICKET_NOTE = "ticket.note"
    TICKET_ASSIGN = "ticket.assign"
    TICKET_CLAIM = "ticket.claim"
    TICKET_TRANSFER = "ticket.transfer"
    TICKET_RETURN = "ticket.return"
    TICKET_URGE = "ticket.urge"
    TICKET_ESCALATE = "ticket.escalate"
    TICKET_MOVE = "ticket.move"
    TICKET_CLOSE = "ticket.close"
    TICKET_CONFIRM = "ticket.confirm"
    TICKET_RATE = "ticket.rate"
    TICKET_SUBMIT = "ticket.submit"
    TICKET_APPROVE = "ticket.approve"
    TICKET_FOLLOW = "ticket.follow"
    TICKET_MARK = "ticket.mark"
    TICKET_ARCHIVE = "ticket.archive"
    TICKET_LINK = "ticket.link"
    TICKET_MERGE = "ticket.merge"
    TICKET_UNDO = "ticket.undo"
    TICKET_BULK = "ticket.bulk"
    TICKET_REDACT = "ticket.redact"
    TICKET_ERASE = "ticket.erase"
    CONFIDENTIAL_VIEW = "confidential.view"
    CONFIDENTIAL_EDIT = "confidential.edit"
    HISTORY_VIEW = "history.view"
    EVENTS_VIEW = "events.view"
    EXPORT = "export"
    IMPORT = "import"
    REQUESTER_VIEW = "requester.view"
    REQUESTER_EDIT = "requester.edit"
    REQUESTER_MERGE = "requester.merge"
    REQUESTER_BLOCK = "requester.block"
    REQUESTER_ERASE = "requester.erase"
    SAVED_VIEW_SHARE = "saved_view.share"
    DUTY_EDIT = "duty.edit"
    TEAM_EDIT = "team.edit"
    RULE_EDIT = "rule.edit"
    REPORT_EDIT = "report.edit"
    WORKSPACE_VIEW = "workspace.view"
    WORKSPACE_EDIT = "workspace.edit"
    ACCESS_EDIT = "access.edit"


class RoleName(StrEnum):
    """The built-in roles. A requester is no person of the desk: the role is theirs alone, and only over their own tickets."""

    REQUESTER = "requester"
    AGENT = "agent"
    LEAD = "lead"
    ADMIN = "admin"
    AUDITOR = "auditor"
    ANALYST = "analyst"
    CONTROL_ROOM = "control_room"


_P = Permission
_REQUESTER = frozenset(
    {
        _P.TICKET_VIEW,
        _P.TICKET_OPEN,
        _P.TICKET_REPLY,
        _P.TICKET_URGE,
        _P.TICKET_CLOSE,
        _P.TICKET_CONFIRM,
        _P.CONFIDENTIAL_EDIT,
    }
)
# A desk that rates itself says nothing: no role of those who work on it may.
OF_REQUESTERS_ALONE = frozenset({_P.TICKET_RATE})
_AGENT = _REQUESTER | {
    _P.TICKET_EDIT,
    _P.TICKET_NOTE,
    _P.TICKET_ASSIGN,
    _P.TICKET_CLAIM,
    _P.TICKET_TRANSFER,
    _P.TICKET_RETURN,
    _P.TICKET_ESCALATE,
    _P.TICKET_MOVE,
    _P.TICKET_SUBMIT,
    _P.TICKET_APPROVE,
    _P.TICKET_FOLLOW,
    _P.TICKET_MARK,
    _P.TICKET_LINK,
    _P.TICKET_MERGE,
    _P.TICKET_UNDO,
    _P.HISTORY_VIEW,
    _P.EVENTS_VIEW,
    _P.REQUESTER_VIEW,
    _P.REQUESTER_EDIT,
    _P.DUTY_EDIT,
    _P.WORKSPACE_VIEW,
}
# Who works on tickets may do at least one of these; auditors, analysts and the control room watch, or hand on.
WORKING = frozenset({_P.TICKET_MOVE, _P.TICKET_REPLY, _P.TICKET_CLAIM, _P.TICKET_SUBMIT})
PERMISSIONS: dict[RoleName, frozenset[Permission]] = {
    RoleName.REQUESTER: _REQUESTER | OF_REQUESTERS_ALONE,
    RoleName.AGENT: _AGENT,
    RoleName.LEAD: _AGENT
    | {
        _P.TICKET_ARCHIVE,
        _P.TICKET_BULK,
        _P.CONFIDENTIAL_VIEW,
        _P.EXPORT,
        _P.REQUESTER_MERGE,
        _P.REQUESTER_BLOCK,
        _P.SAVED_VIEW_SHARE,
        _P.TEAM_EDIT,
    },
    RoleName.ADMIN: frozenset(Permission) - OF_REQUESTERS_ALONE,
    RoleName.AUDITOR: frozenset(
        {_P.TICKET_VIEW, _P.HISTORY_VIEW, _P.EVENTS_VIEW, _P.EXPORT, _P.WORKSPACE_VIEW, _P.REQUESTER_VIEW}
    ),
    RoleName.ANALYST: frozenset({_P.TICKET_VIEW, _P.EXPORT, _P.WORKSPACE_VIEW}),
    RoleName.CONTROL_ROOM: frozenset(
        {
            _P.TICKET_VIEW,
            _P.TICKET_NOTE,
            _P.TICKET_ASSIGN,
            _P.TICKET_TRANSFER,
            _P.TICKET_URGE,
            _P.TICKET_ESCALATE,
            _P.TICKET_FOLLOW,
            _P.HISTORY_VIEW,
            _P.EVENTS_VIEW,
            _P.REQUESTER_VIEW,
            _P.WORKSPACE_VIEW,
        }
    ),
}
