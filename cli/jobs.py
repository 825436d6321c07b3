"""`ledgerdesk jobs`: what is done in the background, how far it is, what came of it, and its end."""

import asyncio
from typing import Any
from uuid import UUID

import typer
from pydantic_core import to_json

from api.jobs import NEEDS
from cli.find import AS, JSON, Seeing, seeing
from cli.opening import WORKSPACE, ready
from cli.story import minute
from domain.errors import InvalidInput, NotAllowed
from domain.event import Actor
from domain.permissions import Permission
from eventstore import jobs as stored
from eventstore.jobs import UnknownJob
from eventstore.settings import Settings
from eventstore.vault import Vault

LISTED = 50
FAILURES = 100


def jobs(
    job: str | None = typer.Argument(None, metavar="[ID]", help="One job, with what failed of it."),
    cancel: bool = typer.Option(False, "--cancel", help="End the job between two steps; what it has done stays."),
    workspace: str | None = WORKSPACE,
    who: str | None = AS,
    as_json: bool = JSON,
) -> None:
    """List background jobs, newest first; or show one, or cancel it.

    Example: ledgerdesk jobs 018f0000-0000-7000-8000-000000000001 --cancel
    """
    if job is None and cancel:
        raise InvalidInput(field="ID", reason="say which job is to end")
    if job is None:
        with seeing(workspace, who) as me:
            found = stored.page(me.db, me.workspace, me.actor, _kinds(me), None, LISTED)
        typer.echo(to_json({"jobs": found}).decode() if as_json else "\n".join(map(_line, found)) or "No jobs.")
        return
    job_id = _id(job)
    if cancel:
        _cancel(workspace, who, job_id)
    with seeing(workspace, who) as me:
        shown = _job(me, job_id)
        failed = stored.items(me.db, me.workspace, job_id, 0, ["failed"], FAILURES)
    if as_json:
        typer.echo(to_json(shown | {"failures": failed}).decode())
        return
    typer.echo("\n".join([_line(shown), *([f"  {shown['error']}"] if shown["error"] else []), *map(_failure, failed)]))


def _cancel(workspace: str | None, who: str | None, job_id: UUID) -> None:
    with seeing(workspace, who) as me:
        job = _job(me, job_id)
        needed = NEEDS.get(job["kind"], ())
        if needed and _permissions(me).isdisjoint(needed):
            raise NotAllowed(permission=needed[0], role=me.desk.grant(me.actor).role)
        of = me.workspace
    with ready() as settings:
        asyncio.run(_ended(settings, of, job_id))


async def _ended(settings: Settings, workspace: UUID, job_id: UUID) -> None:
    async with Vault(str(settings.database_url)) as vault:
        await stored.cancel(vault, job_id, workspace)


def _job(me: Seeing, job_id: UUID) -> dict[str, Any]:
    job = stored.find(me.db, me.workspace, job_id)
    if me.actor != Actor(**job["asked_by"]) and me.actor.kind != "system" and job["kind"] not in _kinds(me):
        raise UnknownJob(job=job_id)
    return job


def _kinds(me: Seeing) -> list[str]:
    """The kinds of job that they could ask for themselves: they see all of these."""
    return [kind for kind, needed in NEEDS.items() if not _permissions(me).isdisjoint(needed)]


def _permissions(me: Seeing) -> frozenset[Permission]:
    return frozenset(Permission) if me.actor.kind == "system" else me.desk.grant(me.actor).permissions


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(field="ID", reason="is not the id of a job; see `ledgerdesk jobs`") from None


def _line(job: dict[str, Any]) -> str:
    done, of = job["done"] + job["failed"] + job["skipped"], f" of {job['total']}" if job["total"] is not None else ""
    parts = [f"{done}{of}", *(f"{job[each]} {each}" for each in ("failed", "skipped") if job[each])]
    state = "cancelling" if job["cancel_requested"] and job["state"] == "running" else job["state"]
    return f"{job['job_id']}  {minute(job['asked_at'])}  {job['kind']:<12} {state:<10} {', '.join(parts)}"


def _failure(item: dict[str, Any]) -> str:
    reasons = [each["reason"] for each in (item["detail"] or {}).get("errors", ())]
    return f"  {item['item']}: {item['code']} {'; '.join(reasons)}".rstrip()
