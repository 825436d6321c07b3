"""The demo workspace: a week of a small desk's life, told through ordinary commands."""

import asyncio
import json
import os
import secrets
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from api.access import create_api_key, create_login
from cli.demo import plan
from cli.imports.recording import Recording
from cli.opening import keyring_of, reading
from cli.together import batches, together
from domain.command import Command
from domain.permissions import RoleName
from eventstore.desk import Desk
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
        access = _grant_access(settings)
        _write_private(kept, json.dumps(access))
    sign_ins = ", ".join(f"{person.login} ({person.role})" for person in plan.COLLEAGUES)
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
        for command in plan.setting_up(began):
            await _once(recording, [command])
        await together(_once(recording, [command]) for command in plan.customers(began))
        await desk.vault.reserve_numbers(plan.WORKSPACE, plan.TICKETS)
        for lives in batches(plan.tickets(began + plan.SET_UP_BEFORE), AT_ONCE):
            await together(_once(recording, life) for life in lives)
        await recording.execute(completing)


async def _once(recording: Recording, commands: Sequence[Command]) -> None:
    """In order, without those that an earlier start got done."""
    done = await recording.recorded(commands)
    for command in commands:
        if command.command_id not in done:
            await recording.execute(command)


def _began(settings: Settings) -> datetime | None:
    """When the demo's time began, if an earlier start came that far: all of its times follow from that."""
    with reading(settings) as cursor:
        events = stream(cursor, keyring_of(settings), plan.WORKSPACE)
    return events[0].metadata.occurred_at if events else None


def _grant_access(settings: Settings) -> dict[str, str]:
    """Sign-ins with one password of this installation's own, and a key of the admin's."""
    url, password = str(settings.database_url), secrets.token_urlsafe(12)
    for person in plan.COLLEAGUES:
        create_login(url, plan.WORKSPACE, person.id, person.login, password)
    admin = next(person for person in plan.COLLEAGUES if person.role is RoleName.ADMIN)
    return {"password": password, "api_key": create_api_key(url, plan.WORKSPACE, admin.id, "demo", ["admin"])}


def _write_private(path: Path, text: str) -> None:
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
