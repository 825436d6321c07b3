"""Exports (C5): what can be taken out of a workspace, and the record that somebody did (H6)."""

from enum import StrEnum
from uuid import UUID

from domain.catalogue import Catalogue
from domain.command import Decision, decides
from domain.event import Event
from domain.permissions import Permission
from domain.values import Line
from domain.workspace import WorkspaceCommand


class What(StrEnum):
    """What an export has a row for."""

    TICKETS = "tickets"
    URGES = "urges"
    RETURNS = "returns"
    REMARKS = "remarks"
    TRANSFERS = "transfers"
    REPLIES = "replies"
    NOTES = "notes"
    EVENTS = "events"


class Format(StrEnum):
    """How an export or an import is written."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"
    JSONL = "jsonl"


class WorkspaceExported(Event, name="workspace.exported", version=1):
    """Somebody took data out: recorded before the file can be had. Which rows is in the job, for a week."""

    job_id: UUID
    what: What
    format: Format
    columns: tuple[str, ...]
    rows: int


class RecordExport(WorkspaceCommand):
    """Record that data is about to leave."""

    job_id: UUID
    what: What
    format: Format
    columns: tuple[Line, ...]
    rows: int


@decides(RecordExport, needs=Permission.EXPORT)
def record_export(command: RecordExport, _: Catalogue, __: Catalogue) -> Decision:
    """Always: the job's one command for it has one id."""
    asked = command.model_dump(include={"job_id", "what", "format", "columns", "rows"})
    return [WorkspaceExported(**asked)]
