"""What the API itself refuses."""

from domain.errors import LedgerdeskError, Refusal


class NotSignedIn(Refusal):
    """No valid credentials came with the request."""

    code = "not_signed_in"
    status = 401
    sentence = "Sign in with POST /api/v1/session, or send an API key as `Authorization: Bearer ldk_...`."


class WrongPassword(Refusal):
    """Login or password is wrong; which of them is not said."""

    code = "wrong_password"
    status = 401
    sentence = "Workspace, login or password is wrong."


class SignInLocked(Refusal):
    """Too many wrong passwords."""

    code = "sign_in_locked"
    status = 429
    sentence = "Too many wrong passwords. Try again in {retry_after} s, or ask an admin for a new password."


class MissingCsrfToken(Refusal):
    """A write by cookie that may have been made by another site's page."""

    code = "csrf_token_missing"
    status = 403
    sentence = "Send the session's csrf_token as the header X-CSRF-Token with every change."


class UnknownScope(Refusal):
    """A scope that does not exist."""

    code = "unknown_scope"
    status = 422
    sentence = "No scope «{scope}». Use some of: {scopes}."


class ScopeTooWide(Refusal):
    """A key must not be given more than its maker has."""

    code = "scope_too_wide"
    status = 403
    sentence = "The scopes of a new key must be among your own; these are not: {scopes}."


class LoginTaken(Refusal):
    """Another person of the workspace signs in with it."""

    code = "login_taken"
    sentence = "Somebody else of this workspace has that login. Choose another."


class WeakPassword(Refusal):
    """Too short."""

    code = "weak_password"
    status = 422
    sentence = "A password needs at least {shortest} characters."


class UnknownApiKey(Refusal):
    """No key of that id belongs to the workspace."""

    code = "unknown_api_key"
    status = 404
    sentence = "No API key {key} in this workspace."


class RateLimited(Refusal):
    """More requests than allowed."""

    code = "rate_limited"
    status = 429
    sentence = "Too many requests. Try again in {retry_after} s."


class NotCaughtUp(Refusal):
    """A read model has not reached the position that the reader asked for."""

    code = "not_caught_up"
    sentence = "The read model is at position {position} and has not reached {wanted} yet. Ask again in a second."


class ReadModelMissing(LedgerdeskError):
    """No worker has built the read model yet."""

    code = "read_model_missing"
    status = 503
    sentence = "This list has not been built yet. Try again once `ledgerdesk worker` (or `ledgerdesk up`) runs."
