"""Signing in and out (G2)."""

import math
from datetime import timedelta

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import Depends, Request, Response
from pydantic import BaseModel, Field

from api import routing
from api.access import Found, normal_login
from api.auth import COOKIE, Caller, address, identity, needs
from api.bodies import SignInBody
from api.errors import RateLimited, SignInLocked, WrongPassword
from api.people import PersonView, described, seen
from api.problems import problems
from api.secrets import csrf_token, digest, new_token, password_fits
from api.services import Services, services
from domain.ids import workspace_id

router = routing.router("session")

# Wrong passwords before the delays begin: for a login, and for an address, which may be a whole company's.
ALLOWED = [5, 50]


class SignedIn(BaseModel):
    """A session has begun; its cookie is set."""

    person: PersonView
    csrf_token: str = Field(description="Send it as the header X-CSRF-Token with every change.")


def _hashing(request: Request) -> CapacityLimiter:
    """Hashing is heavy on memory and CPU: one password at a time in each process."""
    state = request.app.state
    if not hasattr(state, "hashing"):
        state.hashing = CapacityLimiter(1)
    limiter: CapacityLimiter = state.hashing
    return limiter


@router.post("/session", responses=problems(WrongPassword, SignInLocked, RateLimited))
async def sign_in(
    body: SignInBody, request: Request, response: Response, hashing: CapacityLimiter = Depends(_hashing)
) -> SignedIn:
    """Sign in with a password; sets the session cookie."""
    here = services(request)
    here.strangers.take(address(request))
    found = await _checked(here, body, address(request), hashing)
    known = await identity(here, found)
    if known is None:
        raise WrongPassword()
    token, lasts = new_token(), timedelta(days=here.settings.session_days)
    await here.access.open_session(found, token, lasts)
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(lasts.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return SignedIn(person=PersonView(**await described(here, found.workspace_id, known)), csrf_token=csrf_token(token))


async def _checked(here: Services, body: SignInBody, origin: str, hashing: CapacityLimiter) -> Found:
    """Whose password it is; WrongPassword or SignInLocked, the same for logins that do not exist."""
    workspace = workspace_id(body.workspace)
    by_login = digest("login", str(workspace), normal_login(body.login))
    subjects = [by_login, digest("address", origin)]
    if locked := await here.access.locked_for(subjects):
        raise SignInLocked(retry_after=math.ceil(locked))
    # Counted before it is checked: many guesses at once must not all pass the lock.
    await here.access.count_guess(subjects, ALLOWED)
    known = await here.access.credential(workspace, body.login)
    password = body.password.get_secret_value()
    fits = await anyio.to_thread.run_sync(password_fits, known[1] if known else None, password, limiter=hashing)
    if known is None or not fits:
        raise WrongPassword()
    await here.access.forgive(*subjects)
    return Found(workspace, known[0])


@router.get("/session")
async def read_session(me: Caller = needs()) -> SignedIn:
    """Who is signed in, and the token for changes; for a page that was loaded anew."""
    return SignedIn(person=PersonView(**await seen(me)), csrf_token="" if me.by_key else csrf_token(me.token))


@router.delete("/session", status_code=204)
async def sign_out(me: Caller = needs()) -> Response:
    """Sign out here."""
    if not me.by_key:
        await me.services.access.close_session(me.token)
        me.services.tokens.forget(me.token)
    return _without_cookie()


@router.delete("/sessions", status_code=204)
async def sign_out_everywhere(me: Caller = needs()) -> Response:
    """Sign out on every device."""
    await me.services.access.close_sessions(me.workspace_id, me.found.person_id)
    me.services.tokens.forget(me.token)
    return _without_cookie()


def _without_cookie() -> Response:
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return response
