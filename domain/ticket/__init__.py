"""The ticket: events, state, commands, decisions."""

from domain.ticket import decisions as decisions
from domain.ticket import told as told
from domain.ticket.state import Ticket as Ticket
