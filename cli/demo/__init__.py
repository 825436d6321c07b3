"""The demo workspace: a week of a small desk's life, told through ordinary commands."""

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from api.access import Access, Found
from api.secrets import hash_password
from cli.carrying import perform
from cli.demo import plan, scenes
from cli.imports.recording import Recording
from cli.opening import keyring_of, reading
from cli.together import batches, together
from domain.command import Command
from domain.ids import requester_id
from domain.permissions import RoleName
from domain.values import Attachment
from eventstore.desk import Desk
from eventstore.files.desk import Owner, files_of
from eventstore.settings import Settings
from eventstore.stories import stream

# Tickets that run beside each other: their events mix as on a real desk, and share commits.
AT_ONCE = 40


def seed(settings: Settings) -> list[str]:
    """Make the demo desk unless it is there; the lines that tell how to sign in. Goes on where a killed start stopped."""
    asyncio.run(_seed(settings))
    kept = settings.writable_data() / "demo.json"
    try:
        access = json.loads(kept.read_text())
    except (OSError, ValueError):
        access = asyncio.run(_grant_access(settings))
        _write_private(kept, json.dumps(access))
    people = [f"{person.login} ({person.role})" for person in plan.COLLEAGUES]
    # A desk of an older version has no requesters who sign in.
    sign_ins = ", ".join([*people, *(f"{login} (requester)" for login in access.get("requesters", ()))])
    return [
        f"Workspace {plan.SLUG}; sign in as {sign_ins}",
        f"Password of all of them: {access['password']}",
        f"API key: {access['api_key']}",
    ]


async def _seed(settings: Settings) -> None:
    url = str(settings.database_url)
    async with Desk(url, keyring_of(settings)) as desk:
        recording = Recording(desk, plan.WORKSPACE)
        completing = plan.completing(desk.clock())
        if await recording.recorded([completing]):
            return
        began = _began(settings) or desk.clock() - plan.SET_UP_BEFORE
        await _once(recording, plan.setting_up(began))
        await together(_once(recording, [command]) for command in plan.organisations(began))
        await together(_once(recording, [command]) for command in plan.customers(began))
        await desk.vault.reserve_numbers(plan.WORKSPACE, plan.TICKETS + scenes.TICKETS)
        await desk.numbers.hold(plan.WORKSPACE, scenes.UNNUMBERED)
        for lives in batches(plan.tickets(began + plan.SET_UP_BEFORE), AT_ONCE):
            await together(_once(recording, life) for life in lives)
        log = await _uploaded(settings)
        now = began + plan.SET_UP_BEFORE
        await together(_once(recording, steps) for steps in scenes.Scenes(now, log).all())
        await together(_once(recording, [view]) for view in scenes.views(now))
        await recording.execute(completing)


async def _uploaded(settings: Settings) -> Attachment:
    """The file that one of the tickets has."""

    async def pieces() -> AsyncIterator[bytes]:
        yield scenes.LOG.encode()

    owner = Owner(plan.WORKSPACE, scenes.person("sofia"))
    return (await files_of(settings, keyring_of(settings)).take(owner, pieces(), "db01.log", "text/plain"))[1]


async def _once(recording: Recording, commands: Sequence[Command]) -> None:
    """In order, without those that an earlier start got done."""
    done = await recording.recorded(commands)
    for command in commands:
        if command.command_id not in done:
            await perform(recording.desk, command)


def _began(settings: Settings) -> datetime | None:
    """When the demo's time began, if an earlier start came that far: all of its times follow from that."""
    with reading(settings) as cursor:
        events = stream(cursor, keyring_of(settings), plan.WORKSPACE)
    return events[0].metadata.occurred_at if events else None


async def _grant_access(settings: Settings) -> dict[str, Any]:
    """Sign-ins with one password of this installation's own, and a key of the admin's."""
    url, password = str(settings.database_url), secrets.token_urlsafe(12)
    # Hashing takes its time on purpose; once is enough for what is one password.
    hashed = hash_password(password)
    people = {person.login: person.id for person in plan.COLLEAGUES}
    requesters = {login: requester_id(plan.WORKSPACE, name) for login, name in plan.SIGN_INS.items()}
    async with Access(url) as access:
        for login, who in (people | requesters).items():
            await access.set_login(plan.WORKSPACE, who, login, hashed)
        admin = next(person.id for person in plan.COLLEAGUES if person.role == RoleName.ADMIN)
        _, key = await access.add_api_key(Found(plan.WORKSPACE, admin), "demo", ["admin"], None)
    return {"password": password, "api_key": key, "requesters": list(requesters)}


def _write_private(path: Path, text: str) -> None:
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
