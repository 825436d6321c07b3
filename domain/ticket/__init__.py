"""The ticket: events, state, commands, decisions. Importing it registers all of its stories."""

from domain.ticket import approving as approving
from domain.ticket import confidential as confidential
from domain.ticket import decisions as decisions
from domain.ticket import drafting as drafting
from domain.ticket import escalating as escalating
from domain.ticket import flowing as flowing
from domain.ticket import handling as handling
from domain.ticket import linking as linking
from domain.ticket import marking as marking
from domain.ticket import merging as merging
from domain.ticket import messages as messages
from domain.ticket import moving as moving
from domain.ticket import promising as promising
from domain.ticket import settling as settling
from domain.ticket import splitting as splitting
from domain.ticket import stepping as stepping
from domain.ticket import telling as telling
from domain.ticket import ties as ties
from domain.ticket import told as told
from domain.ticket import undoing as undoing
from domain.ticket.state import Ticket as Ticket
