"""The one tree of refusals: a stable code for programs, a sentence for people."""

from typing import ClassVar


class LedgerdeskError(Exception):
    """Root of everything that Ledgerdesk refuses or fails at.

    `code` is stable; `sentence` is a format string over the fields and says what to do.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    sentence: ClassVar[str] = "Something went wrong on our side. Please try again; if it stays, tell the operator."
    misuse: ClassVar[bool] = False

    def __init__(self, **fields: object) -> None:
        self.fields = fields
        super().__init__(self.sentence.format_map(fields))


class NewerRelease(LedgerdeskError):
    """What a newer release wrote, where nothing may be passed over."""

    code = "newer_release"
    status = 503
    sentence = (
        "«{event}» was written by a newer release of Ledgerdesk, which this process does not understand. Upgrade it: "
        "all processes of a desk run the same release."
    )


class Refusal(LedgerdeskError):
    """A command or a query that the rules of the desk do not allow."""

    code = "refused"
    status = 409
    sentence = "That is not possible now."
    misuse = True


class InvalidInput(Refusal):
    """A value that cannot be taken; `field` names it."""

    code = "invalid_input"
    status = 422
    sentence = "{field}: {reason}"


class NotAllowed(Refusal):
    """The actor lacks a permission."""

    code = "not_allowed"
    status = 403
    sentence = "This needs the permission «{permission}», which the role {role} does not have. Ask an admin for it."


class ScopeMissing(NotAllowed):
    """The API key was not given the permission, whatever its person may do."""

    code = "scope_missing"
    sentence = "This needs the permission «{permission}», which is outside this API key's scopes."


class UnknownPerson(Refusal):
    """No active person of that id belongs to the workspace."""

    code = "unknown_person"
    status = 422
    sentence = "No active person {person} in this workspace. {hint}"


class UnknownTeam(Refusal):
    """No team of that id or name belongs to the workspace."""

    code = "unknown_team"
    status = 422
    sentence = "No team {team} in this workspace. {hint}"


class UnknownRole(Refusal):
    """Neither a built-in role nor one of the workspace's own."""

    code = "unknown_role"
    status = 422
    sentence = "No role «{role}» in this workspace. Use one of: {roles}."


class UnknownStatus(Refusal):
    """The workspace has no status of that key."""

    code = "unknown_status"
    status = 422
    sentence = "No status «{status}» in this workspace. Use one of: {statuses}."


class VersionConflict(Refusal):
    """The author saw an older version than the log has (A23)."""

    code = "version_conflict"
    status = 412
    sentence = "It has changed since you saw version {seen}: it is at version {actual} now. Read it again, then repeat what you still want."


class CommandIdReused(Refusal):
    """An idempotency key came again with another content."""

    code = "idempotency_key_reused"
    status = 422
    sentence = "This idempotency key was used for a different request. Send a new key with a new request."
