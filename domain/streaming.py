"""What the stream to other services may show of a ticket's content; nothing else of anybody's is ever in it (J2)."""

from collections.abc import Mapping
from enum import StrEnum


class Shown(StrEnum):
    """A kind of content that a workspace lets the stream show."""

    TITLE = "title"
    TEXT = "text"
    FIELDS = "fields"
    FILES = "files"


USUALLY = (Shown.TITLE, Shown.TEXT)

# Content by event and field. What is not here never leaves the desk: who customers and colleagues are, saved views, all secrets.
KINDS: Mapping[tuple[str, str], Shown] = {
    ("ticket.opened", "title"): Shown.TITLE,
    ("ticket.opened", "description"): Shown.TEXT,
    ("ticket.opened", "fields"): Shown.FIELDS,
    ("ticket.retitled", "title"): Shown.TITLE,
    ("ticket.retitled", "previous"): Shown.TITLE,
    ("ticket.described", "description"): Shown.TEXT,
    ("ticket.described", "previous"): Shown.TEXT,
    ("ticket.fields_set", "fields"): Shown.FIELDS,
    ("ticket.fields_set", "previous"): Shown.FIELDS,
    ("ticket.form_saved", "fields"): Shown.FIELDS,
    ("ticket.replied", "body"): Shown.TEXT,
    ("ticket.noted", "body"): Shown.TEXT,
    ("ticket.remarked", "body"): Shown.TEXT,
    ("ticket.urged", "body"): Shown.TEXT,
    ("ticket.notice_given", "text"): Shown.TEXT,
    ("ticket.transferred", "note"): Shown.TEXT,
    ("ticket.returned", "reason"): Shown.TEXT,
    ("ticket.escalated", "reason"): Shown.TEXT,
    ("ticket.rated", "comment"): Shown.TEXT,
    ("ticket.step_submitted", "note"): Shown.TEXT,
    ("ticket.approval_requested", "note"): Shown.TEXT,
    ("ticket.approval_given", "note"): Shown.TEXT,
    ("ticket.approval_refused", "reason"): Shown.TEXT,
    ("ticket.split_off", "title"): Shown.TITLE,
    ("ticket.split_off", "body"): Shown.TEXT,
    ("ticket.attached", "file_name"): Shown.FILES,
}
