"""What a ticket is now, as other services are told it: one message a ticket, replaced by the next."""

from domain.streaming import Shown

PRESENT = "ticket.v1"
# Which ticket, and how far: everything else may be unknown to an older message.
ALWAYS = ("workspace_id", "ticket_id", "number", "version", "position")
PRESENT_CONTENT = {"title": Shown.TITLE, "fields": Shown.FIELDS}
