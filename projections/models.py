"""The read models that this release has."""

from domain.errors import LedgerdeskError
from projections.directory import Directory
from projections.inbox import Inbox
from projections.read_model import ReadModel
from projections.requesters import RequesterCards
from projections.saved_views import SavedViews
from projections.ticket_drafts import TicketDrafts
from projections.ticket_history import TicketHistory
from projections.ticket_list import TicketList
from projections.ticket_search import TicketSearch
from projections.ticket_timeline import TicketTimeline

READ_MODELS: tuple[ReadModel, ...] = (
    TicketList(),
    TicketTimeline(),
    TicketHistory(),
    TicketSearch(),
    Directory(),
    SavedViews(),
    RequesterCards(),
    TicketDrafts(),
    Inbox(),
)


class UnknownReadModel(LedgerdeskError):
    """No read model has that name."""

    code = "unknown_read_model"
    status = 404
    misuse = True
    sentence = "There is no read model {name}. There are: {names}."


def named(name: str) -> ReadModel:
    """The read model of that name, or UnknownReadModel."""
    found = next((model for model in READ_MODELS if name == model.NAME), None)
    if found is None:
        raise UnknownReadModel(name=name, names=", ".join(model.NAME for model in READ_MODELS))
    return found
