"""Roles and what they may do (G3). One table, read by the decider, the API and the docs."""

from enum import StrEnum


class Permission(StrEnum):
    """One thing that somebody may be allowed to do."""

    TICKET_VIEW = "ticket.view"
    TICKET_OPEN = "ticket.open"
    TICKET_EDIT = "ticket.edit"
    TICKET_REPLY = "ticket.reply"
    TICKET_NOTE = "ticket.note"
    TICKET_ASSIGN = "ticket.assign"
    TICKET_MOVE = "ticket.move"
    TICKET_ERASE = "ticket.erase"
    HISTORY_VIEW = "history.view"
    EVENTS_VIEW = "events.view"
    EXPORT = "export"
    IMPORT = "import"
    REQUESTER_VIEW = "requester.view"
    REQUESTER_EDIT = "requester.edit"
    REQUESTER_ERASE = "requester.erase"
    WORKSPACE_VIEW = "workspace.view"
    WORKSPACE_EDIT = "workspace.edit"
    ACCESS_EDIT = "access.edit"


class RoleName(StrEnum):
    """The built-in roles of people who work on a desk."""

    AGENT = "agent"
    LEAD = "lead"
    ADMIN = "admin"
    AUDITOR = "auditor"
    ANALYST = "analyst"


_P = Permission
_AGENT = frozenset(
    {
        _P.TICKET_VIEW,
        _P.TICKET_OPEN,
        _P.TICKET_EDIT,
        _P.TICKET_REPLY,
        _P.TICKET_NOTE,
        _P.TICKET_ASSIGN,
        _P.TICKET_MOVE,
        _P.HISTORY_VIEW,
        _P.EVENTS_VIEW,
        _P.REQUESTER_VIEW,
        _P.REQUESTER_EDIT,
        _P.WORKSPACE_VIEW,
    }
)
PERMISSIONS: dict[RoleName, frozenset[Permission]] = {
    RoleName.AGENT: _AGENT,
    RoleName.LEAD: _AGENT | {_P.EXPORT},
    RoleName.ADMIN: frozenset(Permission),
    RoleName.AUDITOR: frozenset(
        {_P.TICKET_VIEW, _P.HISTORY_VIEW, _P.EVENTS_VIEW, _P.EXPORT, _P.WORKSPACE_VIEW, _P.REQUESTER_VIEW}
    ),
    RoleName.ANALYST: frozenset({_P.TICKET_VIEW, _P.EXPORT, _P.WORKSPACE_VIEW}),
}
